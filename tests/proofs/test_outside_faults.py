"""Faults of AWS: each service throttles, fails or is slow, and nothing is lost."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from aws import outbox
from aws.resources import World
from tests import builders, daemons
from tests.conftest import Clock, Handle
from tests.proofs import invariants

SERVICES = ["dynamodb", "s3", "sns", "sqs", "ses"]
TIMES = 6
"""More than botocore's own tries of one call; throttling it waits out, for longer each time."""
FAULTS: dict[str, dict[str, Any]] = {
    "throttles": {"times": 3, "status": 400, "code": "ThrottlingException"},
    "fails": {"times": TIMES, "status": 503, "code": "ServiceUnavailable"},
    "is slow": {"times": TIMES, "status": 0, "delay_s": 0.3},
}


def persist(act: Callable[[], object]) -> None:
    """Act again until it succeeds, as a person does and as a message that comes again."""
    for _ in range(TIMES):
        with suppress(ClientError, BotoCoreError):
            act()
            return


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("service", SERVICES)
def test_a_result_lives_its_whole_life_whatever_a_service_does(
    world: World, clock: Clock, local_aws: Handle, service: str, fault: str
) -> None:
    account = builders.user(world)
    job = builders.uploaded(world, account)
    handlers = daemons.handlers()
    for step in (
        lambda: outbox.flush(world, world.jobs.submit(job)),
        lambda: world.accounts.subscribe(account.user_id),
    ):
        local_aws.fail(service, **FAULTS[fault])
        try:
            persist(step)
            persist(lambda: daemons.bring_to_rest(world, clock, handlers))
        finally:
            local_aws.heal()
    daemons.take_stock(world)
    archives = local_aws.archives(world)
    found = invariants.check(world, local_aws.mail(), {job.job_id}, archives)
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
        daemons.deliver_queue(world, "restore", daemons.handlers()["restore"])
        retrieval = world.jobs.get(job.job_id).retrieval
        assert retrieval is not None
        assert (retrieval.tier, retrieval.expedited_refused) == ("Standard", True)
        daemons.bring_to_rest(world, clock, daemons.handlers())
    finally:
        local_aws.settings(capacity="ok")
    assert world.jobs.get(job.job_id).is_hot
