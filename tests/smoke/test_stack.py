"""The checks of `./gas smoke --stack` that only a stack has, on services that answer as AWS's."""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import boto3
import pytest

from aws.config import Config
from aws.processes import PROCESSES, InstanceKind
from aws.provision import create_bucket, provision
from aws.resources import BUCKETS
from aws.stack.changes import Stack
from smoke import metric_age, operation, scaling
from smoke.__main__ import look, stack_target
from smoke.catalogue import of_level
from smoke.checks import Check, CheckFailed, CheckResult, CheckSkipped, Level, Verdict, run_checks
from smoke.logs import CloudWatchLog
from smoke.target import SmokeRun, Target
from tests.aws.stack.aws_like import element
from tests.aws.stack.edge import Edge
from tests.conftest import Handle

SHA256 = "1" * 64
CLOUDWATCH = "GraniteServiceVersion20100801"
Begin = Callable[..., SmokeRun]


@pytest.fixture
def edge(local_aws: Handle, monkeypatch: pytest.MonkeyPatch) -> Iterator[Edge]:
    server = Edge(local_aws.url).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def begin(config: Config, edge: Edge) -> Begin:
    """A run on a stack named `gas`, in a status and with parameters."""

    def begun(status: str = "CREATE_COMPLETE", **parameters: str) -> SmokeRun:
        given = {"ReleaseSha256": SHA256, "IdleMinutes": "3", **parameters}
        pairs = [{"ParameterKey": k, "ParameterValue": v} for k, v in given.items()]
        stack = {"StackName": "gas", "StackStatus": status, "Parameters": pairs}
        edge.answers["DescribeStacks"] = element(Stacks=[stack])
        log = CloudWatchLog(boto3.client("logs"), config.gas.prefix)
        made = Stack(boto3.client("cloudformation"), "gas")
        return SmokeRun(Target(config, "https://gas.example.org", log, stack=made), "smoke-1")

    return begun


def fault_of(check: Callable[[SmokeRun], str], run: SmokeRun) -> str:
    with pytest.raises(CheckFailed) as failed:
        check(run)
    return str(failed.value)


def test_a_stack_is_found_by_its_name_with_its_own_settings(begin: Begin) -> None:
    begin(Prefix="gas-acme", Domain="gas.example.org")
    target = stack_target("gas")
    assert target.url == "https://gas.example.org"
    assert target.group("web") == "gas-acme-web"
    assert target.deployed.name == "gas"
    names = [check.name for check in of_level(Level.SCALE)]
    assert names[-3:] == ["out", "loss", "in"]


def test_a_stack_that_was_made_half_is_named(begin: Begin) -> None:
    assert operation.stack_complete(begin())
    assert "is not complete" in fault_of(operation.stack_complete, begin("CREATE_FAILED"))


@pytest.fixture
def groups(config: Config, edge: Edge) -> Edge:
    """Three groups of one instance each, in service, of the stack's release."""
    prefix, ec2 = config.gas.prefix, boto3.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    for kind in InstanceKind:
        tags = [{"Key": "gas:sha256", "Value": SHA256}]
        ec2.create_launch_template(
            LaunchTemplateName=f"{prefix}-{kind}",
            LaunchTemplateData={
                "ImageId": "ami-12c6146b",
                "InstanceType": "t3.small",
                "TagSpecifications": [{"ResourceType": "instance", "Tags": tags}],
            },
        )
        boto3.client("autoscaling").create_auto_scaling_group(
            AutoScalingGroupName=f"{prefix}-{kind}",
            MinSize=1,
            MaxSize=1,
            LaunchTemplate={"LaunchTemplateName": f"{prefix}-{kind}", "Version": "$Latest"},
            VPCZoneIdentifier=subnet,
        )
    edge.answers |= {
        "DescribeScalingActivities": element(Activities=[]),
        "DescribeTargetGroups": element(TargetGroups=[{"TargetGroupArn": "tg"}]),
        "DescribeTargetHealth": element(
            TargetHealthDescriptions=[{"TargetHealth": {"State": "healthy"}}]
        ),
    }
    return edge


def activity(status: str, ago_s: float) -> dict[str, str]:
    begun = datetime.now(UTC) - timedelta(seconds=ago_s)
    return {
        "ActivityId": "1",
        "AutoScalingGroupName": "g",
        "Description": "Launching a new EC2 instance: i-1",
        "StatusCode": status,
        "StatusMessage": "You have requested more vCPU capacity than your limit",
        "StartTime": begun.isoformat(),
        "EndTime": (begun + timedelta(seconds=75)).isoformat(),
    }


def test_instances_in_service_of_this_release_pass(begin: Begin, groups: Edge) -> None:
    groups.answers["DescribeScalingActivities"] = element(Activities=[activity("Successful", 600)])
    assert operation.groups_in_service(begin()) == "3 groups, the longest launch 75 s"


def test_a_launch_that_failed_this_hour_is_named_and_an_older_one_is_not(
    begin: Begin, groups: Edge
) -> None:
    groups.answers["DescribeScalingActivities"] = element(Activities=[activity("Failed", 60)])
    assert "more vCPU capacity" in fault_of(operation.groups_in_service, begin())
    groups.answers["DescribeScalingActivities"] = element(Activities=[activity("Failed", 9000)])
    assert operation.groups_in_service(begin())


def test_a_target_that_is_not_healthy_is_named(begin: Begin, groups: Edge) -> None:
    groups.answers["DescribeTargetHealth"] = element(
        TargetHealthDescriptions=[{"TargetHealth": {"State": "unhealthy"}}]
    )
    assert "the load balancer (0 of 1 healthy)" in fault_of(operation.groups_in_service, begin())


def test_a_replacement_that_did_not_end_and_another_release_are_named(
    begin: Begin, groups: Edge
) -> None:
    assert "another release" in fault_of(operation.groups_in_service, begin(ReleaseSha256="2" * 64))
    groups.answers["DescribeInstanceRefreshes"] = element(
        InstanceRefreshes=[{"InstanceRefreshId": "r", "Status": "Failed"}]
    )
    assert "was not wholly replaced (Failed)" in fault_of(operation.groups_in_service, begin())


def test_an_instance_without_logs_is_named(begin: Begin, groups: Edge, config: Config) -> None:
    logs, run = boto3.client("logs"), begin()
    for process in PROCESSES:
        group = f"/{config.gas.prefix}/{process.name}"
        logs.create_log_group(logGroupName=group)
        for one in operation.instances(run, process.kind):
            if process.name != "thaw":
                logs.create_log_stream(logGroupName=group, logStreamName=one["InstanceId"])
    assert "no log of thaw from i-" in fault_of(operation.logs_arrive, run)
    (util,) = operation.instances(run, InstanceKind.UTIL)
    group = f"/{config.gas.prefix}/thaw"
    logs.create_log_stream(logGroupName=group, logStreamName=util["InstanceId"])
    assert operation.logs_arrive(run) == "7 streams of 7 processes"


def test_tables_must_be_protected_and_restorable(begin: Begin) -> None:
    run, dynamodb = begin(), boto3.client("dynamodb")
    provision(run.target.config)
    assert "not protected from deletion" in fault_of(operation.tables_protected, run)
    for kind in ("annotations", "accounts"):
        name = run.world.names.table(kind)
        dynamodb.update_table(TableName=name, DeletionProtectionEnabled=True)
    assert "cannot be restored" in fault_of(operation.tables_protected, run)
    for kind in ("annotations", "accounts"):
        dynamodb.update_continuous_backups(
            TableName=run.world.names.table(kind),
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        )
    assert operation.tables_protected(run)


def test_every_bucket_of_a_stack_is_closed_and_keeps_what_is_deleted(begin: Begin) -> None:
    run, s3 = begin(), boto3.client("s3")
    provision(run.target.config)
    logs = run.world.names.bucket("logs")
    assert logs in fault_of(operation.buckets_closed, run)
    create_bucket(s3, logs, run.target.config.aws.region)
    assert operation.buckets_closed(run) == "5 buckets"
    for kind in BUCKETS:
        name = run.world.names.bucket(kind)
        assert f"{name} keeps nothing" in fault_of(operation.versions_kept, run)
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    assert operation.versions_kept(run) == "4 buckets"


def alarms(edge: Edge, *found: dict[str, Any]) -> None:
    edge.targets[f"{CLOUDWATCH}.DescribeAlarms"] = json.dumps({"MetricAlarms": found})


def test_an_alarm_is_named_unless_it_only_removes_the_idle(begin: Begin, edge: Edge) -> None:
    def alarm(name: str, state: str) -> dict[str, str]:
        return {"AlarmName": f"gas-{name}-1", "StateValue": state, "AlarmDescription": "words"}

    alarms(edge, alarm("AnnotatorIdleAlarm", "ALARM"), alarm("ThawAgeAlarm", "OK"))
    assert operation.no_alarm(begin()) == "2 alarms"
    alarms(edge, alarm("ThawAgeAlarm", "ALARM"))
    assert "gas-ThawAgeAlarm-1: words" in fault_of(operation.no_alarm, begin())
    alarms(edge)
    assert "no alarms" in fault_of(operation.no_alarm, begin())


def test_alarms_of_a_stack_whose_name_begins_alike_are_not_ours(begin: Begin, edge: Edge) -> None:
    """Production and its rehearsal, `gas` and `gas-test`, in one account."""
    ours = {"AlarmName": "gas-ThawAgeAlarm-1A2B", "StateValue": "OK"}
    theirs = {"AlarmName": "gas-test-ThawAgeAlarm-1A2B", "StateValue": "ALARM"}
    alarms(edge, ours, theirs)
    assert operation.no_alarm(begin()) == "1 alarms"
    alarms(edge, {"AlarmName": "gas-test-AnnotatorBacklogAlarm-1", "Metrics": []})
    assert "are not there" in fault_of(metric_age.fresh, begin())


def test_alarms_that_reach_nobody_are_named(begin: Begin, edge: Edge) -> None:
    with pytest.raises(CheckSkipped, match="AlarmEmail is not set"):
        operation.alarms_are_heard(begin())
    run = begin(AlarmEmail="ops@example.org")

    def heard(arn: str) -> None:
        one = {"Endpoint": "ops@example.org", "SubscriptionArn": arn}
        edge.answers["ListSubscriptionsByTopic"] = element(Subscriptions=[one])

    heard("PendingConfirmation")
    assert "follow the link" in fault_of(operation.alarms_are_heard, run)
    heard("arn:aws:sns:us-east-1:123456789012:gas-alarms:1")
    assert operation.alarms_are_heard(run) == "ops@example.org"


def test_faults_in_cloudwatchs_logs_are_shown_oldest_first(begin: Begin, edge: Edge) -> None:
    line = {"message": "2026 ERROR notify AccessDenied: ses:SendEmail\n", "timestamp": 1}
    edge.targets["Logs_20140328.FilterLogEvents"] = json.dumps({"events": [line]})
    run = begin()
    assert "AccessDenied: ses:SendEmail" in fault_of(operation.log_is_clean, run)
    edge.targets["Logs_20140328.FilterLogEvents"] = json.dumps({"events": []})
    assert operation.log_is_clean(run)


def test_a_fault_behind_empty_pages_of_the_log_is_found(begin: Begin, edge: Edge) -> None:
    """A page may be empty though more follow (CloudWatch Logs API Reference, FilterLogEvents)."""
    many = [{"message": f"Traceback {at}", "timestamp": at} for at in range(1, 70)]
    pages: list[dict[str, Any]] = [{"events": [], "nextToken": "more"}, {"events": many}]
    left = [*pages, *({"events": []} for _ in PROCESSES[1:])]
    edge.targets["Logs_20140328.FilterLogEvents"] = lambda: json.dumps(left.pop(0))
    assert fault_of(operation.log_is_clean, begin()).endswith("the newest: Traceback 69")
    assert left == []


# The age of metrics.


@pytest.fixture
def scaled(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> Edge:
    """The alarm that adds annotators, and no pause between looks."""
    monkeypatch.setattr(metric_age, "LOOK_S", 0.0)
    monkeypatch.setattr(metric_age, "LOOKS", 2)
    queries = [{"Id": "visible", "ReturnData": False}, {"Id": "short", "Expression": "visible"}]
    alarms(edge, {"AlarmName": "gas-AnnotatorBacklogAlarm-1", "Metrics": queries})
    return edge


def points(edge: Edge, *values: float, late_s: float = 90, names: str = "visible short") -> None:
    """What CloudWatch has of these metrics, a value a look."""
    at, left = int(time.time() - late_s), list(values)

    def answer() -> str:
        value = left.pop(0) if len(left) > 1 else left[0]
        found = [{"Id": name, "Timestamps": [at], "Values": [value]} for name in names.split()]
        return json.dumps({"MetricDataResults": found})

    edge.targets[f"{CLOUDWATCH}.GetMetricData"] = answer


def test_young_metrics_pass_with_their_age(begin: Begin, scaled: Edge) -> None:
    points(scaled, 0)
    (age_s,) = re.findall(r"short (\d+) s", metric_age.fresh(begin()))
    assert 90 <= int(age_s) < 240


def test_metrics_later_than_were_simulated_are_named(begin: Begin, scaled: Edge) -> None:
    points(scaled, 0, late_s=600)
    assert "older than 240 s" in fault_of(metric_age.fresh, begin())


def test_an_expression_without_a_datapoint_is_named(begin: Begin, scaled: Edge) -> None:
    points(scaled, 0, names="visible")
    assert "short never had a datapoint" in fault_of(metric_age.fresh, begin())


def test_a_value_that_a_later_look_changes_is_named(begin: Begin, scaled: Edge) -> None:
    points(scaled, 0, 5)
    assert "was 0 and became 5" in fault_of(metric_age.fresh, begin())


# Load.


@pytest.fixture
def quick(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> Edge:
    for name, value in {
        "JOBS": 2,
        "OUT_S": 0,
        "GONE_S": 0,
        "IN_SLACK_S": -180,
        "LOOK_S": 0,
    }.items():
        monkeypatch.setattr(scaling, name, value)
    return edge


def group(desired: int, *ids: str) -> str:
    instances = [{"InstanceId": one, "LifecycleState": "InService"} for one in ids]
    return element(
        AutoScalingGroups=[{"MinSize": 2, "DesiredCapacity": desired, "Instances": instances}]
    )


def test_a_second_stop_in_the_midst_of_the_clean_up_names_what_is_left(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(_: SmokeRun) -> NoReturn:
        raise SystemExit("gas: stopped")

    monkeypatch.setattr(SmokeRun, "clean_up", stopped)
    with pytest.raises(SystemExit, match="stopped"):
        look(begin().target, [], keep=False, is_quiet=True)
    assert "left: account smoke-" in capsys.readouterr().err


def test_a_group_that_load_does_not_move_is_named(begin: Begin, quick: Edge) -> None:
    run = begin()
    provision(run.target.config)
    run.world.accounts.sign_in(run.user_id, "smoke", "x@example.org", "")
    quick.answers["DescribeAutoScalingGroups"] = group(2)
    assert "still 2 annotators are wanted" in fault_of(scaling.scales_out, run)
    quick.answers["DescribeAutoScalingGroups"] = group(6)
    assert scaling.scales_out(run).startswith("2 -> 6")
    assert run.clean_up() == 4


def test_a_group_that_stays_large_is_named(begin: Begin, quick: Edge) -> None:
    quick.answers["DescribeAutoScalingGroups"] = group(2, "i-1", "i-2", "i-3")
    assert "3 annotators after" in fault_of(scaling.scales_in, begin())
    quick.answers["DescribeAutoScalingGroups"] = group(2, "i-1", "i-2")
    assert scaling.scales_in(begin()).startswith("2 after")


def test_an_exception_of_any_kind_is_a_failure_with_its_name(begin: Begin) -> None:
    def broken(run: SmokeRun) -> str:
        raise ZeroDivisionError("oh")

    seen: list[CheckResult] = []
    run = begin()
    run.target = replace(run.target, log=_SilentLog())
    run_checks([Check("x", "x", broken)], run, seen.append)
    assert [(r.verdict, r.detail) for r in seen] == [(Verdict.FAILED, "ZeroDivisionError: oh")]


class _SilentLog:
    def faults(self, since: float, about: str = "") -> list[str]:
        return []
