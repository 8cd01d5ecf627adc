"""The picture of AWS in docs/operating.md: its boxes and arrows are the template's."""

import json
import re

import pytest

from aws.processes import DAEMONS, PROCESSES
from aws.stack import template
from aws.stack.release import ROOT
from tests.aws.stack.iam import Rights
from tests.aws.stack.parsed import NAMES, Parsed

OUTSIDE = {"Browser", "Globus", "Vault"}
"""Boxes that the template does not make; ./gas deploy creates the vault."""
GRAMMAR = {"flowchart", "LR", "subgraph", "end"}
DRAWN = {
    "AWS::AutoScaling::AutoScalingGroup",
    "AWS::DynamoDB::Table",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
    "AWS::SES::EmailIdentity",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
}
"""Types whose resources must all be in the picture, but for the dead-letter queues and alarms."""
ARROW = re.compile(r"-->|-\.->")
NODE = re.compile(r"[A-Za-z]\w*")


def picture() -> list[str]:
    """The diagram's lines, without its labels."""
    docs = (ROOT / "docs" / "operating.md").read_text()
    text = docs.partition("```mermaid\n")[2].partition("```")[0]
    return re.sub(r'"[^"]*"', "", text).splitlines()


def arrows() -> set[tuple[str, str]]:
    """Every arrow from one box to another; `a & b --> c --> d` has three."""
    found = set()
    for line in picture():
        groups = [NODE.findall(part) for part in ARROW.split(line)]
        for begins, ends in zip(groups, groups[1:], strict=False):
            found |= {(begin, end) for begin in begins for end in ends}
    return found


def boxes() -> set[str]:
    return {name for line in picture() for name in NODE.findall(line)} - GRAMMAR


def camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def test_every_box_is_a_resource_a_parameter_or_a_process() -> None:
    text = template.TEMPLATE.read_text()
    processes = {process.name for process in PROCESSES}
    known = template.resources(text).keys() | template.parameters(text).keys() | processes
    assert boxes() - known == OUTSIDE


def test_nothing_that_holds_data_messages_or_processes_is_left_out() -> None:
    resources = template.resources(template.TEMPLATE.read_text())
    wanted = {
        name
        for name, kind in resources.items()
        if kind in DRAWN and not name.endswith("DeadLetters") and name != "AlarmTopic"
    }
    assert wanted <= boxes()
    assert {process.name for process in PROCESSES} <= boxes()


def test_a_process_stands_in_the_group_that_runs_it() -> None:
    stack: list[str] = []
    for line in picture():
        names = NODE.findall(line)
        if names[:1] == ["subgraph"]:
            stack.append(names[1])
        elif names == ["end"]:
            stack.pop()
        elif stack and stack[-1].endswith("Group"):
            (process,) = (p for p in PROCESSES if [p.name] == names)
            assert stack[-1] == f"{process.kind.capitalize()}Group"


@pytest.mark.parametrize("queue", DAEMONS)
def test_a_topic_leads_to_its_queue_and_that_to_its_daemon(queue: str) -> None:
    name = camel(queue)
    assert {(f"{name}Topic", f"{name}Queue"), (f"{name}Queue", DAEMONS[queue])} <= arrows()
    assert [end for begin, end in arrows() if begin == f"{name}Queue"] == [DAEMONS[queue]]


def test_a_process_has_rights_on_all_that_its_arrows_touch(parsed: Parsed) -> None:
    for process in PROCESSES:
        policies = json.dumps(Rights(parsed, process.name).statements)
        touched = {
            other for arrow in arrows() if process.name in arrow for other in arrow
        } & parsed.resources.keys()
        for logical in touched:
            key = NAMES.get(parsed.resources[logical]["Type"])
            if key and key in parsed.resources[logical]["Properties"]:
                name = parsed.resources[logical]["Properties"][key]
                assert f"{name}" in policies, f"{process.name} has no right on {logical}"
