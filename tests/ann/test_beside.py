"""A process that writes beside the one that reads what it writes."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ann.beside import Beside, StaleError
from ann.csq import CrashError, LimitError
from ann.growing import LineFile

Tell = Callable[[str], None]
TEXT = b"".join(b"%d\n" % n * (n % 7) for n in range(5_000))


def writes(path: Path) -> Callable[[Tell], str]:
    """Write TEXT to a file piece by piece, and tell when the first is there."""

    def make(tell: Tell) -> str:
        with path.open("wb", buffering=0) as file:
            for at in range(0, len(TEXT), 333):
                file.write(TEXT[at : at + 333])
                if not at:
                    tell("begun")
        return "written"

    return make


def test_whole_lines_of_a_file_that_grows_are_read(tmp_path: Path) -> None:
    beside, pieces = Beside[str](writes(tmp_path / "lines")), []
    assert beside.next() == "begun"
    with LineFile(tmp_path / "lines", beside) as file:
        while piece := file.read(100):
            pieces.append(piece)
    assert b"".join(pieces) == TEXT
    assert all(piece.endswith(b"\n") for piece in pieces)
    assert beside.last() == "written"


def test_what_comes_last_is_read_without_a_newline(tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes(b"one\ntwo")
    with LineFile(tmp_path / "lines") as file:
        assert [file.read(100), file.read(100), file.read(100)] == [b"one\n", b"two", b""]


def test_a_reader_hears_that_what_it_read_is_made_anew(tmp_path: Path) -> None:
    def make(tell: Tell) -> str:
        tell("begun")
        tell("begun again")
        return "written"

    (tmp_path / "lines").write_bytes(b"")
    beside = Beside[str](make)
    beside.next()
    with LineFile(tmp_path / "lines", beside) as file, pytest.raises(StaleError):
        file.read(100)
    assert beside.last() == "written"


def test_a_reader_that_lags_hears_it_before_it_reads_on(tmp_path: Path) -> None:
    """It would read the old file to its end, or the new one from the middle."""
    source, sink = os.pipe()

    def make(tell: Tell) -> str:
        tell("begun")
        tell("begun again")
        os.write(sink, b"x")
        return "written"

    (tmp_path / "lines").write_bytes(TEXT)
    beside = Beside[str](make)
    beside.next()
    with LineFile(tmp_path / "lines", beside) as file:
        os.read(source, 1)
        with pytest.raises(StaleError):
            file.read(100)
    os.close(source)
    os.close(sink)


def test_what_is_raised_in_it_is_raised_where_it_is_read_and_says_where(tmp_path: Path) -> None:
    def fail(tell: Tell) -> str:
        tell("begun")
        raise LimitError("too large")

    (tmp_path / "lines").write_bytes(b"")
    beside = Beside[str](fail)
    beside.next()
    file = LineFile(tmp_path / "lines", beside)
    with file, pytest.raises(LimitError, match="too large") as fault:
        file.read(100)
    assert "in fail" in fault.value.__notes__[0]


def test_one_that_is_killed_is_a_crash() -> None:
    def die(_: Tell) -> str:
        os.kill(os.getpid(), signal.SIGKILL)
        return "alive"

    with pytest.raises(CrashError):
        Beside[str](die).last()


def test_it_ends_with_the_reader() -> None:
    """A reader that fails ends its job, whatever is still being written."""

    def wait(tell: Tell) -> str:
        tell(str(os.getpid()))
        time.sleep(600)
        return "written"

    source, sink = os.pipe()
    reader = os.fork()
    if reader == 0:
        try:
            os.write(sink, Beside[str](wait).next().encode())
        finally:
            os._exit(0)
    os.close(sink)
    os.waitpid(reader, 0)
    assert int(os.read(source, 20)) != reader
    assert os.read(source, 1) == b"", "the last to hold the pipe has gone"
    os.close(source)
