"""The example that both load tools send, and the checks of their command lines."""

import sys
from pathlib import Path
from urllib.parse import urlsplit

from aws.config import LOOPBACK

EXAMPLE = Path(__file__).resolve().parent.parent / "ann" / "references" / "rCRS" / "example.vcf"


def demand_local(url: str, anywhere: bool) -> None:
    """Exit with one line where the load would leave this machine unbidden."""
    if urlsplit(url).hostname not in LOOPBACK and not anywhere:
        sys.exit(f"gas: {url} is not on this machine; --anywhere allows it")


def demand_file(path: Path) -> None:
    if not path.is_file():
        sys.exit(f"gas: {path}: no such file")
