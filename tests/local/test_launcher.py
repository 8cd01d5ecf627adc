"""The launcher `./gas`: what it installs for which command, and what it shows meanwhile."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from aws.processes import PROCESSES, GasProcess
from tests.conftest import PATIENCE_S

ROOT = Path(__file__).parents[2]
PIP_SAYS = """\
Ignoring pywin32: markers 'sys_platform == "win32"' don't match your environment
Collecting boto3==1.44.5 (from -r requirements.txt (line 5))
  Downloading boto3-1.44.5-py3-none-any.whl (141 kB)
Collecting flask==3.1.3 (from -r requirements.txt (line 9))
Processing /wheels/six-1.17.0-py2.py3-none-any.whl (from -r requirements.txt (line 12))
Installing collected packages: boto3, flask, six
Successfully installed boto3-1.44.5 flask-3.1.3
"""
PYTHON = """\
#!/bin/sh
# Stands for every python: notes how it is called, makes a venv, plays pip.
here=$(dirname "$0")
case "$*" in
-c*) exit 0 ;;
"-m venv --clear "*)
    echo "$*" >>"$CALLS"
    rm -rf "$4"
    mkdir -p "$4/bin"
    cp "$0" "$4/bin/python" ;;
"-m pip install "*)
    echo "pip ${*##*/}" >>"$CALLS"
    [ -z "${PIP_GATE:-}" ] || read -r _ <"$PIP_GATE"
    cat "$PIP_SAYS"
    exit "$PIP_CODE" ;;
*)
    echo "$*" >>"$CALLS"
    echo "$no_proxy $NO_PROXY" >"$CALLS-proxy"
    echo "${AWS_ACCESS_KEY_ID-none} ${AWS_SECRET_ACCESS_KEY-none}" >"$CALLS-keys" ;;
esac
"""


@dataclass
class Clone:
    """A fresh clone of the launcher, where a script stands for python and pip."""

    folder: Path

    @property
    def calls(self) -> list[str]:
        """What python was called with since the last look."""
        calls = self.folder / "calls"
        lines = calls.read_text().splitlines() if calls.exists() else []
        calls.unlink(missing_ok=True)
        return [line.replace(f"{self.folder}/", "") for line in lines]

    @property
    def keys(self) -> str:
        """The keys for AWS that python was last called with."""
        return (self.folder / "calls-keys").read_text().strip()

    def gas(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        begun = self.begin(*words, **more)
        out, err = begun.communicate(timeout=PATIENCE_S)
        return subprocess.CompletedProcess(words, begun.returncode, out, err)

    def begin(self, *words: str, **more: str) -> subprocess.Popen[str]:
        env = {
            "PATH": f"{self.folder / 'path'}:/usr/bin:/bin",
            "CALLS": str(self.folder / "calls"),
            "PIP_SAYS": str(self.folder / "pip-says"),
            "PIP_CODE": "0",
            **more,
        }
        argv, pipe = [str(self.folder / "gas"), *words], subprocess.PIPE
        return subprocess.Popen(argv, stdout=pipe, stderr=pipe, text=True, env=env)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    for name in ("gas", "requirements-local.txt", "requirements-dev.txt"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / "path" / "python3"
    python.parent.mkdir()
    python.write_text(PYTHON)
    python.chmod(0o755)
    (tmp_path / "pip-says").write_text(PIP_SAYS)
    return Clone(tmp_path)


def test_up_installs_only_what_running_needs_and_only_once(clone: Clone) -> None:
    assert clone.gas("up", "--port", "6000").returncode == 0
    first = ["-m venv --clear .venv", "pip requirements-local.txt", "-m local.up --port 6000"]
    assert clone.calls == first
    clone.gas("up")
    assert clone.calls == ["-m local.up"]


def test_the_tools_of_developers_are_added_to_it(clone: Clone) -> None:
    clone.gas("sweep")
    assert clone.calls[-1] == "-m util.sweep"
    clone.gas("chaos")
    assert clone.calls == ["pip requirements-dev.txt", "-m tests.proofs.chaos"]
    clone.gas("chaos")
    clone.gas("demo")
    assert clone.calls == ["-m tests.proofs.chaos", "-m local.demo"]


@pytest.mark.parametrize(
    ("name", "again"),
    [
        ("local", ["-m venv --clear .venv", "pip requirements-local.txt"]),
        ("dev", []),
    ],
)
def test_a_changed_set_is_installed_again(clone: Clone, name: str, again: list[str]) -> None:
    clone.gas("chaos")
    with (clone.folder / f"requirements-{name}.txt").open("a") as file:
        file.write("# changed\n")
    assert clone.calls
    clone.gas("up")
    assert clone.calls == [*again, "-m local.up"]
    clone.gas("chaos")
    assert clone.calls == ["pip requirements-dev.txt", "-m tests.proofs.chaos"]


def test_of_two_first_uses_at_once_the_second_waits_for_the_first(clone: Clone) -> None:
    """README has two commands, and the first of them is minutes in its installation."""
    gate = clone.folder / "gate"
    os.mkfifo(gate)
    first = clone.begin("up", PIP_GATE=str(gate))
    assert first.stderr
    assert first.stderr.readline().startswith("gas: installing")
    second = clone.begin("demo")
    assert second.stderr
    waits = f"gas: another ./gas (process {first.pid}) is installing; waiting for it\n"
    assert second.stderr.readline() == waits
    gate.write_text("go on\n")
    assert [one.wait(PATIENCE_S) for one in (first, second)] == [0, 0]
    installed = ["-m venv --clear .venv", "pip requirements-local.txt"]
    assert clone.calls[:2] == installed
    clone.gas("up")
    assert clone.calls == ["-m local.up"]
    for one in (first, second):
        one.communicate()


def test_an_installation_that_was_killed_holds_nobody_up(clone: Clone) -> None:
    (clone.folder / ".venv.lock").symlink_to("99999999")
    assert clone.gas("up").returncode == 0
    assert clone.calls[-1] == "-m local.up"
    assert not (clone.folder / ".venv.lock").is_symlink()


def test_each_package_is_shown_as_it_comes(clone: Clone) -> None:
    lines = clone.gas("up").stderr.splitlines()
    assert lines[0].startswith("gas: installing what running needs into .venv: ")
    count = lines[0].split()[-2]
    assert lines[1:] == [
        f"gas: [1 of {count}] boto3==1.44.5",
        f"gas: [2 of {count}] flask==3.1.3",
        f"gas: [3 of {count}] six-1.17.0-py2.py3-none-any.whl",
        "gas: unpacking (seconds) …",
    ]


def test_a_failed_install_shows_pips_words_and_is_tried_again(clone: Clone) -> None:
    (clone.folder / "pip-says").write_text("ERROR: No matching distribution found for boto3\n")
    ran = clone.gas("up", PIP_CODE="1")
    assert ran.returncode == 1
    said, last = ran.stderr.splitlines()[-2:]
    assert said == "ERROR: No matching distribution found for boto3"
    assert last.startswith("gas: pip could not install")
    assert clone.calls[-1] == "pip requirements-local.txt"
    clone.gas("up")
    assert clone.calls[-2:] == ["pip requirements-local.txt", "-m local.up"]


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
def test_the_launcher_runs_and_lists_the_process(clone: Clone, process: GasProcess) -> None:
    assert clone.gas(process.name, "--x").stderr.count("gas: no command") == 0
    assert clone.calls[-1] == f"-m {process.module} --x"
    assert re.search(rf"^  (.+  )?{process.name}  ", clone.gas("--help").stdout, re.MULTILINE)


def test_a_process_by_hand_reaches_the_local_aws_without_an_account(clone: Clone) -> None:
    """The example in each daemon's --help is the whole of what is needed."""
    clone.gas("notify", AWS_ENDPOINT_URL="http://localhost:5001")
    assert clone.keys == "local local"
    clone.gas(
        "notify",
        AWS_ENDPOINT_URL="http://127.0.0.1:5001",
        AWS_ACCESS_KEY_ID="mine",
        AWS_SECRET_ACCESS_KEY="a secret",
    )
    assert clone.keys == "mine a secret"
    clone.gas(
        "notify", AWS_ENDPOINT_URL="http://localhost:5001", AWS_CONFIG_FILE="/etc/gas/aws/notify"
    )
    assert clone.keys == "none none"
    clone.gas("notify", AWS_ENDPOINT_URL="https://s3.eu-central-1.amazonaws.com")
    assert clone.keys == "none none"
    clone.gas("notify")
    assert clone.keys == "none none"


def test_nothing_on_this_machine_is_asked_of_a_proxy(clone: Clone) -> None:
    def bypassed(**given: str) -> list[str]:
        clone.gas("demo", http_proxy="http://proxy.example.org:3128", **given)
        return (clone.folder / "calls-proxy").read_text().split()

    assert bypassed() == ["localhost,127.0.0.1"] * 2
    assert bypassed(NO_PROXY="example.org") == ["example.org,localhost,127.0.0.1"] * 2
    assert bypassed(no_proxy="a.org", NO_PROXY="b.org") == ["a.org,localhost,127.0.0.1"] * 2


@pytest.mark.parametrize("command", ["test", "lint", "fix", "lock"])
def test_the_tools_have_help_with_an_example(clone: Clone, command: str) -> None:
    ran = clone.gas(command, "--help")
    assert ran.returncode == 0
    assert "example: ./gas" in ran.stdout


def test_no_command_is_a_mistake_that_shows_them_all(clone: Clone) -> None:
    assert clone.gas().returncode == 2
    assert clone.gas("nonsense").stderr == "gas: no command nonsense; ./gas --help lists them\n"


def test_the_quick_tests_leave_out_only_what_is_there() -> None:
    lines = (ROOT / "tests" / "not-quick.txt").read_text().splitlines()
    left_out = [line.split()[0] for line in lines if line.startswith("tests")]
    assert left_out
    assert [path for path in left_out if not (ROOT / path).exists()] == []
