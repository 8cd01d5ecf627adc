"""The roll-out of a release: instance refreshes, and the wait until everything is in service."""

import threading
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from aws.stack.changes import StackError

POLL_S = 5.0
SERVICE_S = 1800.0
"""The time that instances may take to be in service; a launch that fails is tried again."""
ROLL_OUT: dict[str, dict[str, Any]] = {
    "web": {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 150},
    "annotator": {"MinHealthyPercentage": 50, "ScaleInProtectedInstances": "Refresh"},
    "util": {"MinHealthyPercentage": 0},
}
"""Each group's instance refresh: the site keeps its full size; a busy annotator, protected from
scale-in, returns its jobs to the queue (to wait for its protection to end fails after an hour)."""
FAILED = ("Failed", "Cancelled", "RollbackFailed", "RollbackSuccessful")
Say = Callable[[str], None]


class RollOut:
    """The replacement of the instances of an earlier release, group by group.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-instance-refresh.html
    """

    def __init__(self, autoscaling: Any, prefix: str, say: Say) -> None:
        self.autoscaling, self.prefix, self.say = autoscaling, prefix, say
        self.pause = threading.Event()

    def run(self, anew: bool) -> None:
        """Replace what is not of the present release and wait for it. Raises StackError.

        A replacement under way is of an earlier release where the stack has changed since
        (`anew`): it is ended first. Otherwise it goes on.
        """
        started = {f"{self.prefix}-{kind}": self._start(kind, anew) for kind in ROLL_OUT}
        shown: dict[str, str] = {}
        going = dict(started)
        while going:
            for group, refresh in list(going.items()):
                found = self._look(group, refresh)
                if self._has_ended(group, found, shown):
                    del going[group]
            if going:
                self.pause.wait(POLL_S)

    def _start(self, kind: str, anew: bool) -> str:
        group = f"{self.prefix}-{kind}"
        while (refresh := self._try(group, ROLL_OUT[kind])) is None:
            if not anew:
                self.say(f"  {group}: a replacement is under way already; it goes on")
                return str(self._look(group)["InstanceRefreshId"])
            self._cancel(group)
            self.pause.wait(POLL_S)
        return refresh

    def _try(self, group: str, preferences: dict[str, Any]) -> str | None:
        """The started refresh's id; None while another one is under way."""
        try:
            reply = self.autoscaling.start_instance_refresh(
                AutoScalingGroupName=group, Preferences={**preferences, "SkipMatching": True}
            )
        except ClientError as error:
            if "InstanceRefreshInProgress" not in error.response["Error"]["Code"]:
                raise
            return None
        return str(reply["InstanceRefreshId"])

    def _cancel(self, group: str) -> None:
        """End the refresh under way; it may have ended, or be ending, by itself."""
        if self._look(group)["Status"] == "Cancelling":
            return
        try:
            self.autoscaling.cancel_instance_refresh(AutoScalingGroupName=group)
        except ClientError as error:
            if "ActiveInstanceRefreshNotFound" not in error.response["Error"]["Code"]:
                raise
            return
        self.say(f"  {group}: ending the replacement by an earlier release")

    def _look(self, group: str, refresh: str = "") -> dict[str, Any]:
        """One refresh of a group, the newest if none is named."""
        ids = {"InstanceRefreshIds": [refresh]} if refresh else {}
        reply = self.autoscaling.describe_instance_refreshes(AutoScalingGroupName=group, **ids)
        return dict(reply["InstanceRefreshes"][0])

    def _has_ended(self, group: str, found: dict[str, Any], shown: dict[str, str]) -> bool:
        status = str(found["Status"])
        if status in FAILED:
            reason = found.get("StatusReason", "no reason")
            raise StackError(
                f"the instances of {group} were not all replaced ({status}): {reason}. "
                "The same command tries again"
            )
        line = f"  {group}: {status}, {found.get('PercentageComplete', 0)} % replaced"
        if shown.get(group) != line:
            self.say(line)
        shown[group] = line
        return status == "Successful"


class GroupsInService:
    """The three groups, and the load balancer's targets."""

    def __init__(self, autoscaling: Any, balancers: Any, prefix: str, say: Say) -> None:
        self.autoscaling, self.balancers, self.prefix = autoscaling, balancers, prefix
        self.say, self.reported = say, set[str]()

    def wait(self) -> None:
        """Wait until every instance wanted is in service and healthy. Raises StackError."""
        pause, deadline = threading.Event(), time.monotonic() + SERVICE_S
        while lacking := self.lacking():
            self._report(f"  waiting for {', '.join(lacking)}")
            self._report_failures()
            if time.monotonic() >= deadline:
                raise StackError(
                    f"after {SERVICE_S / 60:.0f} minutes: {', '.join(lacking)}. The instances' log "
                    f"of their boot is in CloudWatch, log group /{self.prefix}/boot"
                )
            pause.wait(POLL_S)

    def lacking(self) -> list[str]:
        """The groups that lack instances in service, in words; empty when all serve."""
        found, wanted = [], 0
        for kind in ROLL_OUT:
            name = f"{self.prefix}-{kind}"
            group = self._group(name)
            serving = [
                instance
                for instance in group["Instances"]
                if instance["LifecycleState"] == "InService"
                and instance["HealthStatus"].lower() == "healthy"
            ]
            size = int(group["DesiredCapacity"])
            wanted = size if kind == "web" else wanted
            if len(serving) < size:
                found.append(
                    f"{group['AutoScalingGroupName']} ({len(serving)} of {size} in service)"
                )
        healthy = self._healthy_targets()
        if healthy < wanted:
            found.append(f"the load balancer ({healthy} of {wanted} healthy)")
        return found

    def _group(self, name: str) -> dict[str, Any]:
        reply = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])
        return dict(reply["AutoScalingGroups"][0])

    def _healthy_targets(self) -> int:
        reply = self.balancers.describe_target_groups(Names=[f"{self.prefix}-tls"])
        arn = reply["TargetGroups"][0]["TargetGroupArn"]
        targets = self.balancers.describe_target_health(TargetGroupArn=arn)
        states = [one["TargetHealth"]["State"] for one in targets["TargetHealthDescriptions"]]
        return states.count("healthy")

    def _report_failures(self) -> None:
        """Say once why the newest launches failed."""
        for kind in ROLL_OUT:
            reply = self.autoscaling.describe_scaling_activities(
                AutoScalingGroupName=f"{self.prefix}-{kind}", MaxRecords=10
            )
            for activity in reply["Activities"]:
                if activity["StatusCode"] in ("Failed", "Cancelled"):
                    why = activity.get("StatusMessage", activity.get("Description", ""))
                    self._report(f"  {self.prefix}-{kind}: {why}")

    def _report(self, line: str) -> None:
        if line not in self.reported:
            self.say(line)
        self.reported.add(line)
