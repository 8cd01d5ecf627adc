"""Copies operators' reference genomes from the references bucket to an annotator's disk."""

import argparse
import logging
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from botocore.exceptions import BotoCoreError, ClientError

from aws import log as logs
from aws.config import ConfigError, load
from aws.resources import connect
from aws.storage.files import Files, StoredObject

log = logging.getLogger(__name__)

DESCRIPTION = "reference.json"


def folders(files: Files) -> dict[str, list[StoredObject]]:
    """The objects of each reference by its name; those that annotators only describe are left out.

    A reference is what stands under `<name>/`; annotators write `<name>/reference.json` for those
    that they have anyway.
    """
    found: dict[str, list[StoredObject]] = {}
    for stored in files.listing(files.references):
        name, _, file = stored.key.partition("/")
        if file and ".." not in PurePosixPath(stored.key).parts:
            found.setdefault(name, []).append(stored)
    return {name: told for name, told in found.items() if len(told) > 1 and _described(told)}


def _described(told: list[StoredObject]) -> bool:
    return any(stored.key.endswith(f"/{DESCRIPTION}") for stored in told)


def copy(files: Files, to: Path) -> Iterator[str]:
    """Bring each reference's files to `to/<name>/`, those of another size only; yield the names.

    The description comes last: without it a folder is no reference.
    """
    for name, told in folders(files).items():
        for stored in sorted(told, key=lambda s: s.key.endswith(DESCRIPTION)):
            path = to / stored.key
            if not path.exists() or path.stat().st_size != stored.bytes:
                path.parent.mkdir(parents=True, exist_ok=True)
                files.download(stored.bucket, stored.key, path)
        yield name


def main() -> None:
    """The command line: `python -m aws.stack.references FOLDER`."""
    parser = argparse.ArgumentParser(
        prog="python -m aws.stack.references",
        description=__doc__,
        epilog="example: python -m aws.stack.references /var/lib/gas/references",
    )
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    logs.setup("references")
    try:
        for name in copy(connect(load()).files, asked.folder):
            log.info("reference %s is here", name)
    except (ConfigError, BotoCoreError, ClientError, OSError) as fault:
        sys.exit(f"gas: {fault}")


if __name__ == "__main__":
    main()
