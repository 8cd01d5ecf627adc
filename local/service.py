"""The whole service on one machine: starts every process, restarts what dies, stops in order."""

import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from aws import provision, resources
from aws import secrets as web_secrets
from aws.config import Config, load
from aws.machine.stop_request import StopRequest
from aws.outage import is_outage
from aws.processes import PROCESSES
from aws.resources import connect
from local.addresses import LOCALHOST, PORTS, demand_free, url_of
from local.errors import Interrupted, UpError
from local.log_writer import LogWriter
from local.people import PEOPLE
from local.process import Process
from local.tokens import CLIENT_ID, CLIENT_SECRET

START_S = 180
"""The longest that a part takes to answer, on a machine under load."""
STOP_S = 25
BACKOFF_S = (0.2, 0.5, 1, 2, 5)
STEADY_S = 20
"""A process that lived this long starts its backoff anew."""
TICK_S = 0.1
HASTY = {
    "GAS_AWS_POLL_S": "2",
    "GAS_AWS_VISIBILITY_S": "15",
    "GAS_AWS_RETRY_S": "2",
    "GAS_ANNOTATOR_BEACON_S": "5",
    "GAS_SWEEP_EVERY_S": "5",
    "GAS_SWEEP_GRACE_S": "10",
    "GAS_SWEEP_PATIENCE_S": "60",
    "GAS_RESTORE_PATIENCE_S": "60",
}
"""Shorter times than in config.ini, for a person who watches."""


def environment(
    host: str, port: int, workers: int | None, settings: dict[str, str]
) -> dict[str, str]:
    """Return the environment of every process of a local world.

    `settings` win over the caller's environment, and that over what suits one machine. What the
    caller's shell says about AWS and proxies is not for this world, whose AWS is in the region that
    the settings name. Raises ConfigError.
    """
    outer = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    past = ",".join(filter(None, [outer.get("no_proxy") or outer.get("NO_PROXY"), host]))
    own = {
        "AWS_ENDPOINT_URL": url_of(host, port + 1),
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",  # noqa: S105
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "no_proxy": past,
        "NO_PROXY": past,
        "GLOBUS_SDK_SERVICE_URL_AUTH": url_of(host, port + 2),
        "GAS_GLOBUS_ISSUER": url_of(host, port + 2),
        "GAS_GAS_BASE_URL": url_of(host, port),
        "GAS_LOCAL_HOST": host,
        "PYTHONUNBUFFERED": "1",
    }
    if workers:
        own["GAS_ANNOTATOR_WORKERS"] = str(workers)
    env = {**HASTY, **outer, **own, **settings}
    return {**env, "AWS_DEFAULT_REGION": load(env=env).aws.region}


class LocalService:
    """A local AWS, a local Globus and every process of GAS, on three neighbouring ports."""

    def __init__(
        self,
        port: int,
        data: Path | None,
        workers: int | None,
        out: TextIO,
        settings: dict[str, str] | None = None,
        *,
        host: str = LOCALHOST,
        stopping: StopRequest | None = None,
        data_fd: int | None = None,
    ) -> None:
        """`data_fd` holds the lock on `data`, and the local AWS inherits it."""
        self.host, self.port = host, port
        self.env = environment(host, port, workers, settings or {})
        self.stopping = stopping or StopRequest()
        self.out = LogWriter(out, self.stopping.is_set)
        self.base = [self._aws(data, data_fd), self._globus()]
        self.gas = [self._module(p.name, p.module) for p in PROCESSES if p.name != "web"]
        self.gas.append(self._web())

    @property
    def url(self) -> str:
        return url_of(self.host, self.port)

    @property
    def aws_url(self) -> str:
        return url_of(self.host, self.port + 1)

    @property
    def processes(self) -> list[Process]:
        return [*self.base, *self.gas]

    def config(self) -> Config:
        return load(env=self.env)

    def start(self) -> None:
        """Start all and return once every part answers. Raises UpError, or Interrupted."""
        for port in range(self.port, self.port + PORTS):
            demand_free(self.host, port)
        self.start_tier(self.base)
        self.start_tier(self.gas)

    def start_tier(self, tier: list[Process]) -> None:
        """Start these processes and return once each is ready. Raises UpError, or Interrupted."""
        for process in tier:
            self._go_on()
            process.start(self.out)
        deadline = time.monotonic() + START_S
        waiting = list(tier)
        while waiting:
            for process in [p for p in waiting if self._is_set_up(p)]:
                waiting.remove(process)
            for process in waiting:
                _demand_alive(process, deadline)
            self.stopping.wait(TICK_S / 2)
            self._go_on()

    def supervise(self) -> None:
        """Restart what dies, after a backoff, until a stop is requested or nobody listens."""
        while self.out.has_reader() and not self.stopping.wait(TICK_S):
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
                process.reap(deadline)

    def _go_on(self) -> None:
        if self.stopping.is_set() or not self.out.has_reader():
            raise Interrupted

    def _module(self, name: str, module: str, *options: str, url: str | None = None) -> Process:
        return Process(name, [sys.executable, "-m", module, *options], self.env, url)

    def _aws(self, data: Path | None, data_fd: int | None) -> Process:
        settings = self.config().local
        options = ["--host", self.host, "--port", str(self.port + 1)]
        options += ["--expedited-s", str(settings.expedited_s)]
        options += ["--standard-s", str(settings.standard_s)]
        options += ["--data", str(data)] if data else []
        health = f"{self.aws_url}/_gas/health"
        process = self._module("aws", "local.server.app", *options, url=health)
        process.after = self._provision
        process.pass_fds = () if data_fd is None else (data_fd,)
        return process

    def _globus(self) -> Process:
        options = ["--host", self.host, "--port", str(self.port + 2)]
        url = f"{url_of(self.host, self.port + 2)}/.well-known/openid-configuration"
        return self._module("globus", "local.globus", *options, url=url)

    def _web(self) -> Process:
        bind = ["--bind", f"{self.host}:{self.port}"]
        return self._module("web", "web", *bind, url=f"{self.url}/healthz")

    def _provision(self) -> None:
        """The local AWS forgets its queues when it stops; the rest is there already or is made."""
        with aws_of(self.env):
            config = self.config()
            provision.provision(config)
            web_secrets.create(
                config,
                web_secrets.Secrets(secrets.token_hex(32), CLIENT_ID, CLIENT_SECRET),
            )
            _seed(connect(config))

    def _is_set_up(self, process: Process) -> bool:
        """Tell whether it serves and `after` is done, which is tried again after a backoff."""
        if process.is_ready:
            return True
        since_s = time.monotonic() - process.fault_time
        if (process.faults and since_s < _backoff_s(process.faults)) or not process.serves():
            return False
        try:
            process.after()
        except Exception as fault:
            if not is_outage(fault):
                raise
            process.record_fault()
            self._say(f"{process.name} could not be set up, trying again: {fault}")
        else:
            process.faults = 0
        return process.is_ready

    def _say(self, words: str) -> None:
        self.out.write(f"{'up':<10}| {words}\n")

    def _look_after(self, process: Process) -> None:
        if process.is_alive:
            self._is_set_up(process)
            return
        lived = time.monotonic() - process.started_time
        if lived > STEADY_S:
            process.deaths = 0
        if lived < _backoff_s(process.deaths):
            return
        code = process.child.returncode if process.child else None
        self._say(f"{process.name} ended (exit code {code}); starting it again")
        process.deaths += 1
        process.start(self.out)


def _backoff_s(faults: int) -> float:
    return BACKOFF_S[min(faults, len(BACKOFF_S) - 1)]


@contextmanager
def aws_of(env: dict[str, str]) -> Iterator[None]:
    """Have boto3's clients that are made and used meanwhile reach the AWS of `env`."""
    before = {name: value for name, value in os.environ.items() if _is_about_aws(name)}
    own = {name: value for name, value in env.items() if _is_about_aws(name)}
    _exchange(before, own)
    try:
        yield
    finally:
        _exchange(own, before)


def _is_about_aws(name: str) -> bool:
    """True for an environment variable that says where boto3 goes, and by which way."""
    return name.startswith("AWS_") or name.lower() == "no_proxy"


def _exchange(old: dict[str, str], new: dict[str, str]) -> None:
    for name in old:
        os.environ.pop(name, None)
    os.environ.update(new)


def _demand_alive(process: Process, deadline: float) -> None:
    if not process.is_alive:
        raise UpError(f"{process.name} ended as soon as it started; see its output above")
    if time.monotonic() > deadline:
        raise UpError(f"{process.name} did not answer within {START_S} s; see its output above")


def _seed(world: resources.World) -> None:
    """One of the local people is a subscriber from the start."""
    person = PEOPLE["premium"]
    try:
        world.accounts.get(person.sub)
    except KeyError:
        world.accounts.sign_in(person.sub, person.name, person.email, person.institution)
        account = world.accounts.subscribe(person.sub)
        world.accounts.clear_role_change(person.sub, account.role_changes)
