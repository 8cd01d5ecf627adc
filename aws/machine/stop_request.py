"""A request to stop that a signal may make at any moment, and that a thread may wait for."""

import math
import os
import select
import signal
import time
import weakref

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK_S = 1.0
"""A signal just before a wait begins does not end it: Python handles it when the wait returns."""


class StopRequest:
    """Has the interface of an Event that is never cleared.

    A signal handler must take no lock, and `threading.Event.set` takes one: its handler would wait
    for the very thread that it interrupts, which may be at another signal's. This writes one byte
    to a pipe.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._reader, self._writer = os.pipe()
        weakref.finalize(self, _close, self._reader, self._writer).atexit = False

    def set(self) -> None:
        if not self._is_set:
            self._is_set = True
            os.write(self._writer, b"\0")

    def is_set(self) -> bool:
        return self._is_set

    def wait(self, timeout_s: float = math.inf) -> bool:
        """Block until the request is made, `timeout_s` at most; return whether it is."""
        deadline = time.monotonic() + timeout_s
        while not self._is_set and (left_s := deadline - time.monotonic()) > 0:
            select.select([self._reader], [], [], min(left_s, LOOK_S))
        return self._is_set

    def on_signals(self) -> "StopRequest":
        """Let SIGINT, SIGTERM and SIGHUP make the request; `nohup` keeps SIGHUP ignored."""
        for number in STOP_SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, lambda *_: self.set())
        return self


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
