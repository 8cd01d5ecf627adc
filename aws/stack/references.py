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
    """The objects of each reference by its name.

    A reference is all objects under `<name>/`. A lone `<name>/reference.json` is left out: it is
    an annotator's report of a reference on its own disk.
    """
    found: dict[str, list[StoredObject]] = {}
    for stored in files.listing(files.references):
        name, _, file = stored.key.partition("/")
        if file and ".." not in PurePosixPath(stored.key).parts:
            found.setdefault(name, []).append(stored)
    return {name: objects for name, objects in found.items() if _is_reference(objects)}


def _is_reference(objects: list[StoredObject]) -> bool:
    return len(objects) > 1 and any(o.key.endswith(f"/{DESCRIPTION}") for o in objects)


def copy(files: Files, to: Path) -> Iterator[str]:
    """Download each reference to `to/<name>/` and yield its name; files of equal size are skipped.

    The description comes last: without it a folder is no reference.
    """
    for name, objects in folders(files).items():
        for stored in sorted(objects, key=lambda s: s.key.endswith(DESCRIPTION)):
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
    args = parser.parse_args()
    logs.setup("references")
    try:
        for name in copy(connect(load()).files, args.folder):
            log.info("reference %s is on this disk", name)
    except (ConfigError, BotoCoreError, ClientError, OSError) as fault:
        sys.exit(f"gas: {fault}")


if __name__ == "__main__":
    main()
