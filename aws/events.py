"""SNS events out, SQS messages in: publishing, receiving, and the depths of the queues."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

MAX_MESSAGES = 10
"""The most that one SQS receive returns."""


class Heartbeat:
    """Keeps a message invisible to others, and renews whatever a handler adds to that."""

    def __init__(self) -> None:
        self.released = threading.Event()
        """Set when a renewal failed or the daemon stops: the handler must end at once."""
        self._renewals: list[Callable[[], object]] = []
        self._claims: list[Callable[[], object]] = []

    def renew_with(self, renewal: Callable[[], object]) -> None:
        """Call `renewal` at every heartbeat; if it raises, the heartbeat is released."""
        self._renewals.append(renewal)

    def renew(self) -> None:
        """Run every renewal."""
        for renewal in self._renewals:
            renewal()

    def abandon_with(self, give_back: Callable[[], object]) -> None:
        """Call `give_back` where the daemon ends without waiting for the handler any longer."""
        self._claims.append(give_back)

    def abandon(self) -> None:
        """Give back whatever the handler has claimed."""
        for give_back in self._claims:
            give_back()


@dataclass(frozen=True)
class Event:
    """The argument of a handler: the event's ids, and the heartbeat of its message."""

    body: Mapping[str, Any]
    heartbeat: Heartbeat = field(default_factory=Heartbeat)

    @property
    def job_id(self) -> str:
        return str(self.body["job_id"])

    @property
    def user_id(self) -> str:
        return str(self.body["user_id"])


@dataclass(frozen=True)
class Message:
    """One delivery by SQS; `receives` counts all of the message's, this one included."""

    queue: str
    body: str
    receipt: str
    receives: int


@dataclass(frozen=True)
class Depth:
    """Approximate numbers of a queue's messages: SQS's counts are eventually consistent."""

    name: str
    visible: int
    in_flight: int
    delayed: int


class Arns:
    """The ARNs of this account's topics and queues; STS names partition and account, once."""

    def __init__(self, sts: Any, region: str, prefix: str) -> None:
        self.sts, self.region, self.prefix = sts, region, prefix

    @cached_property
    def _caller(self) -> tuple[str, str]:
        """The partition (`aws`, `aws-us-gov`, `aws-cn`) and the account."""
        identity = self.sts.get_caller_identity()
        return str(identity["Arn"]).split(":")[1], str(identity["Account"])

    def topic(self, name: str) -> str:
        return self._arn("sns", name)

    def queue(self, name: str) -> str:
        return self._arn("sqs", name)

    def _arn(self, service: str, name: str) -> str:
        partition, account = self._caller
        return f"arn:{partition}:{service}:{self.region}:{account}:{self.prefix}-{name}"


class Events:
    """Publishes events, ids only, on the topics."""

    def __init__(self, sns: Any, arns: Arns) -> None:
        self.sns, self.arns = sns, arns

    def publish(self, topic: str, event: Mapping[str, Any]) -> None:
        self.sns.publish(TopicArn=self.arns.topic(topic), Message=json.dumps(dict(event)))


class Queues:
    """Receives messages, deletes them, and changes their visibility."""

    def __init__(self, sqs: Any, prefix: str) -> None:
        self.sqs, self.prefix = sqs, prefix
        self._urls: dict[str, str] = {}

    def url(self, queue: str) -> str:
        """The queue's URL. Raises FileNotFoundError where it has not been created."""
        if queue not in self._urls:
            self._urls[queue] = self._url(f"{self.prefix}-{queue}")
        return self._urls[queue]

    def _url(self, name: str) -> str:
        try:
            return str(self.sqs.get_queue_url(QueueName=name)["QueueUrl"])
        except ClientError as error:
            if "NonExistentQueue" not in error.response["Error"]["Code"]:
                raise
            raise FileNotFoundError(
                f"no queue {name} here: name its stack on AWS (--stack NAME, and the region in "
                "GAS_AWS_REGION); on a local AWS, run ./gas provision"
            ) from None

    def receive(self, queue: str, wait_s: int, visibility_s: int, most: int = 1) -> list[Message]:
        """Up to `most` (10) messages, waiting up to `wait_s` (20) for the first."""
        reply = self.sqs.receive_message(
            QueueUrl=self.url(queue),
            WaitTimeSeconds=wait_s,
            VisibilityTimeout=visibility_s,
            MaxNumberOfMessages=min(most, MAX_MESSAGES),
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        return [_message(queue, m) for m in reply.get("Messages", [])]

    def delete(self, message: Message) -> None:
        self.sqs.delete_message(QueueUrl=self.url(message.queue), ReceiptHandle=message.receipt)

    def change_visibility(self, message: Message, seconds: int) -> None:
        """Hide the message from other consumers for `seconds` from now; 0 shows it at once."""
        self.sqs.change_message_visibility(
            QueueUrl=self.url(message.queue),
            ReceiptHandle=message.receipt,
            VisibilityTimeout=seconds,
        )

    def send(self, queue: str, body: str) -> None:
        """Send to the queue itself, without the delay that it may have for others."""
        self.sqs.send_message(QueueUrl=self.url(queue), MessageBody=body, DelaySeconds=0)

    def depth(self, queue: str) -> Depth:
        kinds = ("", "NotVisible", "Delayed")
        names = [f"ApproximateNumberOfMessages{kind}" for kind in kinds]
        reply = self.sqs.get_queue_attributes(QueueUrl=self.url(queue), AttributeNames=names)
        return Depth(queue, *(int(reply["Attributes"][name]) for name in names))


def _message(queue: str, raw: Mapping[str, Any]) -> Message:
    receives = int(raw.get("Attributes", {}).get("ApproximateReceiveCount", 1))
    return Message(queue, raw["Body"], raw["ReceiptHandle"], receives)


def parse(body: str) -> dict[str, Any]:
    """The event in a message's body. Raises ValueError where that is not a JSON object."""
    event = json.loads(body)
    if not isinstance(event, dict):
        raise ValueError("a message's body must be a JSON object")
    return event
