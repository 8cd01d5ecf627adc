"""Brings a file from a path or a URL: with progress, going on where it stopped, and checked."""

import hashlib
import json
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

import requests

CHUNK_BYTES = 1 << 18
ATTEMPTS = 6
TIMEOUT_S = 60
PROGRESS_S = 5
MB = 1_000_000
ALGORITHMS = ("sha256", "md5")
Say = Callable[[str], None]


class FetchError(ValueError):
    """A file cannot be had; the reason in one line."""


def _to_terminal(words: str) -> None:
    sys.stderr.write(words + "\n")


@dataclass(frozen=True)
class Fetcher:
    """The folder that files go to, one with copies of them, and who hears of progress.

    `mirror` is a folder of copies, looked at first for a URL's file name. A download that broke off
    goes on after `backoff_s`, doubled each time.
    """

    folder: Path
    mirror: Path | None = None
    say: Say = _to_terminal
    backoff_s: float = 1.0
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, source: str) -> Path:
        """The file that a path or URL names. Raises FetchError.

        A fragment `#sha256=HEX` or `#md5=HEX` is the checksum that it must have.
        """
        place, _, checksum = source.partition("#")
        path = self._path(place)
        if checksum:
            try:
                _demand_checksum(path, checksum)
            except FetchError:
                if self.folder in path.parents:
                    path.unlink()  # the next attempt is to bring it anew
                raise
        return path

    def _path(self, place: str) -> Path:
        url = urlsplit(place)
        if url.scheme == "file":
            return _existing(Path(unquote(url.path)))
        if url.scheme in ("ftp", "s3", "gs"):
            raise FetchError(f"{place}: only http, https and file URLs; most servers offer https")
        if url.scheme not in ("http", "https"):
            return _existing(Path(place))
        name = Path(unquote(url.path)).name
        if not name or name.startswith("."):
            raise FetchError(f"{place} names no file")
        if self.mirror and (self.mirror / name).is_file():
            self.say(f"{name}: from {self.mirror}")
            return self.mirror / name
        return self._download(place, name)

    def _download(self, url: str, name: str) -> Path:
        """The file at a URL, whole; one that is here already is not brought again."""
        folder = self.folder / hashlib.sha256(url.encode()).hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True)
        whole, part = folder / name, folder / f"{name}.part"
        for attempt in range(ATTEMPTS):
            try:
                if whole.exists() or self._attempt(url, part):
                    break
            except requests.RequestException as fault:
                self.say(f"{name}: {_short(fault)}")
            if attempt + 1 == ATTEMPTS:
                raise FetchError(f"{url}: broke off {ATTEMPTS} times; run the command again")
            time.sleep(self.backoff_s * 2**attempt)
        if part.exists():
            part.replace(whole)
        return whole

    def _attempt(self, url: str, part: Path) -> bool:
        """Go on with the download; whether the file is whole now."""
        state = part.with_suffix(".state")
        begun = part.stat().st_size if part.exists() and state.exists() else 0
        headers = {"Accept-Encoding": "identity"}
        if begun:
            validator = json.loads(state.read_text())["validator"]
            headers |= {"Range": f"bytes={begun}-", "If-Range": validator}
        with self.session.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as answer:
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                part.unlink()
                return False
            if answer.status_code >= requests.codes.internal_server_error:
                return False
            if not answer.ok:
                raise FetchError(f"{url}: {answer.status_code} {answer.reason}")
            goes_on = answer.status_code == requests.codes.partial_content
            _note_validator(answer, state)
            total = int(answer.headers.get("Content-Length", 0)) + (begun if goes_on else 0)
            with part.open("ab" if goes_on else "wb") as file:
                self._copy(answer, file, total)
        return part.stat().st_size == total or not total

    def _copy(self, answer: requests.Response, file: BinaryIO, total: int) -> None:
        said = time.monotonic()
        # What came before a break is kept: the caller compares the lengths.
        answer.raw.enforce_content_length = False
        for block in answer.iter_content(CHUNK_BYTES):
            file.write(block)
            if time.monotonic() - said > PROGRESS_S:
                said = time.monotonic()
                of = f" of {total / MB:,.0f}" if total else ""
                self.say(f"{Path(file.name).stem}: {file.tell() / MB:,.0f}{of} MB")


def _note_validator(answer: requests.Response, state: Path) -> None:
    """Keep what tells this version of the file; without one a download begins anew."""
    validator = answer.headers.get("ETag", "")
    if not validator or validator.startswith("W/"):
        validator = answer.headers.get("Last-Modified", "")
    if validator:
        state.write_text(json.dumps({"validator": validator}))
    else:
        state.unlink(missing_ok=True)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise FetchError(f"{path}: no such file")
    return path


def _demand_checksum(path: Path, checksum: str) -> None:
    algorithm, _, wanted = checksum.partition("=")
    if algorithm not in ALGORITHMS or not wanted:
        raise FetchError(f"#{checksum}: a checksum is #sha256=HEX or #md5=HEX")
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, algorithm).hexdigest()
    if found != wanted.lower():
        raise FetchError(f"{path.name} has the {algorithm} {found}, not {wanted}")


def _short(fault: Exception) -> str:
    return str(fault).splitlines()[0][:200]


def remove(folder: Path) -> None:
    """Delete what was downloaded."""
    shutil.rmtree(folder, ignore_errors=True)
