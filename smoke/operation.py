"""The state of a deployment beside its jobs: queues, buckets, tables, logs, alarms, instances."""

import time

from aws.processes import PROCESSES, TOPICS, InstanceKind, of_kind
from aws.queue_admin import depths
from aws.resources import BUCKETS, STACK_BUCKETS
from aws.stack.rollout import ROLL_OUT, GroupsInService
from smoke.checks import CheckFailed, CheckSkipped
from smoke.target import SmokeRun

BLOCKED = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
HOUR_S = 3600
NORMAL = "AnnotatorIdleAlarm"
"""In ALARM whenever annotators have nothing to do: it removes them, down to the minimum."""


def events_arrive(run: SmokeRun) -> str:
    """Every topic has the queue of its name as a subscriber, without an envelope."""
    sns, arns = run.target.client("sns"), run.world.events.arns
    for name in TOPICS:
        pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arns.topic(name))
        ours = [
            one["SubscriptionArn"]
            for page in pages
            for one in page["Subscriptions"]
            if one["Endpoint"] == arns.queue(name)
        ]
        if not ours:
            raise CheckFailed(
                f"the queue {name} does not hear its topic: no subscription. ./gas deploy makes it"
            )
        attributes = sns.get_subscription_attributes(SubscriptionArn=ours[0])["Attributes"]
        if attributes.get("RawMessageDelivery") != "true":
            raise CheckFailed(f"the subscription of {name} wraps its messages: not raw")
    return f"{len(TOPICS)} topics, each with its queue"


def no_dead_letters(run: SmokeRun) -> str:
    """No message has failed five times."""
    dead = {d.name: d.visible for d in depths(run.world.queues) if d.name.endswith("_dlq")}
    lying = [f"{count} in {name}" for name, count in dead.items() if count]
    if lying:
        raise CheckFailed(
            f"{', '.join(lying)}: read the log, fix the cause, then ./gas redrive QUEUE"
        )
    return f"{len(dead)} queues are empty"


def buckets_closed(run: SmokeRun) -> str:
    """No bucket can be opened to the public."""
    s3, kinds = run.target.made.s3(), STACK_BUCKETS if run.target.stack else BUCKETS
    for kind in kinds:
        name = run.world.names.bucket(kind)
        try:
            reply = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
        except s3.exceptions.ClientError as fault:
            raise CheckFailed(f"nothing keeps {name} closed to the public: {fault}") from None
        if not all(reply.get(setting) for setting in BLOCKED):
            raise CheckFailed(f"{name} may be opened to the public: {reply}")
    return f"{len(kinds)} buckets"


def versions_kept(run: SmokeRun) -> str:
    """Each bucket with data keeps what is deleted or overwritten."""
    s3 = run.target.made.s3()
    for kind in BUCKETS:
        name = run.world.names.bucket(kind)
        if s3.get_bucket_versioning(Bucket=name).get("Status") != "Enabled":
            raise CheckFailed(
                f"{name} keeps nothing that is deleted: aws s3api put-bucket-versioning --bucket "
                f"{name} --versioning-configuration Status=Enabled"
            )
    return f"{len(BUCKETS)} buckets"


def tables_protected(run: SmokeRun) -> str:
    """Both tables can be restored to any second, and not be deleted by mistake."""
    dynamodb = run.target.client("dynamodb")
    for kind in ("annotations", "accounts"):
        name = run.world.names.table(kind)
        if not dynamodb.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled"):
            raise CheckFailed(f"{name} is not protected from deletion: ./gas deploy protects it")
        backups = dynamodb.describe_continuous_backups(TableName=name)
        recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        if recovery["PointInTimeRecoveryStatus"] != "ENABLED":
            raise CheckFailed(
                f"{name} cannot be restored: switch point-in-time recovery on (docs/operating.md)"
            )
    return "2 tables"


def log_is_clean(run: SmokeRun) -> str:
    """No process was refused a right, or met an error that it does not know, since this began."""
    lines = run.target.log.faults(run.began)
    if lines:
        raise CheckFailed(f"{len(lines)} lines of faults in the log, the newest: {lines[-1]}")
    return "no refusal, no traceback"


def stack_complete(run: SmokeRun) -> str:
    """The stack is whole."""
    stack = run.target.deployed
    if not stack.is_whole:
        raise CheckFailed(
            f"the stack {stack.name} is not complete: mend what its events name, and run "
            "./gas deploy again"
        )
    return f"release {stack.parameters.get('ReleaseKey', '?')}"


def groups_in_service(run: SmokeRun) -> str:
    """Every instance serves, is of this release, and none failed to start in the last hour."""
    autoscaling, prefix = run.target.client("autoscaling"), run.target.config.gas.prefix
    lacking = GroupsInService(
        autoscaling, run.target.client("elbv2"), prefix, lambda line: None
    ).lacking()
    if lacking:
        raise CheckFailed(f"not in service: {', '.join(lacking)}. Log group /{prefix}/boot")
    spans: list[float] = []
    for kind in ROLL_OUT:
        group = run.target.group(kind)
        activities = autoscaling.describe_scaling_activities(
            AutoScalingGroupName=group, MaxRecords=20
        )["Activities"]
        _demand_started(group, activities)
        spans += [
            (a["EndTime"] - a["StartTime"]).total_seconds()
            for a in activities
            if a.get("Description", "").startswith("Launching") and a.get("EndTime")
        ]
        _demand_refreshed(run, group)
    _demand_release(run)
    longest = f", the longest launch {max(spans):.0f} s" if spans else ""
    return f"{len(ROLL_OUT)} groups{longest}"


def _demand_started(group: str, activities: list[dict[str, object]]) -> None:
    for activity in activities:
        begun = activity["StartTime"].timestamp()  # type: ignore[attr-defined]
        if activity["StatusCode"] == "Failed" and begun > time.time() - HOUR_S:
            raise CheckFailed(f"{group}: a launch failed: {activity.get('StatusMessage')}")


def _demand_refreshed(run: SmokeRun, group: str) -> None:
    refreshes = run.target.client("autoscaling").describe_instance_refreshes(
        AutoScalingGroupName=group
    )["InstanceRefreshes"]
    if refreshes and refreshes[0]["Status"] != "Successful":
        raise CheckFailed(
            f"{group} was not wholly replaced ({refreshes[0]['Status']}): ./gas deploy resumes it"
        )


def _demand_release(run: SmokeRun) -> None:
    """Every instance's tag has the checksum of the stack's release."""
    wanted = run.target.deployed.parameters["ReleaseSha256"]
    for instance in instances(run):
        tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}  # type: ignore[attr-defined]
        if tags.get("gas:sha256") != wanted:
            raise CheckFailed(f"{instance['InstanceId']} runs another release: ./gas deploy")


def instances(run: SmokeRun, *kinds: str) -> list[dict[str, object]]:
    """The running instances of these kinds of group, or of all, as EC2 describes them."""
    groups = [run.target.group(kind) for kind in kinds or ROLL_OUT]
    pages = (
        run.target.client("ec2")
        .get_paginator("describe_instances")
        .paginate(
            Filters=[
                {"Name": "tag:aws:autoscaling:groupName", "Values": groups},
                {"Name": "instance-state-name", "Values": ["running"]},
            ]
        )
    )
    return [i for page in pages for r in page["Reservations"] for i in r["Instances"]]


def logs_arrive(run: SmokeRun) -> str:
    """Each process of each instance has a log stream in CloudWatch."""
    logs, prefix, count = run.target.client("logs"), run.target.config.gas.prefix, 0
    for kind in InstanceKind:
        wanted = {str(one["InstanceId"]) for one in instances(run, kind)}
        for process in of_kind(kind):
            group = f"/{prefix}/{process.name}"
            pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=group)
            found = {s["logStreamName"] for page in pages for s in page["logStreams"]}
            if missing := wanted - found:
                raise CheckFailed(
                    f"no log of {process.name} from {', '.join(sorted(missing))} in {group}: does "
                    "the CloudWatch agent run there?"
                )
            count += len(wanted)
    return f"{count} streams of {len(PROCESSES)} processes"


def no_alarm(run: SmokeRun) -> str:
    """No alarm of the stack is in ALARM, but for the one that removes idle annotators."""
    alarms = run.target.alarms()
    raised = [a for a in alarms if a["StateValue"] == "ALARM" and NORMAL not in a["AlarmName"]]
    if raised:
        raise CheckFailed(
            "; ".join(f"{a['AlarmName']}: {a.get('AlarmDescription', '')}" for a in raised)
        )
    if not alarms:
        raise CheckFailed("the stack has no alarms: nobody would hear of a fault")
    return f"{len(alarms)} alarms"


def alarms_are_heard(run: SmokeRun) -> str:
    """AlarmEmail has confirmed its subscription."""
    if not run.target.deployed.parameters.get("AlarmEmail"):
        raise CheckSkipped("AlarmEmail is not set: alarms reach nobody (--set AlarmEmail=ADDRESS)")
    reply = run.target.client("sns").list_subscriptions_by_topic(
        TopicArn=run.world.events.arns.topic("alarms")
    )
    states = {one["Endpoint"]: one["SubscriptionArn"] for one in reply["Subscriptions"]}
    waiting = [address for address, arn in states.items() if not arn.startswith("arn:")]
    if waiting or not states:
        raise CheckFailed(
            f"{', '.join(waiting) or 'nobody'} has confirmed the subscription: follow the link in "
            "the mail 'AWS Notification - Subscription Confirmation'"
        )
    return ", ".join(states)
