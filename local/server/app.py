"""The embedded AWS: moto's server on loopback, with the gaps closed that GAS would fall into."""

import argparse
import logging
import os
import resource
import signal
import sqlite3
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.sns.models import sns_backends
from moto.sqs.models import Queue
from werkzeug.serving import make_server

from local.server.control import Control, ControlSettings
from local.server.cors import Cors
from local.server.glacier import Glacier
from local.server.mailbox import Mailbox
from local.server.objects import Objects
from local.server.presigned import Presigned
from local.server.restores import Restores
from local.server.state import EVERY_S, SHARE, SavedState
from local.server.timers import Timers
from local.server.vaults import Shelf
from local.server.wsgi import App, Environ, StartResponse, is_form_post, spooled

log = logging.getLogger(__name__)

HOST = "localhost"
"""Loopback only: this AWS believes whoever knows a published secret."""


LOCK = threading.RLock()
"""moto's state is the process's, and so is the lock on it."""
WAIT = Queue.wait_for_messages


class Serialised:
    """One request at a time: moto's server has no lock of its own, and its races would be ours."""

    def __init__(self, app: App) -> None:
        self.app = app
        Queue.wait_for_messages = _wait_unlocked

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        with LOCK:
            return self.app(environ, start_response)


def _wait_unlocked(queue: Queue, timeout: int) -> None:
    """A long poll lets go of the lock while it waits for messages."""
    LOCK.release()
    try:
        WAIT(queue, timeout)
    finally:
        LOCK.acquire()


class Spooled:
    """Reads each request's body before anything else, so that a slow sender holds no lock.

    Forms are read where they are taken apart.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if is_form_post(environ):
            return self.app(environ, start_response)
        with spooled(environ):
            return self.app(environ, start_response)


class QuietHandler(MotoRequestHandler):
    """Without a line of log for every request."""

    def log_request(self, *args: Any) -> None:
        log.debug("%s", self.requestline)


class LocalAWS:
    """The whole of it, on one port; `data` (a folder, or None) is where its state is kept."""

    def __init__(self, port: int, settings: ControlSettings, data: Path | None = None) -> None:
        secret = os.environ.get("AWS_SECRET_ACCESS_KEY", "local")
        self.region = os.environ.get("AWS_DEFAULT_REGION", "us-east-1")
        self.temporary = tempfile.TemporaryDirectory(prefix="gas-aws-")
        self.moto = Serialised(DomainDispatcherApplication(create_backend_app))
        later, shelf = Timers(), Shelf((data or Path(self.temporary.name)) / "archives")
        mailbox = Mailbox(self.moto)
        restores = Restores(mailbox, settings, later, self.publish, LOCK)
        glacier = Glacier(restores, settings, later, self.publish, shelf)
        signed = Presigned(Objects(glacier, LOCK), secret)
        app = Spooled(Cors(Control(signed, settings), LOCK))
        self.server = make_server(HOST, port, app, threaded=True, request_handler=QuietHandler)
        self.state = None
        if data:
            self.state = SavedState(data, self.region, self.moto, LOCK, shelf, mailbox)
        self.stopping = threading.Event()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server.server_port}"

    def publish(self, topic_arn: str, message: str) -> None:
        """What Glacier and S3 do of themselves: publish on a topic."""
        with LOCK:
            sns_backends[DEFAULT_ACCOUNT_ID][self.region].publish(message, arn=topic_arn)

    def start(self) -> None:
        """Take the kept state back, then serve in a thread."""
        if self.state:
            self.state.load()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def keep(self) -> None:
        """Save now and then until told to stop."""
        took = 0.0
        while not self.stopping.wait(max(EVERY_S, SHARE * took)):
            try:
                took = self.state.save() if self.state else 0.0
            except (OSError, sqlite3.Error):
                log.exception("saving failed; trying again soon")

    def stop(self) -> None:
        """Serve no more, and save what there is."""
        self.server.shutdown()
        if self.state:
            self.state.save()
            self.state.close()
        self.temporary.cleanup()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.server.app",
        description=f"{__doc__} Mail that was sent can be read at /mail.",
        epilog="example: python -m local.server.app --port 5001 --data var/local",
    )
    parser.add_argument("--port", type=int, default=5001, help="on loopback, and nowhere else")
    parser.add_argument("--data", type=Path, help="where state is kept (default: nowhere)")
    for tier, seconds in (("expedited", 3), ("standard", 6), ("bulk", 10)):
        parser.add_argument(
            f"--{tier}-s", type=float, default=seconds, help=f"that a {tier} retrieval takes"
        )
    parser.add_argument("--capacity", choices=("ok", "short"), default="ok", help="for Expedited")
    return parser.parse_args()


def _allow_many_files() -> None:
    """moto holds each larger object in an open file."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    asked = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    _allow_many_files()
    settings = ControlSettings(
        asked.expedited_s, asked.standard_s, asked.bulk_s, capacity=asked.capacity
    )
    local_aws = LocalAWS(asked.port, settings, asked.data)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: local_aws.stopping.set())
    local_aws.start()
    log.info("local AWS at %s, mail at %s/mail", local_aws.url, local_aws.url)
    local_aws.keep()
    local_aws.stop()


if __name__ == "__main__":
    main()
