"""The log: no text that comes from outside begins a line of its own, or steers a terminal."""

import logging
import re
import subprocess
import sys

import pytest

from aws import log

FORGED = "x\n2026-11-24T00:00:00.000Z ERROR sweep FORGED"
LINE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z (INFO|ERROR) web ")
FEW = "\x1b[31m", "\r", "\x00", "\x85", "\u2028", "\u202e", "\x7f"


def lines(message: str, *args: object, fault: BaseException | None = None) -> list[str]:
    """A record as it is written."""
    info = (type(fault), fault, None) if fault else None
    record = logging.LogRecord("web", logging.ERROR, "", 0, message, args, info)
    return log.LineFormatter("web").format(record).split("\n")


def test_a_line_in_an_argument_is_no_line() -> None:
    (line,) = lines("a login was given up: %s", FORGED)
    assert LINE.match(line)
    assert line.endswith("up: x\\n2026-11-24T00:00:00.000Z ERROR sweep FORGED")


@pytest.mark.parametrize("char", FEW)
def test_what_steers_a_terminal_is_escaped(char: str) -> None:
    (line,) = lines("file %s", f"a{char}b")
    assert char not in line
    assert "\\" in line


def test_other_letters_stay() -> None:
    assert lines("Grüße, %s", "日本")[0].endswith("Grüße, 日本")


def test_the_lines_of_a_traceback_are_marked() -> None:
    first, *rest = lines("broken", fault=ValueError(FORGED + "\x1b"))
    assert LINE.match(first)
    assert rest
    assert all(line.startswith(log.MARK) for line in rest)
    assert not any("\x1b" in line for line in rest)


def test_the_process_logs_so(capfd: pytest.CaptureFixture[str]) -> None:
    code = f"import logging; from aws import log; log.setup('web'); logging.error({FORGED!r})"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    (line,) = capfd.readouterr().err.splitlines()
    assert LINE.match(line)
