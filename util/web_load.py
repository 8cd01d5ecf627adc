"""Puts load on the site with locust: people sign in, upload, look at their jobs, download."""

import argparse
import itertools
import json
import random
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import gevent
from locust import HttpUser, between, task
from locust.env import Environment
from locust.exception import StopUser
from locust.html import get_html_report
from locust.stats import StatsEntry

from aws.simulate.tables import markdown
from util.load_common import EXAMPLE, demand_file, demand_local

NUMBERS = itertools.count(1)


class UploadFormParser(HTMLParser):
    """The first form of a page that has the field `wanted`: its action and hidden fields.

    Raises LookupError where the page has none.
    """

    def __init__(self, page: str, wanted: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.names: list[set[str]] = []
        self.feed(page)
        found = [
            form for form, names in zip(self.forms, self.names, strict=True) if wanted in names
        ]
        if not found:
            raise LookupError(f"no form with a field {wanted}")
        self.action, self.fields = found[0]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((given.get("action", ""), {}))
            self.names.append(set())
        elif self.forms and tag in ("input", "button") and given.get("name"):
            self.names[-1].add(given["name"])
            if tag == "input" and given.get("type") == "hidden":
                self.forms[-1][1][given["name"]] = given.get("value", "")


class Researcher(HttpUser):
    """One person of the crowd `load-<n>`, who thinks between two requests."""

    file = EXAMPLE

    def on_start(self) -> None:
        """Sign in through the Globus stand-in, with every redirect of a real login."""
        self.jobs: list[str] = []
        page = self.client.get("/login", name="sign in: choose who")
        try:
            form = UploadFormParser(page.text, "identity")
        except LookupError:
            raise StopUser(f"{page.url} is no stand-in that a test can sign in at") from None
        person = {"identity": f"load-{next(NUMBERS)}"}
        self.client.post(
            urljoin(page.url, form.action), {**form.fields, **person}, name="sign in: and back"
        )

    @task(4)
    def look_at_the_list(self) -> None:
        self.client.get("/annotations", name="list")

    @task(1)
    def upload(self) -> None:
        """The annotate page, the POST to S3, and the redirect that creates the job."""
        page = self.client.get("/annotate", name="annotate")
        form = UploadFormParser(page.text, "policy")
        files = {"file": (self.file.name, self.file.read_bytes())}
        with self.client.post(
            form.action, form.fields, files=files, name="upload and redirect", catch_response=True
        ) as reply:
            path = urlsplit(reply.url or "").path
            if reply.ok and path.startswith("/annotations/"):
                self.jobs.append(path.rpartition("/")[2])
            else:
                reply.failure(f"no job was created: {reply.status_code}")

    @task(4)
    def look_at_a_job(self) -> None:
        if self.jobs:
            job_id = random.choice(self.jobs)  # noqa: S311
            self.client.get(f"/annotations/{job_id}", name="details")

    @task(2)
    def download(self) -> None:
        """Follow the link of a finished result to S3."""
        if not self.jobs:
            return
        path = f"/annotations/{random.choice(self.jobs)}"  # noqa: S311
        status = self.client.get(f"{path}/status", name="status").json()
        if status["job_status"] == "COMPLETED" and status["existed"]:
            self.client.get(f"{path}/download", name="download")


def run(args: argparse.Namespace) -> Environment:
    """Run the whole load, from the first user to the last request."""
    Researcher.wait_time = between(args.think / 2, args.think * 3 / 2)
    Researcher.file = args.file
    environment = Environment(user_classes=[Researcher], host=args.url, stop_timeout=30)
    runner = environment.create_local_runner()
    runner.start(args.users, spawn_rate=args.ramp)
    gevent.spawn_later(args.seconds, runner.quit)
    gevent.spawn(report_progress, environment, args.seconds)
    runner.greenlet.join()
    return environment


def report_progress(environment: Environment, seconds: float) -> None:
    """A line on standard error every ten seconds."""
    while True:
        gevent.sleep(min(10, seconds))
        total = environment.stats.total
        count = environment.runner.user_count if environment.runner else 0
        sys.stderr.write(
            f"{count} users, {total.num_requests} requests, {total.num_failures} failed\n"
        )


def figures(entry: StatsEntry) -> dict[str, float | str]:
    """One line of the report; times in milliseconds."""
    return {
        "page": entry.name,
        "requests": entry.num_requests,
        "failures": entry.num_failures,
        "p50_ms": round(entry.get_response_time_percentile(0.5) or 0),
        "p95_ms": round(entry.get_response_time_percentile(0.95) or 0),
        "per_second": round(entry.total_rps, 1),
    }


def report(environment: Environment) -> list[dict[str, float | str]]:
    """A line for each page, the last for all of them."""
    stats = environment.stats
    lines = [figures(entry) for _, entry in sorted(stats.entries.items())]
    return [*lines, {**figures(stats.total), "page": "all"}]


def table(lines: list[dict[str, float | str]]) -> str:
    """The report in Markdown."""
    return markdown(list(lines[0]), [list(line.values()) for line in lines]) + "\n"


def arguments() -> argparse.Namespace:
    """The command line; exits with one line for what cannot be done."""
    parser = argparse.ArgumentParser(
        prog="./gas load web",
        description=f"{__doc__} People come from the local Globus, so start ./gas up first. "
        "Exits 1 where a request failed.",
        epilog="example: ./gas load web --users 50 --for 30",
    )
    parser.add_argument("--url", default="http://localhost:5000", help="of the site")
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--ramp", type=float, default=10, help="users that start each second")
    parser.add_argument("--think", type=float, default=5, help="mean seconds between two requests")
    parser.add_argument("--for", dest="seconds", type=float, default=120, help="seconds, in all")
    parser.add_argument("--file", type=Path, default=EXAMPLE, help="the VCF that they upload")
    parser.add_argument("--html", type=Path, help="write locust's own report there")
    parser.add_argument("--json", action="store_true", help="print one JSON object, last")
    parser.add_argument("--anywhere", action="store_true", help="allow a site that is not local")
    args = parser.parse_args()
    demand_local(args.url, args.anywhere)
    demand_file(args.file)
    return args


def main() -> None:
    """The command line: `./gas load web`."""
    args = arguments()
    environment = run(args)
    lines = report(environment)
    if args.html:
        html = get_html_report(environment)  # type: ignore[no-untyped-call]
        args.html.write_text(html, encoding="utf-8")
    for error in environment.stats.errors.values():
        sys.stderr.write(f"{error.occurrences} x {error.to_name()}\n")
    sys.stdout.write(json.dumps({"pages": lines}) + "\n" if args.json else table(lines))
    total = environment.stats.total
    sys.exit(0 if total.num_requests and not total.num_failures else 1)


if __name__ == "__main__":
    main()
