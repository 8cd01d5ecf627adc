"""Load on the annotators: more of them come, one is lost at work, and the idle go again."""

import time
from typing import Any

from aws.rows.job import Status
from smoke.checks import CheckFailed
from smoke.lifecycle import TERMINAL
from smoke.operation import instances
from smoke.target import SmokeRun
from util.ann_load import pump
from util.load_common import EXAMPLE

JOBS, RATE = 1000, 20.0
"""A queue that lasts for minutes, on instances that do a few of the example's jobs a second."""
OUT_S = 300
GONE_S = 330
"""The terminating hook's 300 s, and the time to notice."""
DRAINED_S = 900
IN_SLACK_S = 600
LOOK_S = 5.0


def scales_out(run: SmokeRun) -> str:
    """With a thousand jobs waiting, the group wants more annotators within five minutes."""
    least = int(_group(run)["MinSize"])
    began = time.monotonic()
    pump(run.world, run.world.accounts.get(run.user_id), EXAMPLE.read_bytes(), JOBS, RATE)
    while (wanted := int(_group(run)["DesiredCapacity"])) <= least:
        if time.monotonic() - began > OUT_S:
            raise CheckFailed(
                f"{JOBS} jobs, and after {OUT_S} s still {wanted} annotators are wanted: look at "
                "the history of AnnotatorBacklogAlarm"
            )
        time.sleep(LOOK_S)
    return f"{least} -> {wanted} after {time.monotonic() - began:.0f} s"


def survives_a_loss(run: SmokeRun) -> str:
    """An annotator terminated at work returns its jobs and is gone; every job completes."""
    victim = _at_work(run)
    run.target.client("autoscaling").terminate_instance_in_auto_scaling_group(
        InstanceId=victim, ShouldDecrementDesiredCapacity=False
    )
    began = time.monotonic()
    while any(one["InstanceId"] == victim for one in _group(run)["Instances"]):
        if time.monotonic() - began > GONE_S:
            raise CheckFailed(
                f"{victim} was to be terminated and is still there after {GONE_S} s: its daemon "
                "did not complete the hook 'terminating'"
            )
        time.sleep(LOOK_S)
    gone = time.monotonic() - began
    while left := [job for job in _jobs(run) if job.job_status not in TERMINAL]:
        if time.monotonic() - began > DRAINED_S:
            raise CheckFailed(f"{len(left)} jobs have not ended after {DRAINED_S} s")
        time.sleep(LOOK_S)
    failed = [job.job_id for job in _jobs(run) if job.job_status is not Status.COMPLETED]
    if failed:
        raise CheckFailed(f"{len(failed)} jobs did not complete, among them {failed[0]}")
    return f"{victim} gone after {gone:.0f} s, {JOBS} jobs completed"


def scales_in(run: SmokeRun) -> str:
    """Idle annotators go, down to the minimum."""
    least = int(_group(run)["MinSize"])
    minutes = int(run.target.deployed.parameters["IdleMinutes"])
    within_s, began = minutes * 60 + IN_SLACK_S, time.monotonic()
    while (serving := len(_group(run)["Instances"])) > least:
        if time.monotonic() - began > within_s:
            raise CheckFailed(
                f"{serving} annotators after {within_s} s without a job: look at the history of "
                "AnnotatorIdleAlarm, and at their protection from scale-in"
            )
        time.sleep(LOOK_S)
    return f"{least} after {time.monotonic() - began:.0f} s"


def _group(run: SmokeRun) -> dict[str, Any]:
    reply = run.target.client("autoscaling").describe_auto_scaling_groups(
        AutoScalingGroupNames=[run.target.group("annotator")]
    )
    return dict(reply["AutoScalingGroups"][0])


def _jobs(run: SmokeRun) -> list[Any]:
    return list(run.world.jobs.all_of(run.user_id))


def _at_work(run: SmokeRun) -> str:
    """The annotator that has a lease on one of the jobs; else any."""
    owners = [str(job.lease_owner) for job in _jobs(run) if job.job_status is Status.RUNNING]
    hosts = {owner.partition(":")[0] for owner in owners}
    found = instances(run, "annotator")
    if not found:
        raise CheckFailed("there is no annotator")
    names = {str(one["InstanceId"]): str(one.get("PrivateDnsName", "")) for one in found}
    busy = [one for one, name in names.items() if name.partition(".")[0] in hosts]
    return busy[0] if busy else next(iter(names))
