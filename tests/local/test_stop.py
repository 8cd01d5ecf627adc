"""However `./gas up` or `demo` is ended, and whenever: none of its processes is left."""

import fcntl
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from local.addresses import free_port
from tests.conftest import PATIENCE_S

MARK = "GAS_TEST_MARK"
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("up")]


@dataclass
class MarkedCommand:
    """A command all of whose descendants carry one variable in their environment."""

    mark: str
    process: subprocess.Popen[bytes]
    output: int
    """The reader's end of its standard output: of a pipe, or of a terminal."""
    said: bytearray = field(default_factory=bytearray)
    unread: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def living(self) -> dict[int, str]:
        """Process ids and command lines of all that carry the mark."""
        mark = f"{MARK}={self.mark}".encode()
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    words = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                    found[int(folder.name)] = words.decode()
            except OSError:
                continue
        return found

    def children(self) -> int:
        return len(self.living().keys() - {self.process.pid})

    def read(self) -> None:
        """Collect the output until it ends or nobody is to read it any more."""
        while not self.unread.is_set():
            if not select.select([self.output], [], [], 0.05)[0]:
                continue
            try:
                piece = os.read(self.output, 4096)
            except OSError:
                return
            self.said.extend(piece)
            if not piece:
                return

    def close_output(self) -> None:
        """Close the reader's end: the terminal is gone, or the next command of the pipe."""
        self.unread.set()
        self.reader.join()
        os.close(self.output)


def until(holds: Callable[[], object], within_s: float, words: Callable[[], object]) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, words()
        threading.Event().wait(0.02)


def start(argv: list[str], output: int, **options: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
        [sys.executable, "-m", *argv],
        stdin=output if options else subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        **options,
    )


def own_terminal() -> None:
    """In the child: the terminal at standard input becomes that of its session."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, list[str]], MarkedCommand]]:
    """Start a command with its output in a pipe, or in a terminal of its own."""
    started: list[MarkedCommand] = []

    def begin(output: str, argv: list[str]) -> MarkedCommand:
        mark = uuid.uuid4().hex
        monkeypatch.setenv(MARK, mark)
        reader, writer = os.pipe() if output == "pipe" else pty.openpty()
        options = {} if output == "pipe" else {"preexec_fn": own_terminal}
        started.append(MarkedCommand(mark, start(argv, writer, **options), reader))
        os.close(writer)
        return started[-1]

    yield begin
    for command in started:
        if not command.unread.is_set():
            command.close_output()
        for pid in command.living():
            os.kill(pid, signal.SIGKILL)
        command.process.wait(PATIENCE_S)


MOMENTS: dict[str, Callable[[MarkedCommand], object]] = {
    "first child": lambda up: up.children() >= 1,
    "aws serves": lambda up: b"local AWS at" in up.said,
    "daemons start": lambda up: up.children() >= 5,
    "ready": lambda up: b"GAS is ready" in up.said,
    "annotating": lambda demo: b"annotating" in demo.said,
}


def send(*numbers: signal.Signals) -> Callable[[MarkedCommand], None]:
    def act(up: MarkedCommand) -> None:
        for number in numbers:
            up.process.send_signal(number)

    return act


HUP, TERM, INT = signal.SIGHUP, signal.SIGTERM, signal.SIGINT


@pytest.mark.parametrize(
    ("output", "moment", "act"),
    [
        ("pipe", "first child", send(HUP)),
        ("pipe", "aws serves", send(INT)),
        ("pipe", "daemons start", send(TERM, TERM)),
        ("pipe", "ready", send(HUP, HUP)),
        ("pipe", "ready", send(INT, TERM, HUP)),
        ("pipe", "aws serves", MarkedCommand.close_output),
        ("pipe", "ready", MarkedCommand.close_output),
        ("terminal", "first child", MarkedCommand.close_output),
        ("terminal", "daemons start", MarkedCommand.close_output),
        ("terminal", "ready", MarkedCommand.close_output),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_up_leaves_no_process(
    run: Callable[[str, list[str]], MarkedCommand],
    tmp_path: Path,
    output: str,
    moment: str,
    act: Callable[[MarkedCommand], None],
) -> None:
    up = run(output, ["local.up", "--port", str(free_port()), "--data", str(tmp_path / "data")])
    until(lambda: MOMENTS[moment](up), PATIENCE_S, up.said.decode)
    act(up)
    demand_end(up)
    assert b"Traceback" not in up.said, up.said.decode()


@pytest.mark.parametrize(
    ("moment", "act"),
    [
        ("first child", send(HUP)),
        ("annotating", send(INT, INT)),
        ("annotating", send(TERM)),
        ("annotating", send(signal.SIGKILL)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_demo_leaves_no_process(
    run: Callable[[str, list[str]], MarkedCommand],
    moment: str,
    act: Callable[[MarkedCommand], None],
) -> None:
    demo = run("pipe", ["local.demo"])
    until(lambda: MOMENTS[moment](demo), PATIENCE_S, demo.said.decode)
    act(demo)
    demand_end(demo)
    assert b"Traceback" not in demo.said, demo.said.decode()


def demand_end(command: MarkedCommand) -> None:
    until(lambda: command.process.poll() is not None, PATIENCE_S, command.living)
    until(lambda: not command.living(), PATIENCE_S, command.living)
