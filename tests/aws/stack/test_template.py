"""The template: scaling and safety rules that CloudFormation's linter does not check."""

import re
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from aws.processes import PROCESSES, TOPICS
from aws.resources import STACK_BUCKETS
from aws.stack import template
from aws.stack.template import TEMPLATE, rendered
from tests.aws.stack.parsed import ACCOUNT, Parsed

POLICY = "AWS::AutoScaling::ScalingPolicy"
ALARM = "AWS::CloudWatch::Alarm"
GROUP = "AWS::AutoScaling::AutoScalingGroup"
ROLE = "AWS::IAM::Role"
FUNCTIONS = {"IF", "MAX", "MIN", "FILL", "CEIL", "FLOOR", "ABS", "SUM", "AVG"}
WORD = re.compile(r"[A-Za-z_]\w*")


@pytest.mark.parametrize("text", [TEMPLATE.read_text(), rendered()], ids=["as kept", "rendered"])
def test_the_linter_finds_nothing(text: str, tmp_path: Path) -> None:
    file = tmp_path / "template.yaml"
    file.write_text(text)
    ran = subprocess.run(
        [Path(sys.executable).parent / "cfn-lint", file], capture_output=True, text=True
    )
    assert (ran.returncode, ran.stdout) == (0, "")


# Scaling.


def steps(policy: dict[str, Any]) -> list[dict[str, Any]]:
    return list(policy.get("StepAdjustments", []))


def test_every_step_policy_has_an_alarm(parsed: Parsed) -> None:
    used = {action for alarm in parsed.of(ALARM).values() for action in alarm["AlarmActions"]}
    stepping = {name for name, policy in parsed.of(POLICY).items() if steps(policy)}
    assert stepping
    assert stepping <= used


def test_steps_leave_no_gap_and_end_open(parsed: Parsed) -> None:
    for name, policy in parsed.of(POLICY).items():
        bounds = [
            (s.get("MetricIntervalLowerBound"), s.get("MetricIntervalUpperBound"))
            for s in steps(policy)
        ]
        if bounds:
            assert bounds[0][0] == 0, name
            assert bounds[-1][1] is None, name
            assert all(a[1] == b[0] for a, b in zip(bounds, bounds[1:], strict=False)), name


def queries(parsed: Parsed) -> dict[str, list[dict[str, Any]]]:
    """The metric queries of every alarm and target that computes with metrics."""
    found = {
        name: alarm["Metrics"] for name, alarm in parsed.of(ALARM).items() if "Metrics" in alarm
    }
    for name, policy in parsed.of(POLICY).items():
        target = policy.get("TargetTrackingConfiguration", {})
        custom = target.get("CustomizedMetricSpecification", {})
        if "Metrics" in custom:
            found[name] = custom["Metrics"]
    return found


def test_metric_maths_parse_and_name_only_what_is_defined(parsed: Parsed) -> None:
    assert len(queries(parsed)) >= 4
    for name, metrics in queries(parsed).items():
        ids = {m["Id"] for m in metrics}
        assert len(ids) == len(metrics), name
        assert sum(bool(m["ReturnData"]) for m in metrics) == 1, name
        for metric in metrics:
            if "Expression" in metric:
                compile(metric["Expression"], name, "eval")
                used = set(WORD.findall(metric["Expression"]))
                assert used <= ids | FUNCTIONS, (name, metric["Expression"])


def test_a_minute_that_is_not_reported_yet_is_no_zero(parsed: Parsed) -> None:
    """The CloudWatch guide warns of FILL, MAX and MIN in alarms; missing is 0 in arithmetic."""
    for name, metrics in queries(parsed).items():
        namespaces = {m["MetricStat"]["Metric"]["Namespace"] for m in metrics if "MetricStat" in m}
        by_id = {m["Id"]: m.get("Expression", "") for m in metrics}
        assert not re.search(r"FILL|MAX|MIN", " ".join(by_id.values())), name
        if "AWS/SQS" in namespaces:  # whose metrics come later than the group's
            assert by_id["reported"] == "(visible >= 0) * (serving >= 0)", name
            (returned,) = (m for m in metrics if m["ReturnData"])
            assert re.fullmatch(r"IF\(reported, .+\)", returned["Expression"]), name


def test_beside_an_idle_policy_the_target_never_scales_in(parsed: Parsed) -> None:
    policies = parsed.of(POLICY)
    shrinking = {
        p["AutoScalingGroupName"]
        for p in policies.values()
        if any(s["ScalingAdjustment"] < 0 for s in steps(p))
    }
    assert shrinking
    for name, policy in policies.items():
        target = policy.get("TargetTrackingConfiguration")
        if target and policy["AutoScalingGroupName"] in shrinking:
            assert target["DisableScaleIn"] is True, name


def test_groups_keep_their_size_over_a_deployment_and_publish_their_numbers(parsed: Parsed) -> None:
    for name, group in parsed.of(GROUP).items():
        assert "DesiredCapacity" not in group, name
        (metrics,) = group["MetricsCollection"]
        assert "GroupInServiceInstances" in metrics["Metrics"], name
    sizes = {name: (g["MinSize"], g["MaxSize"]) for name, g in parsed.of(GROUP).items()}
    assert sizes == {
        "WebGroup": ("2", "10"),
        "AnnotatorGroup": ("2", "10"),
        "UtilGroup": ("1", "1"),
    }


def test_a_failed_launch_is_abandoned_and_a_drain_is_waited_for(parsed: Parsed) -> None:
    for name, group in parsed.of(GROUP).items():
        hooks = {h["LifecycleHookName"]: h for h in group["LifecycleHookSpecificationList"]}
        assert hooks["launching"]["DefaultResult"] == "ABANDON", name
    hooks = parsed.of(GROUP)["AnnotatorGroup"]["LifecycleHookSpecificationList"]
    assert [h["LifecycleHookName"] for h in hooks] == ["launching", "terminating"]


# Safety.


def test_metadata_need_a_token_on_every_instance(parsed: Parsed) -> None:
    for name, made in parsed.of("AWS::EC2::LaunchTemplate").items():
        options = made["LaunchTemplateData"]["MetadataOptions"]
        assert options["HttpTokens"] == "required", name
        assert options["HttpPutResponseHopLimit"] == 1, name
        disks = made["LaunchTemplateData"]["BlockDeviceMappings"]
        assert all(disk["Ebs"]["Encrypted"] for disk in disks), name


def test_every_bucket_is_closed_encrypted_kept_and_for_tls_only(parsed: Parsed) -> None:
    closed = {p["Bucket"] for p in parsed.of("AWS::S3::BucketPolicy").values() if tls_only(p)}
    buckets = parsed.of("AWS::S3::Bucket")
    names = {bucket["BucketName"] for bucket in buckets.values()}
    assert names == {f"gas-acme-{kind}" for kind in STACK_BUCKETS}
    for name, bucket in buckets.items():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}, name
        assert "BucketEncryption" in bucket, name
        assert bucket["BucketName"] in closed, name
        assert parsed.resources[name]["DeletionPolicy"] == "RetainExceptOnCreate", name
        assert parsed.resources[name]["UpdateReplacePolicy"] == "Retain", name


def tls_only(policy: dict[str, Any]) -> bool:
    return any(
        s["Effect"] == "Deny"
        and s["Principal"] == "*"
        and s["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for s in policy["PolicyDocument"]["Statement"]
    )


def test_every_table_can_be_restored_and_is_kept(parsed: Parsed) -> None:
    for name, table in parsed.of("AWS::DynamoDB::Table").items():
        recovery = table["PointInTimeRecoverySpecification"]
        assert recovery == {"PointInTimeRecoveryEnabled": True}, name
        assert table["SSESpecification"] == {"SSEEnabled": True}, name
        assert parsed.resources[name]["DeletionPolicy"] == "RetainExceptOnCreate", name


def test_a_queue_hears_its_topic_and_nobody_else(parsed: Parsed) -> None:
    policies = parsed.of("AWS::SQS::QueuePolicy")
    dead_letters = policies.pop("DeadLettersPolicy")
    assert tls_only(dead_letters)
    assert len(dead_letters["Queues"]) == len(policies) == len(TOPICS)
    for policy in policies.values():
        allowed = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
        (statement,) = allowed
        topic = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
        assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
        assert statement["Action"] == "sqs:SendMessage"
        assert topic.rpartition(":")[2] == statement["Resource"].rpartition(":")[2]
        assert tls_only(policy)


def test_every_queue_is_encrypted_and_has_dead_letters_and_both_are_watched(
    parsed: Parsed,
) -> None:
    queues = {
        q["QueueName"].removeprefix("gas-acme-"): q for q in parsed.of("AWS::SQS::Queue").values()
    }
    assert queues.keys() == {*TOPICS, *(f"{name}_dlq" for name in TOPICS)}
    assert all(queue["SqsManagedSseEnabled"] for queue in queues.values())
    assert all("RedrivePolicy" in queues[name] for name in TOPICS)
    watched = {
        (alarm["MetricName"], alarm["Dimensions"][0]["Value"].removeprefix("gas-acme-"))
        for alarm in parsed.of(ALARM).values()
        if alarm.get("Namespace") == "AWS/SQS"
    }
    for name in TOPICS:
        assert ("ApproximateAgeOfOldestMessage", name) in watched
        assert ("ApproximateNumberOfMessagesVisible", f"{name}_dlq") in watched


def test_the_accounts_archive_alone_announces_a_thaw_and_its_alarms_alarm(parsed: Parsed) -> None:
    policies = parsed.of("AWS::SNS::TopicPolicy")
    assert len(policies) == len(parsed.of("AWS::SNS::Topic"))
    alarms = policies.pop("AlarmTopicPolicy")
    assert tls_only(alarms)
    (statement, _) = [s for s in alarms["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statement["Condition"]["ArnLike"]["aws:SourceArn"].endswith(f":{ACCOUNT}:alarm:*")
    for policy in policies.values():
        assert tls_only(policy)
        allowed = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
        if not policy["Topics"][0].endswith("-thaw"):
            assert not allowed
            continue
        bucket, vault, account = allowed
        own = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
        archive = {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::gas-acme-archive"}}
        assert bucket["Principal"] == {"Service": "s3.amazonaws.com"}
        assert bucket["Condition"] == own | archive
        assert vault["Principal"] == {"Service": "glacier.amazonaws.com"}
        assert vault["Condition"] == own
        assert account["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}


def test_there_is_a_role_for_each_process_that_only_its_instance_takes_on(parsed: Parsed) -> None:
    roles = {
        r["RoleName"].removeprefix("gas-acme-"): r
        for r in parsed.of(ROLE).values()
        if "RoleName" in r
    }
    assert roles.keys() == {process.name for process in PROCESSES}
    for process in PROCESSES:
        (trust,) = roles[process.name]["AssumeRolePolicyDocument"]["Statement"]
        host = f"{process.kind.capitalize()}HostRole"
        assert trust["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:role/{host}"}


def statements(parsed: Parsed) -> list[dict[str, Any]]:
    """Every statement of every policy of a role."""
    found = [
        s
        for kind in ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy")
        for policy in parsed.of(kind).values()
        for s in policy["PolicyDocument"]["Statement"]
    ]
    for role in parsed.of(ROLE).values():
        for policy in role["Policies"]:
            found += policy["PolicyDocument"]["Statement"]
    return found


@pytest.mark.parametrize("backend", ["s3", "vault"])
def test_no_right_is_for_every_action_or_everything(backend: str) -> None:
    for statement in statements(Parsed(rendered(), ArchiveBackend=backend)):
        actions, where = statement["Action"], statement["Resource"]
        assert "*" not in str(actions), statement
        if where == "*":
            assert actions == "cloudwatch:PutMetricData"
            assert "cloudwatch:namespace" in statement["Condition"]["StringEquals"]


def test_no_right_reaches_a_stack_whose_prefix_only_begins_alike(parsed: Parsed) -> None:
    """Production and its rehearsal, `gas-acme` and `gas-acme-test`, in one account."""
    wheres = [statement["Resource"] for statement in statements(parsed)]
    patterns = [one for where in wheres for one in (where if isinstance(where, list) else [where])]
    assert len(patterns) > len(wheres)
    theirs = {one.replace("gas-acme", "gas-acme-test").replace("*", "x") for one in patterns}
    ours = [pattern for pattern in patterns if "gas-acme" in pattern]
    reached = {(one, pattern) for one in theirs for pattern in ours if fnmatchcase(one, pattern)}
    assert reached == set()


def test_rights_on_a_vault_come_only_with_the_vault() -> None:
    def has(parsed: Parsed) -> bool:
        return any("glacier:" in str(s["Action"]) for s in statements(parsed))

    assert has(Parsed(rendered(), ArchiveBackend="vault"))
    assert not has(Parsed(rendered(), ArchiveBackend="s3"))


def test_the_site_is_reached_by_tls_through_the_load_balancer_only(parsed: Parsed) -> None:
    ingress = {
        name: group.get("SecurityGroupIngress", [])
        for name, group in parsed.of("AWS::EC2::SecurityGroup").items()
    }
    assert {rule["FromPort"] for rule in ingress.pop("LoadBalancerSecurity")} == {80, 443}
    assert not any(ingress.values())
    (rule,) = parsed.of("AWS::EC2::SecurityGroupIngress").values()
    assert rule["SourceSecurityGroupId"] == "LoadBalancerSecurity.GroupId"
    listeners = parsed.of("AWS::ElasticLoadBalancingV2::Listener")
    assert "TLS13" in listeners["HttpsListener"]["SslPolicy"]
    assert listeners["HttpListener"]["DefaultActions"][0]["Type"] == "redirect"


def test_alarms_count_what_the_daemons_really_log(parsed: Parsed) -> None:
    source = {
        "AnnotatorLog": ("ann/attempt.py", "ann/health.py"),
        "SweepLog": ("util/sweep.py", "util/inventory.py", "aws/failures.py"),
        "NotifyLog": ("util/notify.py",),
        **{f"{name}Log": ("aws/failures.py",) for name in ("Archive", "Restore", "Thaw")},
    }
    root = TEMPLATE.parents[2]
    filters = parsed.of("AWS::Logs::MetricFilter")
    names = {m["MetricTransformations"][0]["MetricName"] for m in filters.values()}
    assert names == {
        "LeaseTakeOvers",
        "OverdueWork",
        "SickMachines",
        "SweepFaults",
        "InventoryHeld",
        "GivenUp",
    }
    logs = {
        group["LogGroupName"]: logical
        for logical, group in parsed.of("AWS::Logs::LogGroup").items()
    }
    for metric in filters.values():
        pattern = metric["FilterPattern"].strip('"')
        text = "".join((root / f).read_text() for f in source[logs[metric["LogGroupName"]]])
        assert pattern in text or pattern == "ERROR sweep"


def test_our_own_reading_of_the_template_is_yamls() -> None:
    text = rendered()
    raw = Parsed(text).raw
    assert template.resources(text) == {k: r["Type"] for k, r in raw["Resources"].items()}
    defaults = {name: p.default for name, p in template.parameters(text).items()}
    declared = raw["Parameters"].items()
    assert defaults == {n: str(p["Default"]) if "Default" in p else None for n, p in declared}
