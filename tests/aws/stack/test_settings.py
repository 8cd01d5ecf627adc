"""The settings of a deployed stack, for commands that are given its name."""

import json
import sys

import pytest

from aws.resources import World
from tests.aws.stack.aws_like import element
from tests.aws.stack.edge import Edge
from util import ann_load


def test_the_pump_loads_the_queue_of_the_stack_that_is_named(
    world: World,
    edge: Edge,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = {"Prefix": world.config.gas.prefix, "Domain": "gas.example.org"}
    listed = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
    edge.answers["DescribeStacks"] = element(
        Stacks=[{"StackName": "production", "StackStatus": "UPDATE_COMPLETE", "Parameters": listed}]
    )
    options = ["--stack", "production", "--count", "2", "--rate", "100", "--wait", "0", "--json"]
    monkeypatch.setattr(sys, "argv", ["ann_load", *options])
    with pytest.raises(SystemExit) as ended:
        ann_load.main()
    assert ended.value.code == 1, "nobody serves that queue here"
    figures = json.loads(capsys.readouterr().out)
    assert (figures["submitted"], figures["completed"]) == (2, 0)
    assert world.queues.depth("job_requests").visible == 2
