"""The faults of a plan: each takes the place of one call."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ReadTimeoutError

from tests.proofs.simulation.cloud import damaged
from tests.proofs.simulation.plan import Fault, Kind
from tests.proofs.simulation.services.answers import Reply, ServiceError
from tests.proofs.simulation.services.s3 import streamed

if TYPE_CHECKING:
    from tests.proofs.simulation.network import Network

ERROR_S = 5.0
"""How long the SDK's own tries take before an error reaches its caller."""
UNAVAILABLE = "ServiceUnavailable"
DAY_S = 86_400.0
WHOLE = 0.3
"""The share of the outages that are of a whole service. Where only one operation is away, others
build on what has not come about."""
Send = Callable[[], Reply]


def _refused(network: "Network", fault: Fault, call: str, send: Send) -> Reply:
    network.scheduler.sleep(ERROR_S)
    raise ServiceError(UNAVAILABLE, 503)


def _outage(network: "Network", fault: Fault, call: str, send: Send) -> Reply:
    """The whole service is away, or just this operation of it."""
    operation = call.split()[0]
    service = SERVICE_OF.get(operation, "s3")
    whole = network.scheduler.dice.random() < WHOLE
    name = service if whole else f"{service}.{operation}"
    network.outages.append((name, network.scheduler.now + fault.seconds))
    return send()


SERVICE_OF = {
    **dict.fromkeys(("get_item", "put_item", "query", "scan"), "dynamodb"),
    **dict.fromkeys(("publish",), "sns"),
    **dict.fromkeys(("receive_message", "delete_message", "change_message_visibility"), "sqs"),
    **dict.fromkeys(("upload_archive", "initiate_job", "describe_job"), "glacier"),
    **dict.fromkeys(("get_job_output", "delete_archive", "list_jobs"), "glacier"),
    "send_email": "ses",
}


def _die_after(network: "Network", fault: Fault, call: str, send: Send) -> Reply:
    send()
    return network.die()


def _delayed(network: "Network", fault: Fault, call: str, send: Send) -> Reply:
    network.wait(fault)
    return send()


def _lost_reply(network: "Network", fault: Fault, call: str, send: Send) -> Reply:
    attempted(send)
    network.wait(fault)
    return send()


def _unknown(network: "Network", fault: Fault, call: str, send: Send) -> Reply:
    attempted(send)
    network.scheduler.sleep(fault.seconds)
    raise ReadTimeoutError(endpoint_url="simulated")


def attempted(send: Send) -> None:
    """A call whose answer nobody hears, a refusal included."""
    try:
        send()
    except ServiceError:
        return


def _freeze_after(network: "Network", fault: Fault, call: str, send: Send) -> Reply:
    reply = send()
    network.wait(fault)
    return reply


def _damaged(network: "Network", fault: Fault, call: str, send: Send) -> Reply:
    reply = send()
    name = "Body" if "Body" in reply else "body"
    if name not in reply:
        return reply
    return {**reply, **{name: streamed(damaged(reply[name].read()))["Body"]}}


def _stale(network: "Network", fault: Fault, call: str, send: Send) -> Reply:
    network.cloud.next_stale_s = fault.seconds
    return send()


def _jump(network: "Network", fault: Fault, call: str, send: Send) -> Reply:
    process = network.process
    process.jump_s = DAY_S
    network.scheduler.after(fault.seconds, lambda: setattr(process, "jump_s", 0.0))
    return send()


def _lost_message(network: "Network", fault: Fault, call: str, send: Send) -> Reply:
    network.cloud.sns.copies = 0
    return send()


def _doubled(network: "Network", fault: Fault, call: str, send: Send) -> Reply:
    network.scheduler.after(fault.seconds, lambda: attempted(send))
    return send()


def _fails(network: "Network", fault: Fault, call: str, send: Send) -> Reply:
    network.cloud.glacier.to_fail += 1
    return send()


def _kept(network: "Network", fault: Fault, call: str, send: Send) -> Reply:
    """Nothing can be deleted for a while; all else is well."""
    until = network.scheduler.now + fault.seconds
    network.outages += [(name, until) for name in ("s3.delete_object", "glacier.delete_archive")]
    return send()


def _rot(network: "Network", fault: Fault, call: str, send: Send) -> Reply:
    network.cloud.rot()
    return send()


def _rejected(network: "Network", fault: Fault, call: str, send: Send) -> Reply:
    network.cloud.ses.rejects = True
    return send()


def _sick(network: "Network", fault: Fault, call: str, send: Send) -> Reply:
    network.sick.add(network.process)
    return {}


def _child(network: "Network", fault: Fault, call: str, send: Send) -> Reply:
    return {"killed": True}


def _before(network: "Network", fault: Fault, call: str, send: Send) -> Reply:
    return network.die()


FAULTS = {
    Kind.DIE_BEFORE: _before,
    Kind.DIE_AFTER: _die_after,
    Kind.LOST_REQUEST: _delayed,
    Kind.SLOW: _delayed,
    Kind.LOST_REPLY: _lost_reply,
    Kind.UNKNOWN: _unknown,
    Kind.REFUSED: _refused,
    Kind.OUTAGE: _outage,
    Kind.FREEZE: _delayed,
    Kind.FREEZE_AFTER: _freeze_after,
    Kind.DAMAGED: _damaged,
    Kind.STALE: _stale,
    Kind.JUMP: _jump,
    Kind.LOST_MESSAGE: _lost_message,
    Kind.DOUBLED: _doubled,
    Kind.FAILS: _fails,
    Kind.CHILD: _child,
    Kind.SICK: _sick,
    Kind.KEPT: _kept,
    Kind.ROT: _rot,
    Kind.REJECTED: _rejected,
}
