"""The one loop that serves every daemon: receive, heartbeat, handle, delete."""

import argparse
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from botocore.exceptions import BotoCoreError

from aws import log as logs
from aws.config import ConfigError, load
from aws.events import Event, Heartbeat, Message, parse
from aws.limits import DAEMON, Limits
from aws.machine import sd_notify
from aws.machine.memory import hide_memory
from aws.machine.stop_request import StopRequest
from aws.outage import is_outage
from aws.processes import DAEMONS
from aws.resources import World, connect

log = logging.getLogger(__name__)


class ReturnToQueue(Exception):
    """A handler gives its message back on purpose; the text is the reason, for the log."""


Handler = Callable[[World, Event], None]
RENEWALS = 3
"""Heartbeats within one visibility timeout."""
RETRIES = 30
"""Tries within one visibility timeout while a heartbeat fails."""
LAST_RENEWAL = 2 / 3
"""The share of the visibility timeout after which a heartbeat that fails is given up."""
STOP_S = 20
"""The longest that a stop waits for handlers to return once their heartbeats are released."""
RETURN_S = 10
"""The longest that it then takes to return the others' messages."""
LEAVE_S = 10
"""The longest that `leave` then takes. All three are within TimeoutStopSec (aws/stack/units)."""
POLL_FAULT_S = 5
"""The pause after a receive that failed: the endpoint may be away."""
BACKOFF_FACTOR = 3
MAX_BACKOFF_S = 900


def run(queue: str, handle: Handler) -> None:
    """Run a small daemon: read the command line, connect, serve one message at a time."""
    name = DAEMONS[queue]
    world, _ = begin(name, sys.modules[handle.__module__].__doc__)
    serve(world, queue, handle)


def begin(
    name: str,
    about: str | None,
    options: argparse.ArgumentParser | None = None,
    limits: Limits = DAEMON,
) -> tuple[World, argparse.Namespace]:
    """Read the command line, set up the log, connect; exit with one line where that fails.

    `options`, a parser without --help, has the daemon's own options.
    """
    parser = argparse.ArgumentParser(
        prog=f"./gas {name}",
        description=f"{about} Runs in the foreground until SIGTERM or Ctrl-C.",
        epilog=f"example: AWS_ENDPOINT_URL=http://localhost:5001 ./gas {name}",
        parents=[options] if options else [],
    )
    args = parser.parse_args()
    hide_memory()
    logs.setup(name)
    try:
        return connect(load(), limits=limits), args
    except ConfigError as fault:
        sys.exit(f"gas: {fault}")


def serve(
    world: World,
    queue: str,
    handle: Handler,
    concurrency: int = 1,
    stopping: StopRequest | None = None,
    leave: Callable[[], None] = lambda: None,
) -> None:
    """Serve `queue` until SIGTERM, SIGINT or SIGHUP, `concurrency` messages at a time.

    A message whose handler returns is deleted; one whose handler raises is delivered again after
    a growing backoff, and is in the dead-letter queue after five deliveries. `stopping` is the
    request of a caller who listens to these signals already. A stop that handlers do not heed ends
    the process, after `leave`; else the caller does what is to be done at the end.
    """
    try:
        world.queues.url(queue)
    except (FileNotFoundError, BotoCoreError) as fault:
        sys.exit(f"gas: {fault}")
    consumer = Consumer(world, queue, handle, stopping or StopRequest().on_signals(), leave)
    consumer.serve(concurrency)


class Consumer:
    """The threads that receive from one queue and call one handler."""

    def __init__(
        self,
        world: World,
        queue: str,
        handle: Handler,
        stopping: StopRequest | None = None,
        leave: Callable[[], None] = lambda: None,
    ) -> None:
        self.world, self.queue, self.handle, self.leave = world, queue, handle, leave
        self.stopping = stopping or StopRequest()
        self.heartbeats: dict[Heartbeat, Message] = {}

    def serve(self, concurrency: int = 1) -> None:
        """Block until stopped; messages in flight then are handled within STOP_S or returned."""
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(concurrency)]
        for thread in threads:
            thread.start()
        log.info("serving %s, concurrency %d", self.queue, concurrency)
        sd_notify.ready()
        self.stopping.wait()
        for heartbeat in list(self.heartbeats):
            heartbeat.released.set()
        for thread in threads:
            thread.join(STOP_S / len(threads))
        self._return_the_rest()
        log.info("stopped")

    def _return_the_rest(self) -> None:
        """Return unfinished messages to the queue, leave, and exit, however silent AWS is.

        Handlers are idempotent, so abandoning one is safe. `leave` comes last: the instance may end
        at once.
        """
        _within(
            RETURN_S, *(partial(self._abandon, *item) for item in list(self.heartbeats.items()))
        )
        if self.heartbeats:
            log.warning("returned %d unfinished message(s) to the queue", len(self.heartbeats))
            _within(LEAVE_S, self.leave)
            logging.shutdown()
            os._exit(0)

    def _abandon(self, heartbeat: Heartbeat, message: Message) -> None:
        """Give back what the handler has claimed, then show the message to others."""
        try:
            heartbeat.abandon()
        except Exception:
            log.exception("not given back: what is claimed lapses in time")
        self._show(message, 0)

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
        """Handle one message, and delete it or return it to the queue."""
        if self.stopping.is_set():
            self._show(message, 0)
            return
        try:
            with self._heartbeating(message) as heartbeat:
                self.handle(self.world, Event(parse(message.body), heartbeat))
            self.world.queues.delete(message)
        except ReturnToQueue as reason:
            log.warning("message of %s returned to the queue: %s", self.queue, reason)
            self._return_to_queue(message)
        except Exception:
            log.exception("message of %s failed (delivery %d)", self.queue, message.receives)
            self._return_to_queue(message)

    def _return_to_queue(self, message: Message) -> None:
        """Make the message visible after a backoff that triples; at once during a stop."""
        backoff_s = self.world.config.aws.retry_s * BACKOFF_FACTOR ** (message.receives - 1)
        self._show(message, 0 if self.stopping.is_set() else min(backoff_s, MAX_BACKOFF_S))

    def _show(self, message: Message, after_s: int) -> None:
        """Make the message visible in so many seconds, as far as SQS lets us."""
        try:
            self.world.queues.change_visibility(message, after_s)
        except Exception:
            log.exception("not shown: the message returns after its visibility timeout")

    @contextmanager
    def _heartbeating(self, message: Message) -> Iterator[Heartbeat]:
        """Keep a heartbeat going within the block."""
        heartbeat, done = Heartbeat(), threading.Event()
        self.heartbeats[heartbeat] = message
        if self.stopping.is_set():  # perhaps since after those in flight were released
            heartbeat.released.set()
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
        """Renew visibility timeout and lease together until the handler ends or they are lost.

        An outage costs the handler nothing while two thirds of the span have not passed: until then
        the renewal is tried again.
        """
        visibility_s = self.world.config.aws.visibility_s
        renewed, pause_s = time.monotonic(), visibility_s / RENEWALS
        while not done.wait(pause_s):
            try:
                heartbeat.renew()
                self.world.queues.change_visibility(message, visibility_s)
                renewed, pause_s = time.monotonic(), visibility_s / RENEWALS
            except Exception as fault:
                late = time.monotonic() - renewed >= visibility_s * LAST_RENEWAL
                if late or not is_outage(fault):
                    log.exception("the heartbeat of a message of %s failed: released", self.queue)
                    heartbeat.released.set()
                    return
                log.warning("the heartbeat of a message of %s is late: %s", self.queue, fault)
                pause_s = visibility_s / RETRIES


def _within(most_s: float, *calls: Callable[[], None]) -> None:
    """Make the calls side by side; return when all have, or after `most_s`."""
    threads = [threading.Thread(target=call, daemon=True) for call in calls]
    deadline = time.monotonic() + most_s
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0, deadline - time.monotonic()))
