"""The log: one line a record on standard error, for systemd, CloudWatch and `./gas up`."""

import logging
import os
import sys
import time


def setup(name: str) -> None:
    """Log INFO and above as `<time> <level> <process> <message>`, in UTC."""
    logging.Formatter.converter = time.gmtime
    logging.basicConfig(
        level=os.environ.get("LOG_LEVEL", "INFO"),
        stream=sys.stderr,
        format=f"%(asctime)s.%(msecs)03dZ %(levelname)s {name} %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
        force=True,
    )
    logging.getLogger("botocore").setLevel(logging.WARNING)
