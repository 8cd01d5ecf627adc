"""The rights that the template's roles grant, and those that a process's calls need."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from aws.resources import World
from tests.aws.stack.parsed import ACCOUNT, REGION, Parsed

ACTIONS = {
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:UploadPart": "s3:PutObject",
    "s3:CompleteMultipartUpload": "s3:PutObject",
}
"""Operations whose right has another name than the operation.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""
FREE = {"sts:GetCallerIdentity"}
"""Calls that need no right."""
SIGNS_A_FORM = "CreateBucket"
"""The operation that botocore looks up, without a call, when it signs a form."""
OF_A_BUCKET = {"s3:ListBucket"}


@dataclass(frozen=True, order=True)
class Need:
    """One right on one resource."""

    action: str
    arn: str
    sender: str = ""


def need(service: str, operation: str, params: dict[str, Any]) -> Need:
    """The right that a call needs."""
    action = f"{service}:{operation}"
    action = ACTIONS.get(action, action)
    return Need(action, _arn(service, action, params), str(params.get("Source", "")))


def _arn(service: str, action: str, params: dict[str, Any]) -> str:
    here = f"arn:aws:{service}:{REGION}:{ACCOUNT}"
    if service == "s3":
        bucket = f"arn:aws:s3:::{params['Bucket']}"
        return bucket if action in OF_A_BUCKET else f"{bucket}/{params['Key']}"
    if service == "dynamodb":
        table = f"{here}:table/{params['TableName']}"
        return f"{table}/index/{params['IndexName']}" if "IndexName" in params else table
    if service == "sqs":
        name = params.get("QueueName") or params["QueueUrl"].rpartition("/")[2]
        return f"{here}:{name}"
    if service == "sns":
        return str(params["TopicArn"])
    if service == "glacier":
        return f"{here}:vaults/{params['vaultName']}"
    return f"{here}:identity/{params['Source']}" if service == "ses" else here


class Rights:
    """A role's policies, its own and those attached to it."""

    def __init__(self, parsed: Parsed, process: str) -> None:
        roles = parsed.of("AWS::IAM::Role")
        logical = f"{process.capitalize()}Role"
        self.statements: list[dict[str, Any]] = []
        for policy in roles[logical]["Policies"]:
            self.statements += policy["PolicyDocument"]["Statement"]
        for name, policy in parsed.of("AWS::IAM::ManagedPolicy").items():
            if name in roles[logical].get("ManagedPolicyArns", []):
                self.statements += policy["PolicyDocument"]["Statement"]
        for policy in parsed.of("AWS::IAM::Policy").values():
            if roles[logical]["RoleName"] in policy["Roles"]:
                self.statements += policy["PolicyDocument"]["Statement"]

    def allow(self, what: Need) -> bool:
        return what.action in FREE or any(_covers(s, what) for s in self.statements)


def _covers(statement: dict[str, Any], what: Need) -> bool:
    actions, where = statement["Action"], statement["Resource"]
    actions = [actions] if isinstance(actions, str) else actions
    where = [where] if isinstance(where, str) else where
    condition = statement.get("Condition", {}).get("StringEquals", {})
    return (
        what.action in actions
        and any(fnmatchcase(what.arn, pattern) for pattern in where)
        and condition.get("ses:FromAddress", what.sender) == what.sender
    )


@contextmanager
def recorded(world: World) -> Iterator[set[Need]]:
    """Within the block, the rights that the world's calls and signed links need."""
    needs: set[Need] = set()

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name != SIGNS_A_FORM:
            needs.add(need(model.service_model.service_name, model.name, params))

    clients = [
        world.jobs.table.client,
        world.files.s3,
        world.events.sns,
        world.events.arns.sts,
        world.queues.sqs,
        world.mail.ses,
    ]
    clients += [getattr(world.vault, "glacier", None)] if hasattr(world.vault, "glacier") else []
    for client in clients:
        client.meta.events.register("provide-client-params", note)
    try:
        yield needs
    finally:
        for client in clients:
            client.meta.events.unregister("provide-client-params", note)
