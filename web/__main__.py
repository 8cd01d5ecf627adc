"""`./gas web`: the site under gunicorn, in the foreground."""

import argparse
import sys
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from aws import config, log, secrets
from aws.config import Config, ConfigError
from aws.machine.memory import hide_memory
from web.app import create_app

STOP_S = 20
WORKER_TIMEOUT_S = 60
KEEPALIVE_S = 75
"""Longer than a load balancer's idle timeout, so that it is never the server that hangs up."""


class Server(BaseApplication):
    """gunicorn with options from code, not from its command line; each worker makes its own app."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        log.setup("web")
        return create_app()


class SiteLogger(Logger):
    """gunicorn's messages in the site's own log, where text from outside makes no lines."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


def options(settings: Config, bind: str) -> dict[str, Any]:
    """gunicorn's settings. https://docs.gunicorn.org/en/stable/settings.html"""
    return {
        "bind": bind,
        "worker_class": "gthread",
        "workers": settings.web.processes,
        "threads": settings.web.threads,
        "timeout": WORKER_TIMEOUT_S,
        "graceful_timeout": STOP_S,
        "keepalive": KEEPALIVE_S,
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
        create_app(secrets=secrets.load(settings))
    except (ConfigError, ImportError) as fault:
        sys.exit(f"gas: {fault}")
    Server(options(settings, args.bind)).run()


if __name__ == "__main__":
    main()
