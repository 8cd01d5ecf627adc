"""The EC2 instance of a daemon: protected while it works, drained before it is terminated."""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from aws.limits import INSTANCE
from aws.machine.imds import Imds, find

log = logging.getLogger(__name__)

POLL_S = 5.0
IDLE_S = 60.0
"""The time that an idle instance stays protected: a call for every job would be throttled."""
TERMINATING_HOOK = "terminating"
"""The template's name of the lifecycle hook that waits for `leave`."""
GROUP_TAG = "tags/instance/aws:autoscaling:groupName"


class Instance:
    """A machine outside any Auto Scaling group: every method is a no-op."""

    @staticmethod
    def detect(env: Mapping[str, str] = os.environ) -> "Instance":
        """This machine: a GroupInstance in an Auto Scaling group, else a plain Instance.

        Takes a second at most where it is not on EC2.
        """
        imds = find(env)
        if imds is None:
            return Instance()
        try:
            group, instance_id = imds.get(GROUP_TAG), imds.get("instance-id")
            region = imds.get("placement/region")
        except OSError as absent:
            log.info("not on EC2: %s", absent)
            return Instance()
        if not group or not instance_id:
            return Instance()
        autoscaling = boto3.client("autoscaling", region_name=region, config=INSTANCE.config())
        return GroupInstance(imds, autoscaling, group, instance_id)

    def busy(self) -> None:
        """Protect an idle instance from scale-in: a job is about to be claimed."""

    def idle(self) -> None:
        """Record that a job is over; an idle instance loses its protection after IDLE_S."""

    def watch(self, stop: Callable[[], None]) -> None:
        """Call `stop` once when the instance is to be terminated; at once if it is already.

        Starts a daemon thread, which also removes the protection of an idle instance.
        """

    def mark_unhealthy(self) -> None:
        """Have the instance replaced: its daemon has found that it cannot work here."""

    def leave(self) -> None:
        """Stop watching; let a termination that waits for this daemon go on."""
        """Let the termination go on, or the instance be scaled in: its jobs are drained."""


class GroupInstance(Instance):
    """An instance of an Auto Scaling group.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-instance-protection.html
    """

    def __init__(
        self,
        imds: Imds,
        autoscaling: Any,
        group: str,
        instance_id: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.imds, self.autoscaling, self.clock = imds, autoscaling, clock
        self.group, self.instance_id = group, instance_id
        self.jobs, self.idle_time = 0, -IDLE_S
        self.is_protected: bool | None = None
        """None: unknown, because an earlier process may have left a protection behind."""
        self.refused: bool | None = None
        """The protection that was last refused: a repeated refusal is not logged again."""
        self.lock = threading.Lock()
        self.calling = threading.Lock()
        """Held during a call: jobs begin and end without waiting for it."""
        self.ended, self.changed = threading.Event(), threading.Event()

    def busy(self) -> None:
        """Have the watch protect the instance; the job does not wait for Auto Scaling's answer.

        A job that a scale-in overtakes meanwhile is returned to the queue, like any other.
        """
        with self.lock:
            self.jobs += 1
        self.changed.set()

    def idle(self) -> None:
        with self.lock:
            self.jobs -= 1
            self.idle_time = self.clock()

    def watch(self, stop: Callable[[], None]) -> None:
        if self.tick(stop):
            threading.Thread(target=self._watch, args=(stop,), daemon=True).start()

    def _watch(self, stop: Callable[[], None]) -> None:
        while not self.ended.is_set() and self.tick(stop):
            self.changed.wait(POLL_S)
            self.changed.clear()

    def tick(self, stop: Callable[[], None]) -> bool:
        """Check metadata and protection once; return False once `stop` was called.

        Protection is tried again here, because jobs begin before the instance is in service.
        """
        try:
            reason = self._end()
        except OSError as fault:
            log.warning("%s", fault)
            return True
        if reason:
            log.warning("this instance will be terminated (%s): stopping", reason)
            stop()
            return False
        wanted = self._wanted()
        if wanted is not None:
            self._protect(wanted)
        return True

    def _wanted(self) -> bool | None:
        """The protection that the jobs in hand call for; None: as it is, for a while."""
        with self.lock:
            if self.jobs:
                return True
            return False if self.clock() - self.idle_time >= IDLE_S else None

    def mark_unhealthy(self) -> None:
        """Set the health that Auto Scaling goes by; the protection of a sick instance is no help.

        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SetInstanceHealth.html
        """
        try:
            self.autoscaling.set_instance_health(
                InstanceId=self.instance_id, HealthStatus="Unhealthy"
            )
        except (ClientError, BotoCoreError) as fault:
            log.error("this instance stays, sick as it is: %s", fault)

    def leave(self) -> None:
        self.ended.set()
        self.changed.set()
        try:
            terminating = self._is_terminating()
        except OSError as fault:
            log.warning("%s", fault)
            return
        if terminating:
            self._let_terminate()
        else:
            self._protect(wanted=False)

    def _end(self) -> str | None:
        """The reason why the instance is about to be terminated; None while it is not.

        https://docs.aws.amazon.com/autoscaling/ec2/userguide/retrieving-target-lifecycle-state-through-imds.html
        https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
        """
        if self._is_terminating():
            return "scale-in"
        return "Spot notice" if self.imds.get("spot/instance-action") else None

    def _is_terminating(self) -> bool:
        return self.imds.get("autoscaling/target-lifecycle-state") == "Terminated"

    def _protect(self, wanted: bool) -> None:
        """Set the protection; a failure is harmless: an interrupted job returns to the queue.

        SetInstanceProtection is a ValidationError while the launch hook keeps the instance in
        Pending:Wait.
        """
        with self.calling:
            self._call(wanted)

    def _call(self, wanted: bool) -> None:
        if wanted is self.is_protected:
            return
        try:
            self.autoscaling.set_instance_protection(
                AutoScalingGroupName=self.group,
                InstanceIds=[self.instance_id],
                ProtectedFromScaleIn=wanted,
            )
        except (ClientError, BotoCoreError) as fault:
            if wanted is not self.refused:
                log.warning("protection from scale-in stays %s: %s", self.is_protected, fault)
            self.refused = wanted
            return
        self.is_protected, self.refused = wanted, None

    def _let_terminate(self) -> None:
        try:
            self.autoscaling.complete_lifecycle_action(
                AutoScalingGroupName=self.group,
                InstanceId=self.instance_id,
                LifecycleHookName=TERMINATING_HOOK,
                LifecycleActionResult="CONTINUE",
            )
        except (ClientError, BotoCoreError) as fault:
            log.warning("the termination goes on after the hook's timeout: %s", fault)
