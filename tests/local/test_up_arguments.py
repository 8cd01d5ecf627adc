"""Every mistake on the command line of `./gas up` and `demo` is answered in one line."""

import subprocess
import sys
from pathlib import Path

import pytest

from aws.machine.stop_request import StopRequest
from local import demo, up
from local.addresses import is_loopback
from local.people import PEOPLE
from tests.conftest import PATIENCE_S


def answer(*options: str) -> tuple[int, list[str]]:
    argv = [sys.executable, "-m", "local.up", *options]
    ran = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S)
    return ran.returncode, (ran.stdout + ran.stderr).splitlines()


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--port", "65535"), 2, "65535 is not a port from 1 to 65533"),
        (("--port", "0"), 2, "0 is not a port from 1 to 65533"),
        (("--port", "abc"), 2, "abc is not a port from 1 to 65533"),
        (("--workers", "0"), 2, "0 is not a whole number from 1 on"),
        (("--workers", "-1"), 2, "-1 is not a whole number from 1 on"),
        (("--data", "/dev/null/gas"), 1, "/dev/null/gas cannot be written (Not a directory)"),
        (("--host", "0.0.0.0"), 1, "name the one address"),
        (("--host", "192.0.2.1"), 1, "192.0.2.1: this is not an address of this machine"),
        (("--host", "a..b"), 1, "no IPv4 address is known by this name"),
    ],
)
def test_a_mistake_has_one_line(
    tmp_path: Path, options: tuple[str, ...], code: int, words: str
) -> None:
    data = () if "--data" in options else ("--data", str(tmp_path))
    returned, lines = answer(*data, *options)
    assert (returned, len(lines)) == (code, 1), lines
    assert lines[0].startswith("gas: ")
    assert words in lines[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--bogus"], "unrecognized arguments: --bogus; ./gas demo --help lists the options"),
        (["--as", "nobody"], "invalid choice: 'nobody'"),
        (["/"], "gas: /: no file to annotate"),
    ],
)
def test_a_mistake_of_a_demo_has_one_line_too(
    options: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["demo", *options])
    monkeypatch.setattr(StopRequest, "on_signals", lambda self: self)
    with pytest.raises(SystemExit) as ended:
        demo.main()
    said = capsys.readouterr().err or f"{ended.value}\n"
    assert words in said
    assert said.count("\n") == 1


def test_help_has_an_example() -> None:
    code, lines = answer("--help")
    assert code == 0
    assert "example: ./gas up" in "\n".join(lines)


def test_the_stand_ins_are_announced_as_no_protection_off_loopback() -> None:
    assert is_loopback("localhost")
    assert not is_loopback("192.0.2.1")
    assert "192.0.2.1" in up.WARNING.format(host="192.0.2.1")


def test_each_person_has_a_role_to_be_shown() -> None:
    assert all(person.role for person in PEOPLE.values())
