"""Adds references to the operators' folder, and removes them: whole, or not at all.

All work is done in `.adding-NAME` beside the finished references; one rename makes it a reference.
"""

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ann.build import Build, BuildError, Wanted
from ann.contig_names import NamesError
from ann.fetch import Fetcher, FetchError
from ann.genetic_codes import CHANGES
from ann.gff_lines import GFFError
from ann.known import KnownError
from ann.known_rows import RowError
from ann.reading_frames import FrameError
from ann.references import Reference, installed, load
from ann.sequences import SequenceError
from ann.smoke import SmokeError
from aws.storage.reference_folder import NAME, sync, sync_one

ADDING = ".adding-"
REMOVING = ".removing-"
FAULTS = (
    BuildError,
    duckdb.Error,
    EOFError,
    FetchError,
    FrameError,
    GFFError,
    KnownError,
    NamesError,
    RowError,
    SequenceError,
    SmokeError,
)


class AddError(ValueError):
    """A reference cannot be added or removed; the reason in one line."""


def add(wanted: Wanted, folder: Path, fetcher_of: Callable[[Path], Fetcher]) -> Reference:
    """Build `folder/NAME`; `fetcher_of` gets the folder for downloads.

    Raises AddError; nothing is a reference then that was none before. What was downloaded stays
    for the next attempt.
    """
    demand_words(wanted)
    _demand_new(wanted.name, folder)
    with _workplace(folder, wanted.name) as work:
        scratch = work / wanted.name
        scratch.mkdir()
        try:
            Build(wanted, scratch, fetcher_of(work / "downloads")).run()
        except FAULTS as fault:
            raise AddError(" ".join(str(fault).split())) from None
        load(scratch)
        sync(scratch)
        _demand_new(wanted.name, folder)
        scratch.rename(folder / wanted.name)
        sync_one(folder)
    shutil.rmtree(work, ignore_errors=True)
    return load(folder / wanted.name)


def demand_words(wanted: Wanted) -> None:
    """Raise AddError for a name or a genetic code that cannot be, before anything is fetched."""
    if not NAME.fullmatch(wanted.name):
        raise AddError(
            f"{wanted.name!r} cannot be a reference's name: letters, digits, dots, underscores "
            "and hyphens, the first a letter or digit"
        )
    for code in (wanted.genetic_code, *wanted.contig_codes.values()):
        if code not in CHANGES:
            codes = ", ".join(map(str, CHANGES))
            raise AddError(f"there is no genetic code {code}; NCBI's are {codes}")
    names = [spec.name for spec in wanted.known]
    if len(names) != len(set(names)):
        raise AddError("two sources of known variants have the same name")


def _demand_new(name: str, folder: Path) -> None:
    """Raise AddError where the name is taken; one that differs in case only is taken too."""
    taken = [r.name for r in installed(folder)]
    taken += [path.name for path in folder.glob("*") if path.is_dir()]
    same = [other for other in taken if other.lower() == name.lower()]
    if same:
        raise AddError(f"there is a reference {same[0]} already")


@contextmanager
def _workplace(folder: Path, name: str) -> Iterator[Path]:
    """The folder to build in, for one process at a time; after a failure its downloads stay."""
    work = folder / f"{ADDING}{name}"
    work.mkdir(parents=True, exist_ok=True)
    with (work / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AddError(f"{name} is being added by another process") from None
        shutil.rmtree(work / name, ignore_errors=True)  # what a killed attempt left
        try:
            yield work
        finally:
            shutil.rmtree(work / name, ignore_errors=True)
            if not (work / "downloads").exists():
                (work / "lock").unlink()
                work.rmdir()


def remove(name: str, folder: Path) -> None:
    """Remove an added reference, and what an attempt to add it left. Raises AddError."""
    path, adding = folder / name, folder / f"{ADDING}{name}"
    if not NAME.fullmatch(name) or not (path.is_dir() or adding.is_dir()):
        raise AddError(f"there is no added reference {name}")
    if path.is_dir():
        gone = folder / f"{REMOVING}{name}"
        shutil.rmtree(gone, ignore_errors=True)
        path.rename(gone)
        sync_one(folder)
        shutil.rmtree(gone)
    shutil.rmtree(adding, ignore_errors=True)
