"""The embedded AWS: moto's server, with the gaps closed that GAS would fall into."""

import argparse
import logging
import os
import resource
import sqlite3
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path

from moto.core import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends
from moto.sqs.models import Queue

from aws.machine.stop_request import StopRequest
from local.addresses import LOCALHOST, url_of
from local.server import shortcuts
from local.server.archived import Archived
from local.server.control import Control, ControlSettings
from local.server.cors import Cors
from local.server.glacier import Glacier
from local.server.keep_alive import KeepAliveServer
from local.server.mailbox import Mailbox
from local.server.objects import Objects
from local.server.own_host import OwnHost
from local.server.presigned import Presigned
from local.server.restores import Restores
from local.server.state import EVERY_S, SHARE, SavedState
from local.server.timers import Timers
from local.server.vaults import VaultStore
from local.server.wsgi import App, Environ, StartResponse, is_form_post, spooled

log = logging.getLogger(__name__)

LOCK = threading.RLock()
"""moto's state is the process's, and so is the lock on it."""
WAIT = Queue.wait_for_messages


class Serialised:
    """One request at a time: moto's server has no lock of its own, and its races would be ours."""

    def __init__(self, app: App) -> None:
        self.app = app
        Queue.wait_for_messages = _wait_unlocked  # type: ignore[method-assign,assignment]

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


class LocalAWS:
    """The whole of it, on one port of `host`; its state is kept in the folder `data`, or nowhere.

    It believes whoever knows a published secret: other machines must not reach it unless wanted.
    """

    def __init__(
        self,
        port: int,
        settings: ControlSettings,
        data: Path | None = None,
        host: str = LOCALHOST,
    ) -> None:
        self.host, self.stopping = host, StopRequest()
        secret = os.environ.get("AWS_SECRET_ACCESS_KEY", "local")
        self.region = os.environ.get("AWS_DEFAULT_REGION", "us-east-1")
        self.temporary = tempfile.TemporaryDirectory(prefix="gas-aws-")
        shortcuts.take()
        self.moto = Serialised(shortcuts.Dispatcher())
        timers, store = Timers(), VaultStore((data or Path(self.temporary.name)) / "archives")
        mailbox = Mailbox(self.moto)
        restores = Restores(mailbox, settings, timers, self.publish, LOCK)
        glacier = Glacier(restores, settings, timers, self.publish, store)
        signed = Presigned(Objects(glacier, LOCK), secret)
        control = Archived(Control(signed, settings), store, LOCK)
        app = OwnHost(Spooled(Cors(control, LOCK)), host, open_to_origins=True)
        self.server = KeepAliveServer(host, port, app)
        self.state = None
        if data:
            self.state = SavedState(data, self.region, self.moto, LOCK, store, mailbox)

    @property
    def url(self) -> str:
        return url_of(self.host, self.server.server_port)

    def publish(self, topic_arn: str, message: str) -> None:
        """Publish on a topic, as Glacier and S3 do of themselves."""
        with LOCK:
            sns_backends[DEFAULT_ACCOUNT_ID][self.region].publish(message, arn=topic_arn)

    def start(self) -> None:
        """Take the kept state back, then serve in a thread."""
        if self.state:
            self.state.load()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def keep(self) -> None:
        """Save at intervals until a stop is requested."""
        took = 0.0
        while not self.stopping.wait(max(EVERY_S, SHARE * took)):
            try:
                took = self.state.save() if self.state else 0.0
            except (OSError, sqlite3.Error):
                log.exception("saving failed; trying again soon")

    def stop(self) -> None:
        """Serve no more, and save what there is."""
        self.server.stop()
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
    parser.add_argument("--port", type=int, default=5001)
    parser.add_argument("--host", default=LOCALHOST, help="the address to listen on")
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
    stopping = StopRequest().on_signals()
    args = _arguments()
    os.umask(0o077)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    _allow_many_files()
    settings = ControlSettings(
        args.expedited_s, args.standard_s, args.bulk_s, capacity=args.capacity
    )
    local_aws = LocalAWS(args.port, settings, args.data, args.host)
    local_aws.stopping = stopping
    local_aws.start()
    log.info("local AWS at %s, mail at %s/mail", local_aws.url, local_aws.url)
    local_aws.keep()
    local_aws.stop()


if __name__ == "__main__":
    main()
