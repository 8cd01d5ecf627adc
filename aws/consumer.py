"""The one loop that serves every daemon: receive, heartbeat, handle, delete."""

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
from aws.config import ConfigError, load
from aws.events import Event, Heartbeat, Message, parse
from aws.machine import sd_notify
from aws.processes import DAEMONS
from aws.resources import World, connect

log = logging.getLogger(__name__)


class ReturnToQueue(Exception):
    """Raised by a handler that lets its message go on purpose; the text says why."""


Options = argparse.ArgumentParser
Asked = argparse.Namespace
Handler = Callable[[World, Event], None]
RENEWALS = 3
"""Renewals within one visibility timeout."""
STOP_S = 20
"""How long a stop waits for handlers that let go when their heartbeat is released."""
POLL_FAULT_S = 5
"""The backoff_s after a receive that failed: the endpoint may be away."""
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


def serve(world: World, queue: str, handle: Handler, concurrency: int = 1) -> None:
    """Serve `queue` until SIGTERM or SIGINT: `concurrency` messages at a time, one in each slot.

    A handler that returns has its message deleted; one that raises has it delivered again after
    a growing backoff_s, and after five deliveries it is in the dead-letter queue.
    """
    try:
        world.queues.url(queue)
    except (FileNotFoundError, BotoCoreError) as fault:
        sys.exit(f"gas: {fault}")
    consumer = Consumer(world, queue, handle)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, consumer.stop_on)
    consumer.serve(concurrency)


class Consumer:
    """One queue, one handler, any number of concurrency."""

    def __init__(self, world: World, queue: str, handle: Handler) -> None:
        self.world, self.queue, self.handle = world, queue, handle
        self.stopping = threading.Event()
        self.heartbeats: dict[Heartbeat, Message] = {}

    def stop_on(self, number: int, frame: FrameType | None) -> None:
        self.stopping.set()

    def serve(self, concurrency: int = 1) -> None:
        """Block until stopped; what is in hand then is finished within STOP_S or handed back."""
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(concurrency)]
        for thread in threads:
            thread.start()
        log.info("serving %s with %d slot(s)", self.queue, concurrency)
        sd_notify.ready()
        self.stopping.wait()
        for heartbeat in list(self.heartbeats):
            heartbeat.released.set()
        for thread in threads:
            thread.join(STOP_S / len(threads))
        self._return_the_rest()
        log.info("stopped")

    def _return_the_rest(self) -> None:
        """The row of every message makes it safe to leave a handler where it stands."""
        for message in list(self.heartbeats.values()):
            self.world.queues.change_visibility(message, 0)
        if self.heartbeats:
            log.warning("handed back %d message(s) unfinished", len(self.heartbeats))
            logging.shutdown()
            os._exit(0)

    def _work(self) -> None:
        while not self.stopping.is_set():
            for message in self._receive():
                self.process(message)

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

    def process(self, message: Message) -> None:
        """Handle one message, and delete it or leave it for another time."""
        if self.stopping.is_set():
            self.world.queues.change_visibility(message, 0)
            return
        try:
            with self._heartbeating(message) as heartbeat:
                self.handle(self.world, Event(parse(message.body), heartbeat))
            self.world.queues.delete(message)
        except ReturnToQueue as reason:
            log.warning("message of %s handed back: %s", self.queue, reason)
            self._return_to_queue(message)
        except Exception:
            log.exception("message of %s failed (delivery %d)", self.queue, message.receives)
            self._return_to_queue(message)

    def _return_to_queue(self, message: Message) -> None:
        """Hand the message back with a backoff_s that triples; at once where we are stopping."""
        backoff_s = self.world.config.aws.retry_s * 3 ** (message.receives - 1)
        try:
            self.world.queues.change_visibility(
                message, 0 if self.stopping.is_set() else min(backoff_s, MAX_RETRY_S)
            )
        except Exception:
            log.exception("handing back failed; the message returns by itself")

    @contextmanager
    def _heartbeating(self, message: Message) -> Iterator[Heartbeat]:
        heartbeat, done = Heartbeat(), threading.Event()
        self.heartbeats[heartbeat] = message
        thread = threading.Thread(
            target=self._heartbeat, args=(message, heartbeat, done), daemon=True
        )
        thread.start()
        try:
            yield heartbeat
        finally:
            done.set()
            thread.join()
            del self.heartbeats[heartbeat]

    def _heartbeat(self, message: Message, heartbeat: Heartbeat, done: threading.Event) -> None:
        """Renew the visibility and the lease together until the handler is done or it fails."""
        visibility_s = self.world.config.aws.visibility_s
        while not done.wait(visibility_s / RENEWALS):
            try:
                heartbeat.renew()
                self.world.queues.change_visibility(message, visibility_s)
            except Exception:
                log.exception("the heartbeat on a message of %s is lost", self.queue)
                heartbeat.released.set()
                return
