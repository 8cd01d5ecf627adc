"""CloudFormation, Auto Scaling and the load balancer, by the rules that AWS documents for them.

moto makes resources; this makes none, and has what moto passes over: stacks that fail half way and
are kept or rolled back, events over many pages, refused states, imports, instances that come into
service one by one, and instance refreshes that take their time.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

import boto3

from aws.stack import template
from tests.aws.stack.edge import Edge, Form, RefusedError

PAGE = 25
"""Events of one page; AWS's have up to 100 of a stack of more."""
UNFINISHED = ("CREATE_FAILED", "UPDATE_FAILED")
GONE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED")


def element(**parts: Any) -> str:
    """XML of named parts; lists become their members."""
    return "".join(f"<{name}>{inner(part)}</{name}>" for name, part in parts.items())


def inner(part: Any) -> str:
    if isinstance(part, list):
        return "".join(f"<member>{inner(one)}</member>" for one in part)
    return element(**part) if isinstance(part, dict) else escape(str(part))


@dataclass
class StackState:
    """One stack: its status, what it has made, and its events, oldest first."""

    status: str
    parameters: dict[str, str] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    events: list[dict[str, str]] = field(default_factory=list)


class AwsLike:
    """Answers at an edge; `faults` has the reason why a resource cannot be made.

    `objection` is what CloudFormation has against a change set; `kept` has the logical ids of
    resources that exist by their names already; `late` the number of looks until a group's
    instance is in service.
    """

    def __init__(self, edge: Edge, prefix: str) -> None:
        self.prefix = prefix
        self.faults: dict[str, str] = {}
        self.kept: set[str] = set()
        self.stacks: dict[str, StackState] = {}
        self.sets: dict[str, Form] = {}
        self.numbers = itertools.count(1)
        self.changes, self.objection = True, ""
        self.groups = {f"{prefix}-web": 2, f"{prefix}-annotator": 2, f"{prefix}-util": 1}
        self.serving = dict.fromkeys(self.groups, 0)
        self.healthy = 0
        self.launch_fault = ""
        self.protected = False
        self.refreshes: dict[str, list[dict[str, str]]] = {group: [] for group in self.groups}
        self.resources = template.resources(template.rendered())
        edge.answers |= self._answers()

    def _answers(self) -> dict[str, Callable[[Form], str]]:
        return {
            "DescribeStacks": self.describe_stacks,
            "CreateChangeSet": self.create_change_set,
            "DescribeChangeSet": self.describe_change_set,
            "DeleteChangeSet": lambda form: "",
            "ExecuteChangeSet": self.execute_change_set,
            "DescribeStackEvents": self.describe_stack_events,
            "DeleteStack": self.delete_stack,
            "DescribeAutoScalingGroups": self.describe_groups,
            "DescribeScalingActivities": self.describe_activities,
            "DescribeTargetGroups": lambda form: element(TargetGroups=[{"TargetGroupArn": "tg"}]),
            "DescribeTargetHealth": self.describe_target_health,
            "StartInstanceRefresh": self.start_refresh,
            "DescribeInstanceRefreshes": self.describe_refreshes,
            "CancelInstanceRefresh": self.cancel_refresh,
        }

    # CloudFormation.

    def describe_stacks(self, form: Form) -> str:
        name = form["StackName"]
        if name not in self.stacks:
            raise RefusedError("ValidationError", f"Stack with id {name} does not exist")
        stack = self.stacks[name]
        given = [
            {"ParameterKey": key, "ParameterValue": value}
            for key, value in stack.parameters.items()
        ]
        return element(
            Stacks=[{"StackName": name, "StackStatus": stack.status, "Parameters": given}]
        )

    def create_change_set(self, form: Form) -> str:
        """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html"""
        name = form["StackName"]
        stack = self.stacks.get(name)
        status = stack.status if stack else "REVIEW_IN_PROGRESS"
        if status in GONE:
            text = f"Stack:{name} is in {status} state and can not be updated."
            raise RefusedError("ValidationError", text)
        wanted = "CREATE" if status == "REVIEW_IN_PROGRESS" else "UPDATE"
        if form["ChangeSetType"] != wanted:
            raise RefusedError("ValidationError", f"Stack {name} is {status}")
        self.stacks.setdefault(name, StackState("REVIEW_IN_PROGRESS"))
        self.sets[form["ChangeSetName"]] = form
        return element(Id="arn:1")

    def describe_change_set(self, form: Form) -> str:
        if self.objection:
            return element(Status="FAILED", StatusReason=self.objection, Changes=[])
        if not self.changes:
            why = "The submitted information didn't contain changes."
            return element(Status="FAILED", StatusReason=why, Changes=[])
        imports = self.sets[form["ChangeSetName"]].get("ImportExistingResources") == "true"
        made = self.stacks[form["StackName"]].made
        changes = []
        for logical, kind in self.resources.items():
            action = "Modify" if logical in made else "Add"
            action = "Import" if imports and logical in self.kept else action
            change = {"Action": action, "LogicalResourceId": logical, "ResourceType": kind}
            changes.append({"Type": "Resource", "ResourceChange": change})
        return element(Status="CREATE_COMPLETE", Changes=changes)

    def execute_change_set(self, form: Form) -> str:
        """Make all at once: what goes wrong is kept with DisableRollback, else undone.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html
        """
        stack, keeps = self.stacks[form["StackName"]], form.get("DisableRollback") == "true"
        if stack.status in UNFINISHED and not keeps:
            text = (
                f"This stack is currently in a non-terminal [{stack.status}] state. To update the "
                "stack from this state, please use the disable-rollback parameter with "
                "execute-change-set API. To rollback to the last known good state, use the "
                "rollback-stack API"
            )
            raise RefusedError("ValidationError", text)
        proposed = self.sets[form["ChangeSetName"]]
        defaults = template.parameters(template.rendered()).values()
        stack.parameters = {p.name: p.default for p in defaults if p.default is not None} | (
            stack.parameters
        )
        self._take_parameters(stack, proposed)
        action = "CREATE" if proposed["ChangeSetType"] == "CREATE" else "UPDATE"
        imports = proposed.get("ImportExistingResources") == "true"
        token = form.get("ClientRequestToken", "")
        failed = self._make(stack, imports, token)
        stack.status = self._end(stack, action, failed, keeps, token)
        return ""

    def _take_parameters(self, stack: StackState, proposed: Form) -> None:
        for number in itertools.count(1):
            key = proposed.get(f"Parameters.member.{number}.ParameterKey")
            if key is None:
                return
            value = proposed.get(f"Parameters.member.{number}.ParameterValue")
            if value is not None:
                stack.parameters[key] = value

    def _make(self, stack: StackState, imports: bool, token: str) -> bool:
        """Make what is missing; True where something failed, which cancels all after it."""
        failed = False
        for logical in self.resources:
            if logical in stack.made:
                continue
            reason = self.faults.get(logical, "")
            if logical in self.kept and not imports:
                reason = f"{logical} already exists"
            if failed:
                self._note(stack, logical, "CREATE_FAILED", token, "Resource creation cancelled")
            elif reason:
                self._note(stack, logical, "CREATE_FAILED", token, reason)
                failed = True
            else:
                self._note(stack, logical, "CREATE_IN_PROGRESS", token)
                self._note(stack, logical, "CREATE_COMPLETE", token)
                stack.made.append(logical)
                if logical == "WebSecret":
                    secrets = boto3.client("secretsmanager")
                    secrets.create_secret(Name=f"{self.prefix}/web", SecretString="{}")
        return failed

    def _end(self, stack: StackState, action: str, failed: bool, keeps: bool, token: str) -> str:
        if not failed:
            return f"{action}_COMPLETE"
        if keeps:
            return f"{action}_FAILED"
        for logical in reversed(stack.made):
            self._note(stack, logical, "DELETE_IN_PROGRESS", token)
            self._note(stack, logical, "DELETE_COMPLETE", token)
        stack.made.clear()
        return "ROLLBACK_COMPLETE" if action == "CREATE" else "UPDATE_ROLLBACK_COMPLETE"

    def _note(
        self, stack: StackState, logical: str, status: str, token: str, reason: str = ""
    ) -> None:
        stack.events.append(
            {
                "EventId": str(next(self.numbers)),
                "StackId": "arn:1",
                "StackName": "s",
                "LogicalResourceId": logical,
                "ResourceStatus": status,
                "Timestamp": "2026-01-01T00:00:00Z",
                "ClientRequestToken": token,
                **({"ResourceStatusReason": reason} if reason else {}),
            }
        )

    def describe_stack_events(self, form: Form) -> str:
        """Newest first, a page at a time."""
        events = self.stacks[form["StackName"]].events[::-1]
        start = int(form.get("NextToken", 0))
        more = {"NextToken": start + PAGE} if start + PAGE < len(events) else {}
        return element(StackEvents=events[start : start + PAGE], **more)

    def delete_stack(self, form: Form) -> str:
        self.stacks.pop(form["StackName"], None)
        return ""

    # Auto Scaling and the load balancer: something happens at every look.

    def describe_groups(self, form: Form) -> str:
        group = form["AutoScalingGroupNames.member.1"]
        size = self.groups[group]
        states = ["InService"] * self.serving[group]
        states += ["Pending:Wait"] * (size - self.serving[group])
        if not self.launch_fault:
            self.serving[group] = min(size, self.serving[group] + 1)
        instances = [{"LifecycleState": state, "HealthStatus": "Healthy"} for state in states]
        return element(
            AutoScalingGroups=[
                {
                    "AutoScalingGroupName": group,
                    "DesiredCapacity": size,
                    "Instances": instances,
                }
            ]
        )

    def describe_activities(self, form: Form) -> str:
        if not self.launch_fault:
            return element(Activities=[])
        return element(
            Activities=[
                {"StatusCode": "Failed", "StatusMessage": self.launch_fault, "ActivityId": "1"}
            ]
        )

    def describe_target_health(self, form: Form) -> str:
        web = self.groups[f"{self.prefix}-web"]
        states = ["healthy"] * self.healthy + ["initial"] * (web - self.healthy)
        if self.serving[f"{self.prefix}-web"] == web:
            self.healthy = min(web, self.healthy + 1)
        return element(
            TargetHealthDescriptions=[{"TargetHealth": {"State": state}} for state in states]
        )

    def start_refresh(self, form: Form) -> str:
        """One at a time for each group: InstanceRefreshInProgress.

        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_StartInstanceRefresh.html
        """
        group = form["AutoScalingGroupName"]
        if self._active(group):
            text = f"An Instance Refresh is already in progress for {group}"
            raise RefusedError("InstanceRefreshInProgress", text)
        waits = form.get("Preferences.ScaleInProtectedInstances", "Wait") == "Wait"
        number = f"refresh-{next(self.numbers)}"
        self.refreshes[group].append(
            {
                "InstanceRefreshId": number,
                "Status": "Pending",
                "PercentageComplete": "0",
                "waits": str(waits and self.protected and group.endswith("annotator")),
            }
        )
        return element(InstanceRefreshId=number)

    def _active(self, group: str) -> list[dict[str, str]]:
        going = ("Pending", "InProgress", "Cancelling")
        return [one for one in self.refreshes[group] if one["Status"] in going]

    def describe_refreshes(self, form: Form) -> str:
        group, wanted = form["AutoScalingGroupName"], form.get("InstanceRefreshIds.member.1")
        for one in self._active(group):
            self._go_on(one)
        shown = [
            {key: value for key, value in one.items() if key != "waits"}
            for one in self.refreshes[group][::-1]
            if wanted in (None, one["InstanceRefreshId"])
        ]
        return element(InstanceRefreshes=shown)

    @staticmethod
    def _go_on(one: dict[str, str]) -> None:
        """A protected instance is waited for, and the refresh fails after an hour of that."""
        if one["Status"] == "Cancelling":
            one["Status"] = "Cancelled"
        elif one["Status"] == "Pending":
            one["Status"] = "InProgress"
        elif one["waits"] == "True":
            one["Status"] = "Failed"
            one["StatusReason"] = "Waited one hour for instances protected from scale in"
        elif one["PercentageComplete"] == "0":
            one["PercentageComplete"] = "50"
        else:
            one["Status"], one["PercentageComplete"] = "Successful", "100"

    def cancel_refresh(self, form: Form) -> str:
        active = self._active(form["AutoScalingGroupName"])
        if not active:
            raise RefusedError("ActiveInstanceRefreshNotFound", "No active refresh")
        for one in active:  # an instance that is being replaced is waited for
            one["Status"] = "Cancelling"
        return element(InstanceRefreshId=active[0]["InstanceRefreshId"])


def make_tables(prefix: str) -> None:
    """The two tables in the local AWS, as the stack would have made them."""
    for kind, key in (("annotations", "job_id"), ("accounts", "user_id")):
        boto3.client("dynamodb").create_table(
            TableName=f"{prefix}-{kind}",
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
