"""The mail that was sent through the local SES, at /mail for people and /mail.json for tests."""

import html
import json
import time
from collections.abc import Iterable
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.ses.models import Message, SESBackend, ses_backends

from local.wsgi import App, Environ, StartResponse, answer, path_of

STYLE = (
    "body{font:16px/1.5 system-ui;max-width:48rem;margin:2rem auto;padding:0 1rem}"
    "article{border:1px solid #ccc;border-radius:.5rem;padding:1rem;margin:1rem 0}"
    "pre{white-space:pre-wrap;margin:0}h2{font-size:1rem;margin:0}p{color:#444;margin:0 0 1rem}"
)


class Mailbox:
    """Middleware that shows the mail, newest first; keeps when and how each was sent."""

    def __init__(self, app: App, region: str) -> None:
        self.app, self.region = app, region
        self.sent: list[dict[str, Any]] = []
        self._listen()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = path_of(environ)
        if path == "/mail.json":
            return answer(start_response, 200, json.dumps(self.sent[::-1]).encode())
        if path == "/mail":
            page = _page(self.sent[::-1]).encode()
            return answer(start_response, 200, page, "text/html; charset=utf-8")
        return self.app(environ, start_response)

    def _listen(self) -> None:
        """moto keeps of a mail neither its time nor both of its bodies."""
        original = SESBackend.send_email

        def send_email(backend: SESBackend, *args: Any, **kwargs: Any) -> Message:
            message = original(backend, *args, **kwargs)
            self.sent.append(_told(message))
            return message

        SESBackend.send_email = send_email  # type: ignore[method-assign]

    def verified(self) -> list[str]:
        return list(ses_backends[DEFAULT_ACCOUNT_ID][self.region].email_identities)


def _told(message: Message) -> dict[str, Any]:
    return {
        "to": ", ".join(message.destinations.get("ToAddresses", [])),
        "from": message.source,
        "subject": message.subject,
        "text": message.body,
        "time": time.time(),
    }


def _page(sent: list[dict[str, Any]]) -> str:
    letters = "".join(map(_article, sent)) or "<p>No mail has been sent yet.</p>"
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Mail sent by GAS</title>'
        f"<style>{STYLE}</style><main><h1>Mail sent by GAS</h1>{letters}</main></html>"
    )


def _article(mail: dict[str, Any]) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(mail["time"]))
    return (
        f"<article><h2>{html.escape(mail['subject'])}</h2>"
        f"<p>to {html.escape(mail['to'])}, {when}</p>"
        f"<pre>{html.escape(mail['text'])}</pre></article>"
    )
