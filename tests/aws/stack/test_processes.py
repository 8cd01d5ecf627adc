"""Every process of aws/processes.py has what it needs on AWS: a log, a group for it, a unit."""

import json
import re

import pytest

from aws import consumer
from aws.processes import PROCESSES, InstanceKind
from aws.stack.template import HERE, user_data
from tests.aws.stack.parsed import Parsed


def test_the_agent_sends_the_log_of_every_process_to_its_group(parsed: Parsed) -> None:
    agent = json.loads((HERE / "cloudwatch-agent.json").read_text())
    sent = {
        file["file_path"]: file["log_group_name"].replace("PREFIX", "gas-acme")
        for file in agent["logs"]["logs_collected"]["files"]["collect_list"]
    }
    for others in ("/var/log/cloud-init-output.log", "/var/log/nginx/error.log"):
        sent.pop(others)
    assert sent == {f"/var/log/gas/{p.name}.log": f"/gas-acme/{p.name}" for p in PROCESSES}
    groups = {group["LogGroupName"] for group in parsed.of("AWS::Logs::LogGroup").values()}
    assert set(sent.values()) <= groups


def test_a_change_to_a_unit_is_for_a_process_that_exists() -> None:
    changed = {folder.name for folder in (HERE / "units").glob("*.d")}
    own = {f"gas@{process.name}.service.d" for process in PROCESSES}
    assert changed <= own | {"nginx.service.d"}


def test_no_daemon_is_killed_while_it_returns_what_is_unfinished_and_leaves() -> None:
    unit = (HERE / "units/gas@.service").read_text()
    (stop_s,) = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert int(stop_s) > consumer.STOP_S + consumer.RETURN_S + consumer.LEAVE_S


@pytest.mark.parametrize("kind", InstanceKind)
def test_every_kind_of_instance_has_its_user_data(kind: InstanceKind) -> None:
    assert user_data(kind).endswith(f"\nboot {kind}\n")
