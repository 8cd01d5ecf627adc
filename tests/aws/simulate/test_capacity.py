"""The capacity table: its arithmetic, and that its counts of calls are the real ones."""

import json
import math
from collections import Counter
from typing import Any

from aws.resources import World
from aws.simulate import capacity
from aws.simulate.capacity import Demand
from aws.simulate.template import TEMPLATE
from tests import builders, daemons
from tests.conftest import Clock
from tests.proofs import faults

SIZES = capacity.sizes(TEMPLATE)


def test_every_limit_gives_way_just_where_it_says() -> None:
    for limit in capacity.limits(SIZES):
        jobs_hour = limit.jobs_hour(100_000)
        if math.isfinite(jobs_hour):
            assert limit.uses(Demand(jobs_hour, 100_000)) <= limit.holds, limit.name
            assert limit.uses(Demand(jobs_hour + 2, 100_000)) > limit.holds, limit.name


def test_longer_jobs_take_more_annotators_and_no_more_web() -> None:
    short, long = Demand(20_000, 1_000), Demand(20_000, 5_000_000)
    assert SIZES.annotators(long) > SIZES.annotators(short)
    assert SIZES.web(long) == SIZES.web(short)


def test_a_small_load_takes_the_smallest_groups() -> None:
    assert (SIZES.annotators(Demand(1)), SIZES.web(Demand(1))) == (2, 2)


def test_a_jobs_calls_are_as_many_as_the_table_assumes(world: World, clock: Clock) -> None:
    calls: Counter[str] = Counter()

    def count(model: Any, **_: Any) -> None:
        calls[model.name] += 1

    for client in faults.clients(world):
        client.meta.events.register("before-call.*.*", count)
    job = builders.submitted(world, builders.user(world))
    daemons.bring_to_rest(world, clock, daemons.handlers())
    row = world.jobs.table.get(job.job_id)
    assert calls["PutItem"] <= capacity.WRITES_A_JOB
    assert calls["PutObject"] <= capacity.PUTS_A_JOB
    assert calls["Publish"] <= capacity.EVENTS_A_JOB
    assert calls["SendEmail"] <= capacity.MAILS_A_JOB
    assert len(json.dumps(row, default=str)) <= capacity.UNITS_A_WRITE * 1024
