"""A CloudFormation stack: its parameters, its outputs, and change sets, shown before they run."""

import threading
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from aws.stack.events import Operation

POLL_S = 5
NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
PROPOSED = "REVIEW_IN_PROGRESS"
"""The status of a stack that only ever had a change set proposed."""
UNFINISHED = ("CREATE_FAILED", "UPDATE_FAILED")
"""A creation stopped half way and kept what it had made: an update goes on with it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html
"""
UNDONE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED")
"""Nothing but deleting the stack is allowed any more."""


class StackError(RuntimeError):
    """The stack cannot be changed, or was not; the message gives the reason."""


@dataclass(frozen=True)
class StackChange:
    """One line of a change set; `replacement` is CloudFormation's True, False or Conditional."""

    action: str
    logical_id: str
    type: str
    replacement: str = ""


class Stack:
    """One stack by name.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
    """

    def __init__(self, cloudformation: Any, name: str) -> None:
        self.cloudformation, self.name = cloudformation, name
        self._described = self._describe()
        self.exists = self._described is not None
        status = str((self._described or {}).get("StackStatus", ""))
        self.is_whole = self.exists and status not in UNFINISHED
        """False until a creation has succeeded once."""
        self._demand_changeable(status)

    def _describe(self) -> dict[str, Any] | None:
        try:
            found = self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
            return None
        return None if found["StackStatus"] == PROPOSED else dict(found)

    def _demand_changeable(self, status: str) -> None:
        """Raise StackError, with the way out, where CloudFormation would refuse any change."""
        name = f"--stack-name {self.name}"
        advice = ""
        if status in UNDONE:
            advice = (
                f"it can only be deleted: aws cloudformation delete-stack {name}; then "
                f"aws cloudformation wait stack-delete-complete {name}; then run this again. "
                "Tables and buckets that hold data stay, and are taken up again"
            )
        elif status == "UPDATE_ROLLBACK_FAILED":
            advice = (
                "mend what its events name, then aws cloudformation continue-update-rollback "
                f"{name}; then run this again"
            )
        elif status.endswith("IN_PROGRESS"):
            advice = "another change is under way: wait for its end, then run this again"
        if advice:
            raise StackError(f"the stack {self.name} is {status}: {advice}")

    @property
    def parameters(self) -> dict[str, str]:
        """The values that the stack has now; empty for one that does not exist yet."""
        parameters = (self._described or {}).get("Parameters", [])
        return {p["ParameterKey"]: p.get("ParameterValue", "") for p in parameters}

    @property
    def outputs(self) -> dict[str, str]:
        """The stack's present outputs."""
        outputs = (self._describe() or {}).get("Outputs", [])
        return {o["OutputKey"]: o["OutputValue"] for o in outputs}

    def propose(
        self, template_url: str, values: Mapping[str, str], known: Collection[str]
    ) -> tuple[str, list[StackChange]]:
        """Make a change set; return its name and its changes, none where the stack is up to date.

        Parameters that the template knows and `values` does not name keep their present value.
        Tables and buckets of an earlier stack are taken up. Raises StackError.
        """
        given = [{"ParameterKey": k, "ParameterValue": v} for k, v in values.items()]
        kept = (self.parameters.keys() & set(known)) - values.keys()
        name = f"gas-{uuid.uuid4().hex[:12]}"
        self.cloudformation.create_change_set(
            StackName=self.name,
            ChangeSetName=name,
            ChangeSetType="UPDATE" if self.exists else "CREATE",
            TemplateURL=template_url,
            Parameters=given + [{"ParameterKey": k, "UsePreviousValue": True} for k in kept],
            Capabilities=["CAPABILITY_NAMED_IAM"],
            ImportExistingResources=True,
        )
        try:
            changes = self._changes(name)
        except BaseException:  # an interruption too
            self.discard(name)
            raise
        if not changes:
            self.discard(name)
        return name, changes

    def _changes(self, name: str) -> list[StackChange]:
        names = {"StackName": self.name, "ChangeSetName": name}
        try:
            self.cloudformation.get_waiter("change_set_create_complete").wait(
                **names, WaiterConfig={"Delay": POLL_S, "MaxAttempts": 60}
            )
        except WaiterError as fault:
            reason = str(fault.last_response.get("StatusReason", fault))
            if any(text in reason for text in NO_CHANGES):
                return []
            raise StackError(f"CloudFormation refuses the changes: {reason}") from None
        pages = self.cloudformation.get_paginator("describe_change_set").paginate(**names)
        return [_change(c["ResourceChange"]) for page in pages for c in page["Changes"]]

    def discard(self, name: str) -> None:
        """Delete a change set, and the empty stack that was made for it."""
        self.cloudformation.delete_change_set(StackName=self.name, ChangeSetName=name)
        if not self.exists:
            self.cloudformation.delete_stack(StackName=self.name)

    def execute(
        self, name: str, meanwhile: Callable[[], None], report: Callable[[str], None]
    ) -> None:
        """Make the changes and wait, calling `meanwhile` every POLL_S. Raises StackError.

        A creation that fails keeps what it has made, for the next run to go on with; a stack that
        was whole is rolled back.
        """
        operation = Operation(self.cloudformation, self.name, name)
        self.cloudformation.execute_change_set(
            StackName=self.name,
            ChangeSetName=name,
            ClientRequestToken=operation.token,
            **({} if self.is_whole else {"DisableRollback": True}),
        )
        pause = threading.Event()
        while (status := self._status()).endswith("IN_PROGRESS"):
            meanwhile()
            operation.report(report)
            pause.wait(POLL_S)
        meanwhile()
        operation.report(report)
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise StackError(self._failure(status, operation.first_failure()))

    def _status(self) -> str:
        reply = self.cloudformation.describe_stacks(StackName=self.name)
        return str(reply["Stacks"][0]["StackStatus"])

    def _failure(self, status: str, cause: str) -> str:
        ahead = "" if self.is_whole else " Mend that and run the same command: it goes on from here"
        return f"the stack is {status}: {cause}.{ahead}"


def _change(resource: Mapping[str, str]) -> StackChange:
    return StackChange(
        resource["Action"],
        resource["LogicalResourceId"],
        resource["ResourceType"],
        resource.get("Replacement", ""),
    )
