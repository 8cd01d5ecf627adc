"""The one list of processes: every other place that names them agrees with it."""

import os
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from aws.processes import DAEMONS, PROCESSES, GasProcess
from local.service import LocalService
from tests import daemons

ROOT = Path(__file__).parents[2]
EACH = pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)


@EACH
def test_the_processs_module_is_there(process: GasProcess) -> None:
    assert find_spec(process.module)


def test_the_local_service_runs_every_process_and_stops_the_site_first() -> None:
    with open(os.devnull, "w", encoding="utf-8") as out:
        service = LocalService(5000, None, None, out)
    running = {process.name: process.argv[2] for process in service.gas}
    assert running == {process.name: process.module for process in PROCESSES}
    assert service.gas[-1].name == "web"


def test_every_queue_has_one_daemon_and_the_tests_run_it() -> None:
    queues = [process.queue for process in PROCESSES if process.queue]
    assert len(queues) == len(set(queues))
    assert daemons.handlers().keys() == DAEMONS.keys()


@EACH
def test_the_documentation_lists_the_process(process: GasProcess) -> None:
    text = (ROOT / "docs" / "processes.md").read_text(encoding="utf-8")
    (queue,) = re.findall(rf"^\| `{process.name}` \| (?:`(\w+)`)?", text, re.MULTILINE)
    assert queue == (process.queue or "")
