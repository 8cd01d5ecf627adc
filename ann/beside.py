"""Runs the part of a job that writes files beside the part that reads them."""

import os
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from typing import Generic, NoReturn, TypeVar

from ann.csq import CrashError
from ann.sandbox import die_with_parent

Written = TypeVar("Written")


class StaleError(Exception):
    """The files that were being read are going to be made anew."""


class Beside(Generic[Written]):
    """A process that writes files while this one reads them; their `ann.growing.Growth`.

    `make` is given a function that announces what is there already.
    """

    def __init__(self, make: Callable[[Callable[[Written], None]], Written]) -> None:
        parent = os.getpid()
        self.source, sink = Pipe(duplex=False)
        self.is_over = False
        self.pid = os.fork()
        if self.pid == 0:
            self.source.close()
            _run(make, sink, parent)
        sink.close()

    def next(self) -> Written:
        """The next announcement, or the result at last (`is_over`). Raises what it raised."""
        try:
            self.is_over, found = self.source.recv()
        except EOFError:
            code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            raise CrashError(f"a part of the annotator {how}") from None
        if self.is_over:
            self.source.close()
            os.waitpid(self.pid, 0)
        if isinstance(found, BaseException):
            raise found
        self.written: Written = found
        return self.written

    def look(self, seconds: float = 0) -> None:
        """Wait a little for news, or for its end. Raises what it raised, and StaleError."""
        if not self.is_over and self.source.poll(seconds):
            self.next()
            if not self.is_over:
                raise StaleError

    def last(self) -> Written:
        """The result. Raises what it raised."""
        while not self.is_over:
            self.next()
        return self.written


def _run(
    make: Callable[[Callable[[Written], None]], Written], sink: Connection, parent: int
) -> NoReturn:
    try:
        die_with_parent(parent)
        with suppress(BrokenPipeError):  # of a reader that has failed
            sink.send((True, _outcome(make, lambda made: sink.send((False, made)))))
    finally:
        os._exit(0)


def _outcome(
    make: Callable[[Callable[[Written], None]], Written], announce: Callable[[Written], None]
) -> Written | BaseException:
    """The result, or the fault, with its traceback as a note."""
    try:
        return make(announce)
    except BaseException as fault:
        fault.add_note(traceback.format_exc())
        return fault
