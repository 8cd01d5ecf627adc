"""Least privilege: each process's real calls to AWS are within its role of the template."""

from collections.abc import Callable, Iterable

import pytest

from aws import outbox
from aws.events import Event
from aws.processes import DAEMONS
from aws.resources import World
from aws.stack.template import rendered
from tests import builders, daemons
from tests.aws.stack.iam import Need, Rights, recorded
from tests.aws.stack.parsed import ACCOUNT, REGION, Parsed
from tests.conftest import Handle
from tests.proofs import test_crash_points as acts
from tests.web import browser
from tests.web.conftest import site
from util import inventory

QUEUES = {daemon: queue for queue, daemon in DAEMONS.items()}
ACTS: dict[str, list[Callable[[World], acts.Act]]] = {
    "web": [acts.submit, acts.subscribe, acts.unsubscribe],
    "annotator": [acts.annotate, acts.take_over],
    "notify": [acts.mail],
    "archive": [acts.store, acts.store_of_an_upgraded_user],
    "restore": [acts.follow_role],
    "thaw": [acts.thaw_result],
    "sweep": [acts.sweep_all],
}
VISIBILITY_S = 30


def rights(world: World, process: str) -> Rights:
    config = world.config
    parsed = Parsed(
        rendered(),
        Prefix=config.gas.prefix,
        ArchiveBackend=config.archive.backend,
        ArchiveVault=config.archive.vault,
        MailSender=config.mail.sender,
    )
    return Rights(parsed, process)


def beyond(world: World, process: str, needs: Iterable[Need]) -> list[Need]:
    allowed = rights(world, process)
    return sorted(one for one in needs if not allowed.allow(one))


@pytest.mark.parametrize("backend", ["s3", "vault"], indirect=True)
@pytest.mark.parametrize("process", ACTS)
def test_a_process_stays_within_its_role(
    process: str, backend: str, world: World, local_aws: Handle
) -> None:
    local_aws.settings(expedited_s=0, standard_s=0)
    for prepare in ACTS[process]:
        act = prepare(world)
        with recorded(world) as needs:
            act(world)
        assert needs
        assert beyond(world, process, needs) == []


@pytest.mark.parametrize("process", QUEUES)
def test_a_daemon_may_serve_its_queue_and_no_other(process: str, world: World) -> None:
    account = builders.user(world)
    queue = QUEUES[process]
    world.queues.send(queue, '{"job_id": "none", "user_id": "' + account.user_id + '"}')
    with recorded(world) as needs:
        for message in world.queues.receive(queue, 1, VISIBILITY_S):
            world.queues.change_visibility(message, 0)
        for message in world.queues.receive(queue, 1, VISIBILITY_S):
            world.queues.delete(message)
    assert {n.action for n in needs} >= {"sqs:ReceiveMessage", "sqs:DeleteMessage"}
    assert beyond(world, process, needs) == []
    for other in QUEUES.keys() - {process}:
        assert set(beyond(world, other, needs)) == needs


@pytest.mark.parametrize("backend", ["s3", "vault"], indirect=True)
def test_an_inventory_is_within_the_sweepers_role(backend: str, world: World) -> None:
    job = builders.archived(world, builders.user(world))
    with recorded(world) as needs:
        inventory.take(world)
        daemons.take_stock(world)
        world.files.delete(world.files.results, f"{world.files.keys.prefix}/{job.user_id}/x~1/a")
    assert beyond(world, "sweep", needs) == []


def test_no_role_deletes_what_it_need_not(world: World) -> None:
    """Garbage that a process may not delete stays in its row, for the sweeper."""
    files, archives = world.files, f"{world.config.gas.prefix}-archive"
    buckets = (files.inputs, files.results, files.references, archives)
    found = {
        process: [
            bucket
            for bucket in buckets
            if rights(world, process).allow(Need("s3:DeleteObject", f"arn:aws:s3:::{bucket}/a/b"))
        ]
        for process in ACTS
    }
    assert found == {
        "web": [files.inputs, files.results],
        "annotator": [files.results],
        "notify": [],
        "archive": [files.results, archives],
        "restore": [],
        "thaw": [files.results, archives],
        "sweep": [files.inputs, files.results, archives],
    }


def test_an_annotator_says_what_references_it_has_and_changes_none(world: World) -> None:
    """Every annotator loads them at its boot: one that is taken over must not reach the others."""

    def may_write(process: str, key: str) -> bool:
        need = Need("s3:PutObject", f"arn:aws:s3:::{world.files.references}/{key}")
        return rights(world, process).allow(need)

    keys = (
        "human/reference.json",
        "annotators/host.json",
        "human/genome.fa",
        "human/genes.gff3.gz",
    )
    writes = {process: [key for key in keys if may_write(process, key)] for process in ACTS}
    assert writes.pop("annotator") == ["human/reference.json", "annotators/host.json"]
    assert not any(writes.values())


def test_the_site_stays_within_its_role(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    person = browser.visitor(site(world, monkeypatch), world)
    with recorded(world) as needs:
        job_id = browser.submit(person)
        for path in ("/", "/profile", "/annotations", f"/annotations/{job_id}"):
            assert person.get(path).status_code == 200
        person.post(f"/annotations/{job_id}/cancel", f"/annotations/{job_id}")
    with recorded(world) as more:
        finished = builders.completed(world, person)
    with recorded(world) as looked:
        for part in ("", "/status", "/summary", "/log", "/download", "/index"):
            assert person.get(f"/annotations/{finished.job_id}{part}").status_code < 400
        person.post("/subscribe", "/subscribe")
        person.post("/unsubscribe", "/unsubscribe")
    assert beyond(world, "web", needs | looked) == []
    assert beyond(world, "web", more), "an annotator's work must be beyond the site"
    upload = f"arn:aws:s3:::{world.files.inputs}/{world.files.keys.prefix}/u/j~a.vcf"
    assert rights(world, "web").allow(Need("s3:PutObject", upload))


def test_only_the_site_reads_its_secret_and_only_annotators_hold_their_instance(
    world: World,
) -> None:
    prefix = world.config.gas.prefix
    secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{prefix}/web-abcdef"
    group = (
        f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:1-2-3:"
        f"autoScalingGroupName/{prefix}-annotator"
    )
    needs = {
        "web": Need("secretsmanager:GetSecretValue", secret),
        "annotator": Need("autoscaling:SetInstanceProtection", group),
    }
    for process in ACTS:
        for owner, one in needs.items():
            assert rights(world, process).allow(one) is (process == owner)
    assert rights(world, "annotator").allow(Need("autoscaling:SetInstanceHealth", group))


def test_nobody_but_the_mailer_mails_and_only_as_the_sender(world: World) -> None:
    def mails(process: str, sender: str) -> bool:
        arn = f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/{sender}"
        return rights(world, process).allow(Need("ses:SendEmail", arn, sender))

    sender = world.config.mail.sender
    assert [process for process in ACTS if mails(process, sender)] == ["notify"]
    assert not mails("notify", "somebody@example.org")


def test_the_recorder_sees_what_a_handler_does(world: World) -> None:
    job = builders.completed(world, builders.user(world))
    with recorded(world) as needs:
        daemons.handlers()["job_results"](world, Event(outbox.flush(world, job).event))
    assert {"dynamodb:PutItem", "ses:SendEmail", "sns:Publish"} <= {n.action for n in needs}
