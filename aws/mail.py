"""Mail through Amazon SES."""

from dataclasses import dataclass
from email.errors import HeaderParseError
from email.headerregistry import Address
from typing import Any


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
        """Send one letter. Raises ValueError for an address or subject that breaks the headers."""
        recipient = _address(letter.recipient)
        if letter.subject.splitlines() != [letter.subject]:
            raise ValueError("a subject is one line")
        text = {"Data": letter.text, "Charset": "UTF-8"}
        subject = {"Data": letter.subject, "Charset": "UTF-8"}
        self.ses.send_email(
            Source=self.sender,
            Destination={"ToAddresses": [recipient]},
            Message={"Subject": subject, "Body": {"Text": text}},
        )


def _address(text: str) -> str:
    """The address, if the text is exactly one: the parser refuses in three different ways."""
    try:
        return Address(addr_spec=text).addr_spec
    except (HeaderParseError, IndexError) as fault:
        raise ValueError(f"{text!r} is not a mail address: {fault}") from None
