"""gunicorn's worker processes: one that dies is replaced, whatever is silent or refuses by then."""

import signal
import sys
import time

import boto3
import psutil

from aws import secrets
from aws.resources import World
from local.addresses import free_port
from local.process import Process
from tests import daemons
from tests.local.conftest import eventually
from tests.web.conftest import SECRETS


def test_a_worker_that_dies_is_replaced_although_secrets_manager_refuses(world: World) -> None:
    """gunicorn ends with all of its workers where one fails at its start."""
    secrets.create(world.config, SECRETS)
    port = free_port()
    argv = [sys.executable, "-m", "web", "--bind", f"localhost:{port}"]
    env = {**daemons.environment(world), "GAS_WEB_PROCESSES": "1"}
    site = Process("web", argv, env, url=f"http://localhost:{port}/healthz")
    site.start(sys.stderr)
    try:
        eventually(site.serves)
        assert site.child
        (worker,) = psutil.Process(site.child.pid).children()
        boto3.client("secretsmanager").delete_secret(
            SecretId=world.names.secret, ForceDeleteWithoutRecovery=True
        )
        worker.kill()
        worker.wait()
        site.is_ready = False
        assert eventually(lambda: site.serves() or not site.is_alive)
        assert site.is_alive
    finally:
        site.signal(signal.SIGTERM)
        site.reap(time.monotonic())
