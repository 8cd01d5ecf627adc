"""The alarms that a person hears: each for what nobody would see otherwise."""

import json
from typing import Any

import pytest

from aws.processes import InstanceKind
from aws.simulate.maths import evaluate
from aws.stack.template import HERE
from tests.aws.stack.parsed import Parsed

Alarm = dict[str, Any]


def alarm_on(parsed: Parsed, metric: str) -> Alarm:
    """The one alarm on a metric of the project's own."""
    (found,) = [
        alarm
        for alarm in parsed.of("AWS::CloudWatch::Alarm").values()
        if alarm.get("MetricName") == metric and alarm["Namespace"] == "gas-acme"
    ]
    return found


def test_one_held_inventory_is_enough_for_an_alarm(parsed: Parsed) -> None:
    """It is taken once a day: what would delete too much must not wait for a second time."""
    alarm = alarm_on(parsed, "InventoryHeld")
    assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (1, 1)
    assert alarm["AlarmActions"][0].endswith(":gas-acme-alarms")


def test_what_is_given_up_is_heard_of_whichever_daemon_gave_it_up(parsed: Parsed) -> None:
    assert alarm_on(parsed, "GivenUp")["Threshold"] == 1
    filters = parsed.of("AWS::Logs::MetricFilter").values()
    logs = {f["LogGroupName"] for f in filters if "GivenUp" in str(f["MetricTransformations"])}
    assert logs == {
        f"/gas-acme/{name}" for name in ("notify", "archive", "restore", "thaw", "sweep")
    }


@pytest.mark.parametrize("kind", InstanceKind)
def test_an_instance_whose_agent_is_silent_is_noticed(kind: InstanceKind, parsed: Parsed) -> None:
    """No agent, no logs: alarms that go by lines of a log would stay silent too."""
    alarm = parsed.of("AWS::CloudWatch::Alarm")[f"{kind.capitalize()}AgentAlarm"]
    metrics = {one["Id"]: one for one in alarm["Metrics"]}
    reports = metrics["reports"]["MetricStat"]
    assert reports["Metric"]["Namespace"] == "gas-acme"
    assert reports["Metric"]["MetricName"] == "mem_used_percent"
    assert reports["Metric"]["Dimensions"] == [{"Name": "group", "Value": f"gas-acme-{kind}"}]
    assert (reports["Stat"], reports["Period"]) == ("SampleCount", 300)
    silent = next(one["Expression"] for one in alarm["Metrics"] if one["ReturnData"])

    def rings(serving: float | None, reports: float | None) -> bool:
        value = evaluate(silent, {"serving": serving, "reports": reports})
        return value is not None and value >= alarm["Threshold"]

    assert not rings(2.0, 10.0)
    assert rings(2.0, 5.0)
    assert rings(1.0, None)
    assert not rings(None, None)
    assert alarm["TreatMissingData"] == "notBreaching"
    assert alarm["EvaluationPeriods"] * reports["Period"] >= 900


def test_agents_report_what_the_alarm_counts(parsed: Parsed) -> None:
    agent = json.loads((HERE / "cloudwatch-agent.json").read_text())
    assert agent["agent"]["metrics_collection_interval"] == 60
    assert agent["metrics"]["namespace"] == "PREFIX"
    memory = agent["metrics"]["metrics_collected"]["mem"]
    assert memory["measurement"] == ["mem_used_percent"]
    assert agent["metrics"]["aggregation_dimensions"] == [["group"]]
