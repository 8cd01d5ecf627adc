"""Copies operators' reference genomes from the references bucket to an annotator's disk."""

import argparse
import json
import logging
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from aws import log as logs
from aws.config import ConfigError, load
from aws.resources import connect
from aws.storage.files import Files
from aws.storage.reference_folder import DESCRIPTION, NAME, Manifest, sha256, sync, sync_one

log = logging.getLogger(__name__)

FETCHING, REPLACED = ".fetching-", ".replaced-"


class BrokenReference(ValueError):
    """A reference in the bucket is not as its reference.json says; what the operator can do."""


def names(files: Files) -> list[str]:
    """The references in the bucket: folders with more than a reference.json.

    A lone reference.json is an annotator's report of a reference on its own disk.
    """
    found: dict[str, int] = {}
    for stored in files.listing(files.references):
        name, _, file = stored.key.partition("/")
        if file and NAME.fullmatch(name):
            found[name] = found.get(name, 0) + 1
    return [name for name, objects in found.items() if objects > 1]


def fetch_all(files: Files, to: Path) -> Iterator[str]:
    """Bring every reference to `to/<name>/`, whole and verified, and yield its name.

    One that is not as its reference.json says is logged and left out.
    """
    to.mkdir(parents=True, exist_ok=True)
    for name in names(files):
        try:
            fetch(files, name, to)
        except (ValueError, FileNotFoundError) as fault:
            log.error("reference %s is left out: %s", name, fault)
            continue
        yield name


def fetch(files: Files, name: str, to: Path) -> None:
    """Bring one reference; one rename puts it in place, for all jobs of this machine.

    Raises BrokenReference, and FileNotFoundError where a file is not in the bucket.
    """
    description = files.read_json(files.references, f"{name}/{DESCRIPTION}")
    manifest = _manifest(description)
    folder, scratch = to / name, to / f"{FETCHING}{name}"
    if _is_here(folder, description, manifest):
        return
    shutil.rmtree(scratch, ignore_errors=True)
    for file, stated in manifest.items():
        path = scratch / file
        path.parent.mkdir(parents=True, exist_ok=True)
        files.download(files.references, f"{name}/{file}", path)
        if path.stat().st_size != stated["bytes"] or sha256(path) != stated["sha256"]:
            shutil.rmtree(scratch)
            raise BrokenReference(f"{file} differs from {DESCRIPTION}; copy the folder again")
    (scratch / DESCRIPTION).write_text(json.dumps(description), encoding="utf-8")
    _put_in_place(scratch, folder, to / f"{REPLACED}{name}")


def _manifest(description: Any) -> Manifest:
    """The files that reference.json lists. Raises BrokenReference."""
    manifest = description.get("files") if isinstance(description, dict) else None
    if not isinstance(manifest, dict) or not manifest:
        raise BrokenReference(f"{DESCRIPTION} lists no files; add it again: ./gas reference add")
    for file, stated in manifest.items():
        path = PurePosixPath(file)
        if not isinstance(stated, dict) or not stated.keys() >= {"bytes", "sha256"}:
            raise BrokenReference(f"{DESCRIPTION} has no size and SHA-256 for {file!r}")
        if path.is_absolute() or ".." in path.parts or path.name == DESCRIPTION:
            raise BrokenReference(f"{DESCRIPTION} lists {file!r}, which is no file of it")
    return manifest


def _is_here(folder: Path, description: dict[str, Any], manifest: Manifest) -> bool:
    """Tell if the folder holds this very reference; what was verified once is known by size."""
    try:
        same = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8")) == description
        sizes = {file: (folder / file).stat().st_size for file in manifest}
    except (OSError, ValueError):
        return False
    return same and all(sizes[file] == stated["bytes"] for file, stated in manifest.items())


def _put_in_place(scratch: Path, folder: Path, replaced: Path) -> None:
    sync(scratch)
    shutil.rmtree(replaced, ignore_errors=True)
    if folder.exists():
        folder.rename(replaced)
    scratch.rename(folder)
    sync_one(folder.parent)
    shutil.rmtree(replaced, ignore_errors=True)


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
        for name in fetch_all(connect(load()).files, args.folder):
            log.info("reference %s is on this disk", name)
    except (ConfigError, BotoCoreError, ClientError, OSError) as fault:
        sys.exit(f"gas: {fault}")


if __name__ == "__main__":
    main()
