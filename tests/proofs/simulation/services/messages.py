"""SNS and SQS: topics that feed the queues of their names, deliveries at least once."""
# ruff: noqa: N803 (parameters have the names that AWS gives them)

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aws.resources import MAX_RECEIVES
from tests.proofs.simulation.scheduler import Scheduler, Strand
from tests.proofs.simulation.services.answers import Reply, ServiceError

ACCOUNT = "123456789012"
FANOUT_S = (0.02, 1.5)
"""How long SNS takes to bring a message to its queue."""
DLQ = "_dlq"


@dataclass(eq=False)
class SimulatedMessage:
    """A message in a queue: hidden until its time, known to its receiver by its last receipt."""

    body: str
    visible_time: float
    receives: int = 0
    receipt: str = ""


@dataclass
class SimulatedQueue:
    """A queue's messages, and the strands that wait for one."""

    name: str
    delay_s: float = 0.0
    messages: list[SimulatedMessage] = field(default_factory=list)
    waiting: list[Strand] = field(default_factory=list)

    def next_time(self) -> float | None:
        """When the next message may be received."""
        return min((message.visible_time for message in self.messages), default=None)


class Sqs:
    """The operations of SQS. A poll of an empty queue lasts until a message comes."""

    def __init__(self, scheduler: Scheduler, prefix: str, delays: dict[str, float]) -> None:
        self.scheduler, self.prefix, self.count = scheduler, prefix, 0
        self.queues = {name: SimulatedQueue(name, delay) for name, delay in delays.items()}
        self.queues |= {name + DLQ: SimulatedQueue(name + DLQ) for name in delays}

    def put(self, name: str, body: str, delay_s: float | None = None) -> None:
        """Add a message; after the queue's own delay unless it has one of its own."""
        queue = self.queues[name]
        delay = queue.delay_s if delay_s is None else delay_s
        queue.messages.append(SimulatedMessage(body, self.scheduler.now + delay))
        self._stir(queue)

    def _stir(self, queue: SimulatedQueue) -> None:
        """Wake the queue's waiting strands for its next message."""
        when = queue.next_time()
        for strand in queue.waiting if when is not None else ():
            assert when is not None
            self.scheduler.wake(strand, max(0.0, when - self.scheduler.now))

    def get_queue_url(self, QueueName: str, **_: Any) -> Reply:
        name = QueueName.removeprefix(f"{self.prefix}-")
        if name not in self.queues:
            raise ServiceError("AWS.SimpleQueueService.NonExistentQueue")
        return {"QueueUrl": name}

    def receive_message(
        self,
        QueueUrl: str,
        VisibilityTimeout: int = 30,
        WaitTimeSeconds: int = 0,
        MaxNumberOfMessages: int = 1,
        **_: Any,
    ) -> Reply:
        queue, strand = self.queues[QueueUrl], self.scheduler.current
        while WaitTimeSeconds and strand and not self._visible(queue):
            self._wait(queue, strand)
        visible = self._visible(queue)
        self.scheduler.dice.shuffle(visible)
        taken = [self._take(m, VisibilityTimeout) for m in visible[:MaxNumberOfMessages]]
        return {"Messages": taken} if taken else {}

    def _visible(self, queue: SimulatedQueue) -> list[SimulatedMessage]:
        """The messages that may be received; those received too often are dead letters."""
        now = self.scheduler.now
        visible = [m for m in queue.messages if m.visible_time <= now]
        if not queue.name.endswith(DLQ):
            for message in [m for m in visible if m.receives >= MAX_RECEIVES]:
                visible.remove(message)
                queue.messages.remove(message)
                self.put(queue.name + DLQ, message.body)
        return visible

    def _wait(self, queue: SimulatedQueue, strand: Strand) -> None:
        """Wait for the queue's next message; a strand that waits so is idle."""
        queue.waiting.append(strand)
        strand.is_idle = True
        when = queue.next_time()
        try:
            if when is None:
                self.scheduler.block()
            else:
                self.scheduler.sleep(max(0.0, when - self.scheduler.now))
        finally:
            strand.is_idle = False
            queue.waiting.remove(strand)

    def _take(self, message: SimulatedMessage, visibility_s: int) -> dict[str, Any]:
        message.receives += 1
        self.count += 1
        message.receipt = str(self.count)
        message.visible_time = self.scheduler.now + visibility_s
        attributes = {"ApproximateReceiveCount": str(message.receives)}
        return {
            "Body": message.body,
            "ReceiptHandle": message.receipt,
            "Attributes": attributes,
            "MessageId": "m",
        }

    def _held(self, queue: str, receipt: str) -> SimulatedMessage | None:
        """The message of a receipt; None once it was received again or is gone."""
        return next((m for m in self.queues[queue].messages if m.receipt == receipt), None)

    def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> Reply:
        message = self._held(QueueUrl, ReceiptHandle)
        if message:
            self.queues[QueueUrl].messages.remove(message)
        return {}

    def change_message_visibility(
        self, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int
    ) -> Reply:
        message = self._held(QueueUrl, ReceiptHandle)
        if message is None:
            raise ServiceError("InvalidParameterValue")
        message.visible_time = self.scheduler.now + VisibilityTimeout
        self._stir(self.queues[QueueUrl])
        return {}

    def send_message(
        self, QueueUrl: str, MessageBody: str, DelaySeconds: float | None = None, **_: Any
    ) -> Reply:
        self.put(QueueUrl, MessageBody, DelaySeconds)
        return {"MessageId": "m"}

    def get_queue_attributes(self, QueueUrl: str, **_: Any) -> Reply:
        messages, now = self.queues[QueueUrl].messages, self.scheduler.now
        visible = sum(m.visible_time <= now for m in messages)
        hidden = sum(m.visible_time > now for m in messages if m.receives)
        counts = {"": visible, "NotVisible": hidden, "Delayed": len(messages) - visible - hidden}
        prefix = "ApproximateNumberOfMessages"
        return {"Attributes": {f"{prefix}{kind}": str(n) for kind, n in counts.items()}}


class Sns:
    """The one operation of SNS that GAS uses; `copies` is how often the next message arrives."""

    def __init__(self, scheduler: Scheduler, prefix: str, sqs: Sqs) -> None:
        self.scheduler, self.prefix, self.sqs = scheduler, prefix, sqs
        self.copies = 1
        self.published: dict[tuple[str, str], int] = defaultdict(int)

    def publish(self, TopicArn: str, Message: str, **_: Any) -> Reply:
        name = TopicArn.rpartition(":")[2].removeprefix(f"{self.prefix}-")
        self.published[name, Message] += 1
        copies, self.copies = self.copies, 1
        for _copy in range(copies):
            delay = self.scheduler.dice.uniform(*FANOUT_S)
            self.scheduler.after(delay, _later(self.sqs.put, name, Message))
        return {"MessageId": "m"}


def _later(put: Callable[[str, str], None], name: str, body: str) -> Callable[[], None]:
    return lambda: put(name, body)
