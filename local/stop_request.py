"""A request to stop that a signal may make at any moment, and that a thread may wait for."""

import os
import select
import signal
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from local.errors import Interrupted

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK_S = 0.1
Result = TypeVar("Result")


class StopRequest:
    """Has the interface of an Event that is never cleared.

    A signal handler must take no lock, and `threading.Event.set` takes one: its handler would wait
    for the very thread that it interrupts. This writes one byte to a pipe.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._reader, self._writer = os.pipe()
        weakref.finalize(self, _close, self._reader, self._writer)

    def set(self) -> None:
        if not self._is_set:
            self._is_set = True
            os.write(self._writer, b"\0")

    def is_set(self) -> bool:
        return self._is_set

    def wait(self, timeout_s: float | None = None) -> bool:
        """Block until the request is made, `timeout_s` at most; return whether it is."""
        select.select([self._reader], [], [], timeout_s)
        return self._is_set

    def on_signals(self) -> "StopRequest":
        """Let SIGINT, SIGTERM and SIGHUP make the request; `nohup` keeps SIGHUP ignored."""
        for number in STOP_SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, lambda *_: self.set())
        return self

    def run(self, work: Callable[[], Result]) -> Result:
        """Return what `work` returns; it has a thread of its own, which a stop leaves behind.

        Raises what it raises, and Interrupted.
        """
        future: Future[Result] = Future()
        thread = threading.Thread(target=_complete, args=(future, work), daemon=True)
        thread.start()
        while thread.is_alive():
            if self.is_set():
                raise Interrupted
            thread.join(LOOK_S)
        return future.result()


def _complete(future: "Future[Result]", work: Callable[[], Result]) -> None:
    try:
        future.set_result(work())
    except BaseException as fault:
        future.set_exception(fault)


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
