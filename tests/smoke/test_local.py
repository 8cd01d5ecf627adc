"""`./gas smoke --local`: a healthy world passes, and every fault put into one is named."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import requests

from aws.outbox import discard
from aws.provision import provision
from aws.rows.job import Status
from aws.rows.unfinished import due
from smoke.__main__ import look
from smoke.catalogue import CHECKS
from smoke.checks import Check, CheckResult, Verdict, with_needs
from smoke.target import SmokeRun
from tests.aws.stack.edge import Edge, EdgeHandler
from tests.conftest import PATIENCE_S
from tests.local.conftest import eventually
from tests.smoke.conftest import SmokedWorld

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("smoke")]

MOST_S = 900
"""Half a minute on an idle machine."""


def test_a_healthy_world_passes() -> None:
    argv = [sys.executable, "-m", "smoke", "--local", "--json"]
    ran = subprocess.run(argv, capture_output=True, text=True, timeout=MOST_S, env={**os.environ})
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = json.loads(ran.stdout)
    ends = {check["name"]: check for check in found["checks"]}
    for check in CHECKS:
        if check.name in ends and check.absent_locally:
            assert ends[check.name]["verdict"] == Verdict.SKIPPED
            assert ends[check.name]["detail"] == f"not on one machine: {check.absent_locally}"
        elif check.name in ends:
            assert ends[check.name]["verdict"] == Verdict.PASSED, ends[check.name]
    assert found["good"] is True
    assert "the files of 2 job(s) are deleted" in ran.stderr


def test_a_run_leaves_no_file_and_nothing_to_do(smoked: SmokedWorld) -> None:
    run = smoked.begin()
    results = smoked.look(run, "restore")
    assert results["restore"].verdict is Verdict.PASSED
    world, job = run.world, run.job()
    assert (job.job_status, job.mailed, job.outputs) == (Status.CANCELLED, True, {})
    assert due(job, world.jobs.now()) is None
    account = world.accounts.get(run.user_id)
    assert (account.is_premium, account.pending_role_change) == (False, None)
    under = f"{world.names.prefix}/{run.user_id}/"
    for kind in ("inputs", "results", "archive"):
        assert not list(world.files.listing(world.names.bucket(kind), under))


def test_an_interrupted_run_cleans_up(smoked: SmokedWorld) -> None:
    def interrupted(run: SmokeRun) -> str:
        raise KeyboardInterrupt

    checks = [*with_needs(CHECKS, ["upload"]), Check("stop", "it is stopped", interrupted)]
    with pytest.raises(KeyboardInterrupt):
        look(smoked.target, checks, keep=False, is_quiet=True)
    files = smoked.begin().world.files
    assert not list(files.listing(files.inputs))


def test_what_a_broken_check_would_need_is_left_out_and_the_rest_is_looked_at(
    smoked: SmokedWorld,
) -> None:
    run = smoked.begin()
    run.target = replace(run.target, url="http://localhost:1")
    run.visitor.url = run.target.url
    results = smoked.look(run, "mail", "letters")
    assert results["health"].verdict is Verdict.FAILED
    assert results["mail"].detail == "needs job"
    assert results["letters"].verdict is Verdict.PASSED


# Ten and more faults, each put into a world that works, and each named.


@contextmanager
def dead(smoked: SmokedWorld, name: str) -> Iterator[None]:
    process = smoked.process(name)
    process.signal(signal.SIGKILL)
    process.reap(0)
    yield
    smoked.service.start_tier([process])


def failure(
    smoked: SmokedWorld,
    check: str,
    say: Callable[[CheckResult], None] = lambda result: None,
    run: SmokeRun | None = None,
    **patience: float,
) -> CheckResult:
    """The failure of this very check, where all that it needs has passed."""
    results = smoked.look(run or smoked.begin(**patience), check, say=say)
    found = results.pop(check)
    assert found.verdict is Verdict.FAILED, found
    assert {result.verdict for result in results.values()} <= {Verdict.PASSED}, results
    return found


def test_a_queue_without_a_subscription(smoked: SmokedWorld) -> None:
    sns = smoked.target.client("sns")
    topic = smoked.begin().world.events.arns.topic("job_requests")
    (ours,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    sns.unsubscribe(SubscriptionArn=ours["SubscriptionArn"])
    assert "job_requests does not hear its topic" in failure(smoked, "events").detail
    provision(smoked.target.config)
    assert smoked.look(smoked.begin(), "events")["events"].verdict is Verdict.PASSED


def test_a_policy_that_keeps_browsers_from_uploading(smoked: SmokedWorld) -> None:
    class OtherPolicy(EdgeHandler):
        """The site behind it, with the policy of a site whose bucket has another host."""

        def send_header(self, keyword: str, value: str) -> None:
            if keyword == "Content-Security-Policy":
                value = "default-src 'none'; form-action 'self'; connect-src 'self'"
            super().send_header(keyword, value)

    proxy = Edge(smoked.target.url)
    proxy.RequestHandlerClass = OtherPolicy
    proxy.start()
    run = smoked.begin()
    run.target = replace(run.target, url=proxy.url)
    run.visitor.url = proxy.url
    try:
        assert "browsers refuse to upload" in failure(smoked, "policy", run=run).detail
    finally:
        proxy.shutdown()
        proxy.server_close()


def test_scripts_that_may_not_post_to_the_bucket(smoked: SmokedWorld) -> None:
    s3, bucket = smoked.target.made.s3(), smoked.begin().world.files.inputs
    s3.delete_bucket_cors(Bucket=bucket)
    assert "preflight" in failure(smoked, "cors").detail
    provision(smoked.target.config)


def test_a_site_that_has_another_session_key(smoked: SmokedWorld) -> None:
    secrets, name = smoked.target.client("secretsmanager"), smoked.begin().world.names.secret
    kept = secrets.get_secret_value(SecretId=name)["SecretString"]
    other = {**json.loads(kept), "flask_key": "another"}
    secrets.put_secret_value(SecretId=name, SecretString=json.dumps(other))
    assert "Replace them" in failure(smoked, "session").detail
    secrets.put_secret_value(SecretId=name, SecretString=kept)


def test_a_dead_globus(smoked: SmokedWorld) -> None:
    with dead(smoked, "globus"):
        assert "no answer" in failure(smoked, "login").detail


def test_a_bucket_that_may_be_opened(smoked: SmokedWorld) -> None:
    bucket = smoked.begin().world.files.results
    smoked.target.made.s3().delete_public_access_block(Bucket=bucket)
    assert bucket in failure(smoked, "buckets").detail
    provision(smoked.target.config)


def test_a_dead_letter(smoked: SmokedWorld) -> None:
    queues = smoked.begin().world.queues
    queues.send("restore_dlq", "{}")
    assert "1 in restore_dlq" in failure(smoked, "letters").detail
    (letter,) = queues.receive("restore_dlq", 1, 30)
    queues.delete(letter)


def test_a_dead_annotator(smoked: SmokedWorld) -> None:
    with dead(smoked, "annotator"):
        assert "no annotator has finished" in failure(smoked, "job", job_s=4).detail


def test_a_role_that_may_not_send_mail(smoked: SmokedWorld) -> None:
    denied = {"service": "ses", "status": 403, "code": "AccessDenied", "times": 100}
    control = f"{smoked.service.aws_url}/_gas/fail"
    requests.post(control, json=denied, timeout=PATIENCE_S).raise_for_status()

    def await_refusal(result: CheckResult) -> None:
        if result.name == "job":
            eventually(lambda: smoked.target.log.faults(0))

    found = failure(smoked, "mail", await_refusal, mail_s=1)
    requests.delete(control, timeout=PATIENCE_S).raise_for_status()
    assert "no mail was sent" in found.detail
    assert any("AccessDenied" in line for line in found.log), found.log
    assert "lines of faults" in failure(smoked, "log").detail


def test_a_result_that_was_changed(smoked: SmokedWorld) -> None:
    run = smoked.begin()

    def change(result: CheckResult) -> None:
        if result.name == "job":
            stored = run.job().result
            discard(run.world, stored)
            run.world.files.write(stored.bucket, stored.key, b"not what was annotated")

    assert "SHA-256" in failure(smoked, "download", change, run).detail


def test_a_dead_archiver(smoked: SmokedWorld) -> None:
    with dead(smoked, "archive"), dead(smoked, "sweep"):
        assert "was not archived" in failure(smoked, "archive", archive_s=3).detail


def test_a_bucket_that_does_not_announce_restores(smoked: SmokedWorld) -> None:
    s3, bucket = smoked.target.made.s3(), smoked.begin().world.names.bucket("archive")
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    assert "did not come back" in failure(smoked, "restore", restore_s=8).detail
    provision(smoked.target.config)


def test_a_dead_sweeper(smoked: SmokedWorld) -> None:
    with dead(smoked, "sweep"):
        assert "the sweeper did not find" in failure(smoked, "sweep", sweep_s=6).detail
