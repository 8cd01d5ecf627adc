"""`./gas web`: the site under gunicorn, in the foreground."""

import argparse
import socket
import struct
import sys
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

from aws import config, limits, log, secrets
from aws.config import Config, ConfigError
from aws.machine.memory import hide_memory
from aws.resources import connect
from aws.secrets import Secrets
from web.app import MAX_BODY_BYTES, create_app
from web.services.streams import LONGEST_S, TooLong
from web.whole_requests import WholeRequests

STOP_S = 20
WORKER_TIMEOUT_S = 60
CLIENT_S = 5
"""The longest that a thread waits for the next part of a request."""
READER_S = 30
"""The longest that a thread waits until more of an answer can be sent."""
CLIENTS = 256
"""Threads of each process: a client that is slow to send has one, and none of [web] threads."""
IDLE_S = 60
"""So long the kernel keeps a connection that sends nothing to itself."""
KEEPALIVE_S = 75
"""Longer than a load balancer's idle timeout, so that it is never the server that hangs up."""


def set_deadlines(arbiter: Arbiter) -> None:
    """Hand no connection to a thread before it sends; let none wait long for what is next (Linux).

    It is no more than a guard: on instances nginx takes in whole requests (aws/stack/nginx.conf).
    """
    for listener in arbiter.LISTENERS:
        if sys.platform == "linux" and listener.sock.family != socket.AF_UNIX:
            listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, IDLE_S)
            for option, wait_s in ((socket.SO_RCVTIMEO, CLIENT_S), (socket.SO_SNDTIMEO, READER_S)):
                listener.sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", wait_s, 0))


def site(settings: Config, keys: Secrets) -> Flask:
    """The site, with clients of its own for AWS."""
    return create_app(connect(settings, limits=limits.PAGE), keys)


class Server(BaseApplication):
    """gunicorn with options from code, not from its command line; each worker makes its own app.

    It asks nobody for anything: gunicorn ends with all workers where one fails at its start.
    """

    def __init__(self, settings: Config, keys: Secrets, bind: str) -> None:
        self.settings, self.keys, self.options = settings, keys, options(settings, bind)
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        log.setup("web")
        app = site(self.settings, self.keys)
        return WholeRequests(app, self.settings.web.threads, MAX_BODY_BYTES)


class SiteLogger(Logger):
    """gunicorn's messages in the site's own log, where text from outside makes no lines."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True

    def exception(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log a fault of ours; a client that stopped (set_deadlines) or reads too long is none."""
        fault = sys.exc_info()[1]
        if isinstance(fault, TooLong):
            self.warning("a download is ended: its reader took more than %d s", LONGEST_S)
        elif not isinstance(fault, BlockingIOError):
            super().exception(msg, *args, **kwargs)


def options(settings: Config, bind: str) -> dict[str, Any]:
    """gunicorn's settings. https://docs.gunicorn.org/en/stable/settings.html"""
    return {
        "bind": bind,
        "worker_class": "gthread",
        "workers": settings.web.processes,
        "threads": CLIENTS,
        "timeout": WORKER_TIMEOUT_S,
        "graceful_timeout": STOP_S,
        "keepalive": KEEPALIVE_S,
        "when_ready": set_deadlines,
        "control_socket_disable": True,
        "loglevel": "warning",
        "logger_class": SiteLogger,
        "secure_scheme_headers": {},  # ProxyFix reads them, where [web] proxies says so
    }


def main() -> None:
    """The command line: `./gas web`."""
    parser = argparse.ArgumentParser(
        prog="./gas web",
        description="Serve the site. Its keys come from Secrets Manager, <prefix>/web.",
        epilog="example: ./gas web --bind 0.0.0.0:8080",
    )
    parser.add_argument("--bind", default="localhost:5000", help="HOST:PORT (localhost:5000)")
    args = parser.parse_args()
    hide_memory()
    log.setup("web")
    try:
        settings = config.load()
        keys = secrets.load(settings)
        site(settings, keys)
    except (ConfigError, ImportError) as fault:
        sys.exit(f"gas: {fault}")
    Server(settings, keys, args.bind).run()


if __name__ == "__main__":
    main()
