"""What the annotators' signs of life tell somebody who waits."""

from typing import Any

from ann.beacon import Beacon
from aws.resources import World
from tests.builders import pending, user
from tests.conftest import Clock, Handle
from web.services.annotators import Outlook, SignsOfLife, outlook

NOW = 1_800_000_000.0


def beacon(**different: Any) -> dict[str, Any]:
    return {
        "time": NOW - 30, "every_s": 60, "concurrency": 2, "jobs": 10, "seconds": 40.0, **different
    }  # fmt: skip


def test_the_wait_is_what_the_queue_takes_at_the_pace_of_late() -> None:
    assert outlook([beacon(), beacon()], 30, NOW) == Outlook(2, NOW - 30, 30, 30 * 4.0 / 4)


def test_an_annotator_that_missed_three_signs_counts_no_more() -> None:
    assert outlook([beacon(time=NOW - 181)], 5, NOW) == Outlook(0, NOW - 181, 5, None)


def test_nothing_is_foretold_from_nothing() -> None:
    assert outlook([beacon(jobs=0, seconds=0.0)], 5, NOW).expected_s is None
    assert outlook([], 5, NOW) == Outlook(0, None, 5, None)


def test_the_queue_and_the_signs_are_read_from_aws(world: World, clock: Clock) -> None:
    pending(world, user(world))
    sign = Beacon(world, 2, "host")
    sign.write()
    found = SignsOfLife(world.files, world.queues, clock).outlook()
    world.files.delete(world.files.references, sign.key)  # the world is that of other tests too
    assert found is not None
    assert found.waiting == world.queues.depth("job_requests").visible
    assert found.answering >= 1
    assert found.last_time is not None


def test_a_silent_aws_leaves_the_page_without_an_outlook(
    world: World, clock: Clock, local_aws: Handle
) -> None:
    local_aws.fail("s3", times=50, code=500)
    try:
        assert SignsOfLife(world.files, world.queues, clock).outlook() is None
    finally:
        local_aws.heal()
