"""A visitor to a local GAS: signs in, uploads and downloads with the requests of a browser."""

import time
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

TIMEOUT_S = 60
POLL_S = 0.1
S3_SAYS = {
    "EntityTooLarge": "This file is larger than your plan allows. Go premium, or split it.",
    "EntityTooSmall": "This file is empty.",
}


class RefusedUpload(Exception):
    """No job was created; the text is the site's message to the visitor."""


@dataclass
class HtmlForm:
    """One form of a page: where it goes and the fields it carries along."""

    action: str
    fields: dict[str, str]


class HtmlPage(HTMLParser):
    """The forms, links and alerts of an HTML page."""

    def __init__(self, response: requests.Response) -> None:
        super().__init__()
        self.url = response.url
        self.forms: list[HtmlForm] = []
        self.alerts: list[str] = []
        self.text: list[str] = []
        self._alert_depth = 0
        self.feed(response.text)

    def form(self, ending: str) -> HtmlForm:
        """The form whose action ends so. Raises LookupError where the page has none."""
        for form in self.forms:
            if form.action.endswith(ending):
                return form
        raise LookupError(f"{self.url} has no form for {ending}: {' '.join(self.text)[:300]}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(HtmlForm(given.get("action", ""), {}))
        elif tag == "input" and self.forms and given.get("type") != "file":
            if given.get("name"):
                self.forms[-1].fields[given["name"]] = given.get("value", "")
        elif tag == "div" and (self._alert_depth or given.get("role") == "alert"):
            self._alert_depth += 1

    def handle_endtag(self, tag: str) -> None:
        if tag == "div" and self._alert_depth:
            self._alert_depth -= 1

    def handle_data(self, data: str) -> None:
        words = " ".join(data.split())
        if words:
            (self.alerts if self._alert_depth else self.text).append(words)


class Visitor:
    """One person's session with the site at `url`."""

    def __init__(self, url: str) -> None:
        self.url, self.session = url, requests.Session()

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.session.get(self._absolute(path), timeout=TIMEOUT_S, **options)

    def page(self, path: str) -> HtmlPage:
        response = self.get(path)
        response.raise_for_status()
        return HtmlPage(response)

    def submit(self, page: HtmlPage, ending: str, **fields: str) -> requests.Response:
        """Post one of the page's forms with these fields filled in."""
        form = page.form(ending)
        base = page.url if not form.action.startswith("http") else ""
        target = requests.compat.urljoin(base, form.action) if base else form.action
        response = self.session.post(target, data={**form.fields, **fields}, timeout=TIMEOUT_S)
        response.raise_for_status()
        return response

    def sign_in(self, identity: str) -> None:
        """Log in through Globus as one of the stand-in's people."""
        chooser = HtmlPage(self.get("/login"))
        self.submit(chooser, "", identity=identity)

    def upload(
        self, path: Path, reference: str = "", annotation: Path | None = None, tag: str = ""
    ) -> str:
        """Post the file to S3 as the annotate page's form does; return the job id.

        An annotation goes first, as its own form does. Raises RefusedUpload, with the words on
        the page, where no job was created.
        """
        choices = {"reference": reference} if reference else {}
        if annotation:
            added = self._send(annotation, self.page("/annotate"), 1)
            choices |= dict(parse_qsl(urlsplit(added.url).query)) | ({"tag": tag} if tag else {})
        page = self.get("/annotate", params=choices)
        if not page.ok:
            raise RefusedUpload(_words(page))
        response = self._send(path, HtmlPage(page), 0)
        return urlsplit(response.url).path.rstrip("/").rpartition("/")[2]

    def _send(self, path: Path, page: HtmlPage, number: int) -> requests.Response:
        """Post a file by the page's `number`-th form for S3; the page that one lands on."""
        forms = [f for f in page.forms if "policy" in {name.lower() for name in f.fields}]
        form = forms[number]
        with path.open("rb") as file:
            response = self.session.post(
                form.action, data=form.fields, files={"file": (path.name, file)}, timeout=TIMEOUT_S
            )
        if not response.ok:
            raise RefusedUpload(_words(response))
        return response

    def status(self, job_id: str) -> dict[str, Any]:
        return dict(self.get(f"/annotations/{job_id}/status").json())

    def wait(self, job_id: str, within_s: float, key: str = "job_status") -> dict[str, Any]:
        """Poll until the job has ended. Raises TimeoutError."""
        return self.wait_until(job_id, lambda s: s[key] not in ("PENDING", "RUNNING"), within_s)

    def wait_until(self, job_id: str, reached: Any, within_s: float) -> dict[str, Any]:
        """Poll the status until `reached(status)`. Raises TimeoutError."""
        deadline = time.monotonic() + within_s
        while True:
            status = self.status(job_id)
            if reached(status):
                return status
            if time.monotonic() > deadline:
                raise TimeoutError(f"job {job_id} is still {status} after {within_s:g} s")
            time.sleep(POLL_S)

    def download(self, path: str, to: Path) -> Path:
        """Follow the site's link at `path`; save the reply's body to `to` and return it."""
        response = self.get(path)
        response.raise_for_status()
        to.write_bytes(response.content)
        return to

    def _absolute(self, path: str) -> str:
        return path if path.startswith("http") else self.url + path


def _words(response: requests.Response) -> str:
    """The message of a refusal to a person: the page's alert, or S3's error in words."""
    if "xml" in response.headers.get("Content-Type", ""):
        code = response.text.partition("<Code>")[2].partition("</Code>")[0]
        return S3_SAYS.get(code, f"The upload was refused ({code}).")
    page = HtmlPage(response)
    return " ".join(page.alerts or page.text)
