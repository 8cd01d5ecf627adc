"""The log: one line a record on standard error, for systemd, CloudWatch and `./gas up`.

Names, files and addresses of strangers stand in it: whatever could end a line or steer a terminal
is escaped, and the lines of a traceback are marked, so that none of them passes for a record.
"""

import logging
import os
import re
import sys
import time
from types import TracebackType

MARK = "    | "
UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
"""Control characters, line ends of Unicode, and what changes the direction of text unseen."""


class LineFormatter(logging.Formatter):
    """Formats a record as `<time> <level> <process> <message>`, in UTC."""

    converter = staticmethod(time.gmtime)

    def __init__(self, name: str) -> None:
        line = f"%(asctime)s.%(msecs)03dZ %(levelname)s {name} %(message)s"
        super().__init__(line, "%Y-%m-%dT%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (logging's name)
        """The record's one line."""
        return _escaped(super().formatMessage(record))

    def formatException(  # noqa: N802
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None]
        | tuple[None, None, None],
    ) -> str:
        """The traceback, each line marked."""
        return _marked(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802
        """The stack, each line marked."""
        return _marked(super().formatStack(stack_info))


def setup(name: str) -> None:
    """Log INFO and above, on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(name))
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "INFO"), handlers=[handler], force=True)
    logging.getLogger("botocore").setLevel(logging.WARNING)


def _marked(text: str) -> str:
    return "\n".join(MARK + _escaped(line) for line in text.split("\n"))


def _escaped(text: str) -> str:
    return UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
