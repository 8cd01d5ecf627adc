"""A stop that a signal asks for, and another one while the first is handled."""

import signal
import subprocess
import sys

import pytest

from aws.machine.stop_request import StopRequest
from aws.resources import World
from tests import daemons
from tests.conftest import PATIENCE_S

BURST = """
import signal, sys
from aws import consumer
from aws.config import load
from aws.machine import sd_notify
from aws.resources import connect
from util import sweep

real = signal.signal

def signal_again(*_):
    signal.raise_signal(signal.SIGTERM)

def install(number, handler):
    def handle(*args):
        outermost = sys.getprofile() is None
        sys.setprofile(signal_again)
        handler(*args)
        if outermost:
            sys.setprofile(None)
    return real(number, handle)

signal.signal = install
sd_notify.ready = lambda: print("ready", flush=True)
"""
DAEMONS = {
    "consumer": 'consumer.serve(connect(load()), "job_results", lambda *_: None)',
    "sweeper": 'sys.argv = ["sweep"]; sweep.main()',
}


@pytest.mark.parametrize("daemon", DAEMONS)
def test_signals_that_come_while_another_is_handled_stop_a_daemon_too(
    world: World, daemon: str
) -> None:
    """A killed parent's threads end one by one, and the kernel tells its children each time.

    Here a signal comes at each call within the handler.
    """
    env = daemons.environment(world)
    with subprocess.Popen(
        [sys.executable, "-c", BURST + DAEMONS[daemon]], env=env, stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stdout
            assert child.stdout.readline() == "ready\n"
            child.send_signal(signal.SIGTERM)
            assert child.wait(PATIENCE_S) == 0
        finally:
            child.kill()


def test_a_wait_ends_with_its_time_or_with_the_request() -> None:
    stopping = StopRequest()
    assert not stopping.wait(0)
    stopping.set()
    stopping.set()
    assert stopping.is_set()
    assert stopping.wait()
