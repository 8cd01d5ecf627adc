"""Mail through Amazon SES."""

from dataclasses import dataclass
from email.errors import HeaderParseError
from email.headerregistry import Address
from typing import Any

from botocore.exceptions import ClientError

REFUSALS = {
    "AccountSendingPaused",
    "ConfigurationSetDoesNotExist",
    "ConfigurationSetSendingPaused",
    "InvalidParameterValue",
    "MailFromDomainNotVerified",
    "MessageRejected",
}
"""What SES answers to a mail that it will not take however often it is sent.

An address that is not verified, in the sandbox, is a MessageRejected; an address that is none is an
InvalidParameterValue. Throttling, a spent quota and missing rights pass and are no part of this.
https://docs.aws.amazon.com/ses/latest/APIReference/API_SendEmail.html
https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html
"""


class UndeliverableError(ValueError):
    """This letter can never be sent; the text says why."""


@dataclass(frozen=True)
class Letter:
    """One mail of plain text to one address."""

    recipient: str
    subject: str
    text: str


class Mail:
    """Sends letters. https://docs.aws.amazon.com/ses/latest/APIReference/API_SendEmail.html"""

    def __init__(self, ses: Any, sender: str) -> None:
        self.ses, self.sender = ses, sender

    def send(self, letter: Letter) -> None:
        """Send one letter.

        Raises UndeliverableError for an address or subject that breaks the headers, and where SES
        refuses the letter for good.
        """
        recipient = _address(letter.recipient)
        if letter.subject.splitlines() != [letter.subject]:
            raise UndeliverableError("a subject is one line")
        text = {"Data": letter.text, "Charset": "UTF-8"}
        subject = {"Data": letter.subject, "Charset": "UTF-8"}
        try:
            self.ses.send_email(
                Source=self.sender,
                Destination={"ToAddresses": [recipient]},
                Message={"Subject": subject, "Body": {"Text": text}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"].removesuffix("Exception") not in REFUSALS:
                raise
            raise UndeliverableError(error.response["Error"]["Message"]) from None


def _address(text: str) -> str:
    """The address, if the text is exactly one: the parser refuses in three different ways."""
    try:
        return Address(addr_spec=text).addr_spec
    except (HeaderParseError, IndexError) as fault:
        raise UndeliverableError(f"{text!r} is not a mail address: {fault}") from None
