"""The whole service on one machine: starts every process, restarts what dies, stops in order."""

import argparse
import os
import secrets
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TextIO

from aws import provision, resources
from aws import secrets as web_secrets
from aws.config import Config, ConfigError, load
from aws.resources import connect
from local.globus import CLIENT_ID, CLIENT_SECRET
from local.people import PEOPLE
from local.process import Process, reap

ROOT = Path(__file__).resolve().parent.parent
DAEMONS = ("notify", "archive", "restore", "thaw", "sweep")
START_S = 60
STOP_S = 25
BACK_OFF_S = (0.2, 0.5, 1, 2, 5)
STEADY_S = 20
"""A process that lived this long starts its back-off anew."""
TICK_S = 0.1


class UpError(RuntimeError):
    """Why the world cannot go up, in one line."""


def environment(port: int, workers: int | None, settings: dict[str, str]) -> dict[str, str]:
    """What every process of a local world finds in its environment.

    `settings` win over the caller's environment, and that over what suits one machine.
    """
    told = {
        "AWS_ENDPOINT_URL": f"http://localhost:{port + 1}",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",  # noqa: S105
        "GLOBUS_SDK_SERVICE_URL_AUTH": f"http://localhost:{port + 2}",
        "GAS_GLOBUS_ISSUER": f"http://localhost:{port + 2}",
        "GAS_GAS_BASE_URL": f"http://localhost:{port}",
        "PYTHONUNBUFFERED": "1",
    }
    if workers:
        told["GAS_ANNOTATOR_WORKERS"] = str(workers)
    hasty = {
        "GAS_AWS_POLL_S": "2",
        "GAS_AWS_VISIBILITY_S": "15",
        "GAS_AWS_RETRY_S": "2",
        "GAS_SWEEP_EVERY_S": "5",
        "GAS_SWEEP_GRACE_S": "10",
        "GAS_SWEEP_PATIENCE_S": "60",
        "GAS_RESTORE_PATIENCE_S": "60",
    }
    return {**hasty, **os.environ, **told, **settings}


class LocalService:
    """A local AWS, a local Globus and every process of GAS, on three neighbouring ports."""

    def __init__(
        self,
        port: int,
        data: Path | None,
        workers: int | None,
        out: TextIO,
        settings: dict[str, str] | None = None,
    ) -> None:
        self.port, self.out = port, out
        self.env = environment(port, workers, settings or {})
        self.stopping = threading.Event()
        self.base = [self._aws(data), self._globus()]
        self.gas = [self._module(name, f"util.{name}") for name in DAEMONS]
        self.gas += [self._module("annotator", "ann.annotator"), self._web()]

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def processes(self) -> list[Process]:
        return [*self.base, *self.gas]

    def config(self) -> Config:
        return load(env=self.env)

    def start(self) -> None:
        """Start all and return once every part answers. Raises UpError."""
        for port in range(self.port, self.port + 3):
            _demand_free(port)
        for tier in (self.base, self.gas):
            for process in tier:
                process.start(self.out)
            self._await(tier)

    def supervise(self) -> None:
        """Restart what dies, with a growing pause, until `stopping` is set."""
        while not self.stopping.wait(TICK_S):
            for process in self.processes:
                self._look_after(process)

    def stop(self) -> None:
        """Stop the site, then the daemons, then what they stood on; kill what does not stop."""
        self.stopping.set()
        for tier in ([self.gas[-1]], self.gas[:-1], self.base[::-1]):
            for process in tier:
                process.signal(signal.SIGTERM)
            deadline = time.monotonic() + STOP_S
            for process in tier:
                reap(process, deadline)

    def _module(self, name: str, module: str, *options: str, **more: object) -> Process:
        argv = [sys.executable, "-m", module, *options]
        return Process(name, argv, self.env, **more)  # type: ignore[arg-type]

    def _aws(self, data: Path | None) -> Process:
        settings = self.config().local
        options = ["--port", str(self.port + 1)]
        options += ["--expedited-s", str(settings.expedited_s)]
        options += ["--standard-s", str(settings.standard_s)]
        options += ["--data", str(data)] if data else []
        answers = f"{self.env['AWS_ENDPOINT_URL']}/_gas/health"
        return self._module(
            "aws", "local.server.app", *options, answers=answers, after=self._provision
        )

    def _globus(self) -> Process:
        port = self.port + 2
        answers = f"http://localhost:{port}/.well-known/openid-configuration"
        return self._module("globus", "local.globus", "--port", str(port), answers=answers)

    def _web(self) -> Process:
        bind = ["--bind", f"localhost:{self.port}"]
        return self._module("web", "web", *bind, answers=f"{self.url}/healthz")

    def _provision(self) -> None:
        """The local AWS forgets its queues when it stops; the rest is there already or is made."""
        os.environ.update({k: v for k, v in self.env.items() if k.startswith("AWS_")})
        config = self.config()
        provision.provision(config)
        web_secrets.create(
            config,
            web_secrets.Secrets(secrets.token_hex(32), CLIENT_ID, CLIENT_SECRET),
        )
        _seed(connect(config))

    def _await(self, tier: list[Process]) -> None:
        deadline = time.monotonic() + START_S
        waiting = list(tier)
        while waiting:
            for process in [p for p in waiting if p.serves()]:
                process.after()
                waiting.remove(process)
            for process in waiting:
                self._demand_alive(process, deadline)
            self.stopping.wait(TICK_S / 2)

    def _demand_alive(self, process: Process, deadline: float) -> None:
        if not process.is_alive:
            raise UpError(f"{process.name} ended at once; what it said stands above")
        if time.monotonic() > deadline:
            raise UpError(f"{process.name} did not answer within {START_S} s")

    def _look_after(self, process: Process) -> None:
        if process.is_alive:
            if not process.serving.is_set() and process.serves():
                process.after()
            return
        lived = time.monotonic() - process.started_time
        if lived > STEADY_S:
            process.deaths = 0
        if lived < BACK_OFF_S[min(process.deaths, len(BACK_OFF_S) - 1)]:
            return
        code = process.child.returncode if process.child else None
        self.out.write(f"{'up':<10}| {process.name} ended (exit code {code}); starting it again\n")
        process.deaths += 1
        process.start(self.out)


def _seed(world: resources.World) -> None:
    """One of the local people is a subscriber from the start."""
    person = PEOPLE["premium"]
    try:
        world.accounts.get(person.sub)
    except KeyError:
        world.accounts.sign_in(person.sub, person.name, person.email, person.institution)
        account = world.accounts.subscribe(person.sub)
        world.accounts.clear_role_change(person.sub, account.role_changes)


def _demand_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("localhost", port))
        except OSError:
            raise UpError(
                f"port {port} is taken; stop what uses it, or choose others: ./gas up --port 6000"
            ) from None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./gas up",
        description="Run the whole service on this machine, with no account anywhere. "
        "The local AWS is on port+1 (mail sent is at /mail there), the local Globus on port+2.",
        epilog="example: ./gas up --port 6000 --data /tmp/gas --workers 2",
    )
    parser.add_argument("--port", type=int, default=5000, help="of the site (default 5000)")
    parser.add_argument(
        "--data", type=Path, default=ROOT / "var" / "local", help="where state is kept between runs"
    )
    parser.add_argument("--workers", type=int, help="jobs annotated at once (default 2)")
    return parser.parse_args()


def main() -> None:
    """The command line: `./gas up`."""
    asked = _arguments()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    fault = None
    world = None
    try:
        world = LocalService(asked.port, asked.data, asked.workers, sys.stdout)
        world.start()
        sys.stdout.write(f"GAS is ready at {world.url}\n")
        sys.stdout.flush()
        world.supervise()
    except KeyboardInterrupt:
        sys.stdout.write("stopping …\n")
    except (UpError, ConfigError) as error:
        fault = f"gas: {error}"
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if world:
            world.stop()
    sys.exit(fault)


if __name__ == "__main__":
    main()
