"""The events of one operation on a stack: its progress, and the first cause of its failure."""

from collections.abc import Callable
from typing import Any

CANCELLED = "cancelled"
"""In the reason of a resource that was given up because another one had failed."""


class Operation:
    """One operation on a stack, by the token that it was started with.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackEvent.html
    """

    def __init__(self, cloudformation: Any, stack: str, token: str) -> None:
        self.cloudformation, self.stack, self.token = cloudformation, stack, token
        self.events: list[dict[str, Any]] = []
        """All that were read so far, oldest first."""

    def report(self, say: Callable[[str], None]) -> None:
        """Read the newer events; say how far it is, and every failure."""
        new = self._newer()
        self.events += new
        for event in new:
            if event["ResourceStatus"].endswith("FAILED"):
                say(f"  {event['ResourceStatus']} {_cause(event)}")
        done = [e for e in new if e["ResourceStatus"].endswith("_COMPLETE")]
        if done:
            count = sum(e["ResourceStatus"].endswith("_COMPLETE") for e in self.events)
            say(f"  {count} done, the last of them {done[-1]['LogicalResourceId']}")

    def first_failure(self) -> str:
        """The resource that failed first, and why; later failures are its consequence."""
        failed = [e for e in self.events if e["ResourceStatus"].endswith("FAILED")]
        causes = [e for e in failed if CANCELLED not in e.get("ResourceStatusReason", "").lower()]
        if not failed:
            return "see the stack's events in the CloudFormation console"
        return _cause((causes or failed)[0])

    def _newer(self) -> list[dict[str, Any]]:
        """This operation's events that were not read yet; AWS lists the newest first."""
        seen = {event["EventId"] for event in self.events}
        new: list[dict[str, Any]] = []
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(
            StackName=self.stack
        )
        for page in pages:
            for event in page["StackEvents"]:
                if event["EventId"] in seen or event.get("ClientRequestToken") != self.token:
                    return new[::-1]
                new.append(event)
        return new[::-1]


def _cause(event: dict[str, Any]) -> str:
    return f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason')}"
