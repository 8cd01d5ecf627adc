"""The cost of a page to the web tier: processor time of the site alone, the local AWS left out.

The list of a user with 10,000 jobs against that of one with 100; and each page against the bare
signed-in page (the profile). Queries are counted by a hook.
"""

import argparse
import json
import os
import statistics
import sys
import time
import uuid
from dataclasses import replace
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from aws.config import load
from aws.resources import World as Cloud
from aws.resources import connect
from aws.rows.accounts import Account
from aws.rows.job import Job, Status
from aws.rows.table import _packed
from aws.secrets import Secrets
from benchmarks.jobs import base_world
from web.app import create_app

REQUESTS, ROUNDS, BATCH = 30, 5, 25
FEW, MANY = 100, 10_000
PAGES = {"home": "/", "list": "/annotations", "annotate": "/annotate", "plan": "/subscribe"}
BARE = "/profile"
UNLIMITED = {"GAS_WEB_MAX_CALLS_MINUTE": "1000000", "GAS_WEB_MAX_FORMS_HOUR": "1000000"}
"""One visitor asks for more pages in a minute than the site allows."""


def account(cloud: Cloud) -> Account:
    return cloud.accounts.sign_in(str(uuid.uuid4()), "Bench", "bench@example.org", "")


def fill(cloud: Cloud, user_id: str, jobs: int) -> None:
    """Write the rows of so many finished jobs."""
    now = time.time()
    made = [
        Job(
            job_id=str(uuid.uuid4()),
            user_id=user_id,
            input_file_name=f"sample-{number}.vcf",
            s3_inputs_bucket="b",
            s3_key_input_file="k",
            input_bytes=1000,
            submit_time=round(now - number, 3),
            complete_time=round(now - number + 1, 3),
            job_status=Status.FAILED,
            error="made for a benchmark",
            mailed=True,
            rev=1,
        )
        for number in range(jobs)
    ]
    write_rows(cloud, made)


def write_rows(cloud: Cloud, jobs: list[Job]) -> None:
    """Write the rows without any step, in batches: for filling a table only."""
    table = cloud.jobs.table
    rows = [{"PutRequest": {"Item": _packed(cloud.jobs._row(job))}} for job in jobs]
    for start in range(0, len(rows), BATCH):
        table.client.batch_write_item(RequestItems={table.name: rows[start : start + BATCH]})


def visitor(app: Flask, cloud: Cloud, user_id: str) -> FlaskClient:
    """A browser with a session of the user."""
    client, session_id = app.test_client(), uuid.uuid4().hex
    cloud.accounts.begin_session(user_id, session_id, "a benchmark")
    with client.session_transaction() as session:
        session.update(sub=user_id, id=session_id)
    return client


def cost_ms(client: FlaskClient, path: str) -> float:
    """Median over rounds of this process's own milliseconds for a request."""
    costs = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(REQUESTS):
            assert client.get(path).status_code == 200
        costs.append((time.process_time() - began) * 1000 / REQUESTS)
    return statistics.median(costs)


def queries(cloud: Cloud, client: FlaskClient) -> int:
    """The number of Queries that one list page makes."""
    made: list[str] = []
    events = cloud.jobs.table.client.meta.events

    def note(model: Any, **_: Any) -> None:
        made.append(model.name)

    events.register("before-call.dynamodb.Query", note)
    client.get("/annotations")
    events.unregister("before-call.dynamodb.Query", note)
    return len(made)


def measure() -> dict[str, Any]:
    """Everything, in a local AWS of its own."""
    with base_world() as world:
        os.environ.update({k: v for k, v in world.env.items() if k.startswith(("AWS_", "GAS_"))})
        os.environ["GLOBUS_SDK_SERVICE_URL_AUTH"] = world.env["GLOBUS_SDK_SERVICE_URL_AUTH"]
        cloud = connect(load(env={**os.environ, **UNLIMITED}))
        app = create_app(replace(cloud), Secrets("key", "client", "secret"))
        few, many = account(cloud), account(cloud)
        fill(cloud, few.user_id, FEW)
        fill(cloud, many.user_id, MANY)
        of_few, of_many = (visitor(app, cloud, a.user_id) for a in (few, many))
        bare = cost_ms(of_few, BARE)
        few_ms, many_ms = cost_ms(of_few, "/annotations"), cost_ms(of_many, "/annotations")
        pages = {name: round(cost_ms(of_few, path) / bare, 2) for name, path in PAGES.items()}
        counted = queries(cloud, of_many)
    return {
        "list_ms_at_100_jobs": round(few_ms, 2),
        "list_ms_at_10000_jobs": round(many_ms, 2),
        "list_ratio": round(many_ms / few_ms, 2),
        "queries_per_list_page": counted,
        "bare_page_ms": round(bare, 2),
        "page_to_bare_ratio": pages,
    }


def main() -> None:
    """The command line: `./gas bench pages`."""
    parser = argparse.ArgumentParser(
        prog="./gas bench pages", description=__doc__, epilog="example: ./gas bench pages --json"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, last")
    args = parser.parse_args()
    figures = measure()
    words = "\n".join(f"{name:<28}{value}" for name, value in figures.items())
    sys.stdout.write((json.dumps(figures) if args.json else words) + "\n")


if __name__ == "__main__":
    main()
