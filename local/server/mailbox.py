"""The mail that was sent through the local SES, at /mail for people and /mail.json for tests."""

import html
import json
import re
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs

from local.server.wsgi import App, Environ, StartResponse, answer, body_of, path_of, signed_service

LINK = re.compile(r"https?://(?:[^\s<>&\"']|&amp;)+")
PAGES = ("/", "/mail", "/mail.json")
"""Shown to who signs nothing: a browser; at / the AWS clients' own requests are signed."""
TO = "Destination.ToAddresses.member."
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem}"
    "article{border:1px solid #aab4c0;border-radius:.5rem;padding:1rem;margin:1rem 0}"
    "pre{font:inherit;white-space:pre-wrap;overflow-wrap:anywhere;margin:0}"
    "h2{font-size:1rem;margin:0}p{color:#4a5766;margin:0 0 1rem}"
)


class Mailbox:
    """Middleware that keeps each mail that SES accepted, and shows them, newest first."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.sent: list[dict[str, Any]] = []

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = path_of(environ)
        if path == "/mail.json":
            return answer(start_response, 200, json.dumps(self.sent[::-1]).encode())
        if path == "/mail" or (path == "/" and "HTTP_AUTHORIZATION" not in environ):
            page = _page(self.sent[::-1]).encode()
            return answer(start_response, 200, page, "text/html; charset=utf-8")
        if signed_service(environ) == "ses":
            start_response = self._watched(body_of(environ), start_response)
        return self.app(environ, start_response)

    def _watched(self, body: bytes, start_response: StartResponse) -> StartResponse:
        """Keep the mail once SES says that it was sent."""
        parameters = {name: values[0] for name, values in parse_qs(body.decode()).items()}

        def answered(status: str, *more: Any) -> Any:
            if parameters.get("Action") == "SendEmail" and status.startswith("200"):
                self.sent.append(_letter(parameters))
            return start_response(status, *more)

        return answered


def _letter(parameters: dict[str, str]) -> dict[str, Any]:
    return {
        "to": ", ".join(value for name, value in parameters.items() if name.startswith(TO)),
        "from": parameters.get("Source", ""),
        "subject": parameters.get("Message.Subject.Data", ""),
        "text": parameters.get("Message.Body.Text.Data", ""),
        "html": parameters.get("Message.Body.Html.Data", ""),
        "time": time.time(),
    }


def _page(sent: list[dict[str, Any]]) -> str:
    letters = "".join(map(_article, sent)) or "<p>No mail has been sent yet.</p>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Mail sent by GAS</title><style>{STYLE}</style></head>"
        f"<body><main><h1>Mail sent by GAS</h1>{letters}</main></body></html>"
    )


def _article(mail: dict[str, Any]) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(mail["time"]))
    text = LINK.sub(r'<a href="\g<0>">\g<0></a>', html.escape(mail["text"] or mail["html"]))
    return (
        f"<article><h2>{html.escape(mail['subject'])}</h2>"
        f"<p>to {html.escape(mail['to'])}, {when}</p><pre>{text}</pre></article>"
    )
