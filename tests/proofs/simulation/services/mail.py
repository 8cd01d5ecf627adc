"""SES and STS."""
# ruff: noqa: N803 (parameters have the names that AWS gives them)

from typing import Any

from tests.proofs.simulation.services.answers import Reply, ServiceError
from tests.proofs.simulation.services.messages import ACCOUNT


class Ses:
    """Keeps the mails sent, newest first, as the local AWS shows them; `rejects` refuses any."""

    def __init__(self) -> None:
        self.mails: list[dict[str, Any]] = []
        self.rejects = False

    def send_email(
        self, Source: str, Destination: dict[str, list[str]], Message: dict[str, Any], **_: Any
    ) -> Reply:
        if self.rejects:
            raise ServiceError("MessageRejected")
        (to,) = Destination["ToAddresses"]
        text = Message["Body"]["Text"]["Data"]
        self.mails.insert(0, {"to": to, "subject": Message["Subject"]["Data"], "text": text})
        return {"MessageId": "m"}


class Sts:
    """Names the account."""

    def get_caller_identity(self, **_: Any) -> Reply:
        return {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/gas"}
