"""Faults of what we do not own: each service throttles, fails or is slow, and nothing is lost."""

from contextlib import suppress

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from aws import outbox
from aws.resources import World
from tests import builders
from tests.conftest import Clock, Handle
from tests.proofs import invariants

SERVICES = ["dynamodb", "s3", "sns", "sqs", "ses"]
TIMES = 6
"""More than botocore's own tries of one call; throttling it waits out, for longer each time."""
FAULTS = {
    "throttles": {"times": 3, "status": 400, "code": "ThrottlingException"},
    "fails": {"times": TIMES, "status": 503, "code": "ServiceUnavailable"},
    "is slow": {"times": TIMES, "status": 0, "delay_s": 0.3},
}


def persist(act: object) -> None:
    """The visitor tries again, as a person does; a daemon's message would come again."""
    for _ in range(TIMES):
        with suppress(ClientError, BotoCoreError):
            act()  # type: ignore[operator]
            return


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("service", SERVICES)
def test_a_result_lives_its_whole_life_whatever_a_service_does(
    world: World, clock: Clock, local_aws: Handle, service: str, fault: str
) -> None:
    account = builders.user(world)
    job = builders.uploaded(world, account)
    handlers = builders.handlers()
    for step in (
        lambda: outbox.flush(world, world.jobs.submit(job)),
        lambda: world.accounts.subscribe(account.user_id),
    ):
        local_aws.fail(service, **FAULTS[fault])
        persist(step)
        persist(lambda: builders.settle(world, clock, handlers))
        local_aws.heal()
    builders.take_stock(world)
    found = invariants.check(world, local_aws.mail(), {job.job_id})
    assert found.violations == []


def test_a_shortage_of_expedited_capacity_falls_back_to_standard(
    world: World, clock: Clock, local_aws: Handle
) -> None:
    account = builders.user(world)
    job = builders.archived(world, account)
    world.accounts.subscribe(account.user_id)
    local_aws.settings(capacity="short")
    try:
        outbox.announce_role(world, account.user_id)
        builders.deliver_queue(world, "restore", builders.handlers()["restore"])
        asked = world.jobs.get(job.job_id).retrieval
        assert asked is not None
        assert (asked.tier, asked.expedited_refused) == ("Standard", True)
        builders.settle(world, clock, builders.handlers())
    finally:
        local_aws.settings(capacity="ok")
    assert world.jobs.get(job.job_id).is_hot
