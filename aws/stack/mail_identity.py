"""The sender's identity at SES: whether the stack is to make it, and what is still to be done."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from aws.stack.changes import Stack


class IdentityError(ValueError):
    """The wanted identity cannot be; the message says what to set instead."""


def look_up(sesv2: Any, name: str) -> dict[str, Any] | None:
    """SES's record of an address or a domain; None where it has none.

    https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetEmailIdentity.html
    """
    try:
        return dict(sesv2.get_email_identity(EmailIdentity=name))
    except ClientError as error:
        if error.response["Error"]["Code"] != "NotFoundException":
            raise
        return None


def setting(sesv2: Any, stack: Stack, sender: str, values: Mapping[str, str]) -> str:
    """The parameter MailIdentity, by what SES knows. Raises IdentityError."""
    before = stack.parameters
    if (before.get("MailIdentity"), before.get("MailSender")) == ("create", sender):
        return "create"  # the stack's own; without it, it would be deleted
    wanted, known = values.get("MailIdentity"), _known(sesv2, sender)
    if wanted == "create" and sender in known:
        raise IdentityError(
            f"MailIdentity = create, but SES has the identity {sender} already: leave it out"
        )
    if wanted == "exists" and not known:
        raise IdentityError(
            f"MailIdentity = exists, but SES knows neither {sender} nor its domain in this region: "
            "leave it out, and the stack makes the address known"
        )
    return wanted or ("exists" if known else "create")


def notes(sesv2: Any, sender: str) -> list[str]:
    """The reasons why SES does not send yet, each with its remedy; empty where there are none."""
    found, known = [], _known(sesv2, sender)
    if not any(one.get("VerifiedForSendingStatus") for one in known.values()):
        found.append(
            f"SES does not send from {sender} before somebody follows the link in the mail that "
            "AWS sends there (or, for its domain, before the DKIM records are in DNS)"
        )
    if not sesv2.get_account().get("ProductionAccessEnabled"):
        found.append(
            "SES is in its sandbox here and sends to verified addresses only: request production "
            "access (SES console, Account dashboard)"
        )
    return found


def _known(sesv2: Any, sender: str) -> dict[str, dict[str, Any]]:
    """The records of the address and of its domain, where there are any."""
    names = (sender, sender.rpartition("@")[2])
    return {name: record for name in names if (record := look_up(sesv2, name)) is not None}
