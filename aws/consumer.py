"""The one loop that serves every daemon: receive, hold, handle, delete."""

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from botocore.exceptions import BotoCoreError

from aws import log as logs
from aws import ready
from aws.config import ConfigError, load
from aws.events import Event, Hold, Message, parse
from aws.resources import DAEMONS, World, connect

log = logging.getLogger(__name__)


class HandBack(Exception):
    """Raised by a handler that lets its message go on purpose; the text says why."""


Options = argparse.ArgumentParser
Asked = argparse.Namespace
Handler = Callable[[World, Event], None]
RENEWALS = 3
"""Renewals within one visibility timeout."""
STOP_S = 20
"""How long a stop waits for handlers that let go when their hold is released."""
POLL_FAULT_S = 5
"""The pause after a receive that failed: the endpoint may be away."""
MAX_RETRY_S = 900


def run(queue: str, handle: Handler) -> None:
    """The whole of a small daemon: read the command line, connect, serve one message at a time."""
    name = DAEMONS[queue]
    world, _ = begin(name, sys.modules[handle.__module__].__doc__)
    serve(world, queue, handle)


def begin(name: str, about: str | None, options: Options | None = None) -> tuple[World, Asked]:
    """Read the command line, start the log, connect; exits with one line where it cannot.

    `options` (a parser without --help) adds a daemon's own.
    """
    parser = argparse.ArgumentParser(
        prog=f"./gas {name}",
        description=f"{about} Runs in the foreground until SIGTERM or Ctrl-C.",
        epilog=f"example: AWS_ENDPOINT_URL=http://localhost:5001 ./gas {name}",
        parents=[options] if options else [],
    )
    asked = parser.parse_args()
    logs.setup(name)
    try:
        return connect(load()), asked
    except ConfigError as fault:
        sys.exit(f"gas: {fault}")


def serve(world: World, queue: str, handle: Handler, slots: int = 1) -> None:
    """Serve `queue` until SIGTERM or SIGINT: `slots` messages at a time, one in each slot.

    A handler that returns has its message deleted; one that raises has it delivered again after
    a growing pause, and after five deliveries it is in the dead-letter queue.
    """
    try:
        world.queues.url(queue)
    except (FileNotFoundError, BotoCoreError) as fault:
        sys.exit(f"gas: {fault}")
    consumer = Consumer(world, queue, handle)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, consumer.stop_on)
    consumer.serve(slots)


class Consumer:
    """One queue, one handler, any number of slots."""

    def __init__(self, world: World, queue: str, handle: Handler) -> None:
        self.world, self.queue, self.handle = world, queue, handle
        self.stopping = threading.Event()
        self.holds: dict[Hold, Message] = {}

    def stop_on(self, number: int, frame: FrameType | None) -> None:
        self.stopping.set()

    def serve(self, slots: int = 1) -> None:
        """Block until stopped; what is in hand then is finished within STOP_S or handed back."""
        threads = [threading.Thread(target=self._slot, daemon=True) for _ in range(slots)]
        for thread in threads:
            thread.start()
        log.info("serving %s with %d slot(s)", self.queue, slots)
        ready.tell()
        self.stopping.wait()
        for hold in list(self.holds):
            hold.released.set()
        for thread in threads:
            thread.join(STOP_S / len(threads))
        self._hand_back_the_rest()
        log.info("stopped")

    def _hand_back_the_rest(self) -> None:
        """The row of every message makes it safe to leave a handler where it stands."""
        for message in list(self.holds.values()):
            self.world.queues.hide(message, 0)
        if self.holds:
            log.warning("handed back %d message(s) unfinished", len(self.holds))
            logging.shutdown()
            os._exit(0)

    def _slot(self) -> None:
        while not self.stopping.is_set():
            for message in self._receive():
                self.settle(message)

    def _receive(self) -> list[Message]:
        settings = self.world.config.aws
        try:
            return self.world.queues.receive(self.queue, settings.poll_s, settings.visibility_s)
        except Exception:
            log.exception(
                "receiving from %s failed; trying again in %d s", self.queue, POLL_FAULT_S
            )
            self.stopping.wait(POLL_FAULT_S)
            return []

    def settle(self, message: Message) -> None:
        """Handle one message, and delete it or leave it for another time."""
        if self.stopping.is_set():
            self.world.queues.hide(message, 0)
            return
        try:
            with self._held(message) as hold:
                self.handle(self.world, Event(parse(message.body), hold))
            self.world.queues.delete(message)
        except HandBack as reason:
            log.warning("message of %s handed back: %s", self.queue, reason)
            self._leave(message)
        except Exception:
            log.exception("message of %s failed (delivery %d)", self.queue, message.receives)
            self._leave(message)

    def _leave(self, message: Message) -> None:
        """Hand the message back with a pause that triples; at once where we are stopping."""
        pause = self.world.config.aws.retry_s * 3 ** (message.receives - 1)
        try:
            self.world.queues.hide(
                message, 0 if self.stopping.is_set() else min(pause, MAX_RETRY_S)
            )
        except Exception:
            log.exception("handing back failed; the message returns by itself")

    @contextmanager
    def _held(self, message: Message) -> Iterator[Hold]:
        hold, done = Hold(), threading.Event()
        self.holds[hold] = message
        keeper = threading.Thread(target=self._keep, args=(message, hold, done), daemon=True)
        keeper.start()
        try:
            yield hold
        finally:
            done.set()
            keeper.join()
            del self.holds[hold]

    def _keep(self, message: Message, hold: Hold, done: threading.Event) -> None:
        """Renew the visibility and the lease together until the handler is done or it fails."""
        visibility_s = self.world.config.aws.visibility_s
        while not done.wait(visibility_s / RENEWALS):
            try:
                hold.renew()
                self.world.queues.hide(message, visibility_s)
            except Exception:
                log.exception("the hold on a message of %s is lost", self.queue)
                hold.released.set()
                return
