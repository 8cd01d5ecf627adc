"""All daemons in one process, in simulated time, with up to three faults a run."""

from dataclasses import replace

import pytest

from tests.proofs.simulation.explore import explore
from tests.proofs.simulation.plan import Act, Anchor, Fault, Kind, Plan, Setting, Step
from tests.proofs.simulation.run import run
from tests.proofs.simulation.shrink import shrink
from tests.proofs.simulation.steering import BLOCK, Block
from tests.proofs.simulation.story import story
from tests.proofs.test_mutations import RULES

QUIET = Plan(1, Setting(), (Step(Act.SUBMIT, 0),))
"""One job of a free user, and no fault."""
DEAD = Fault(Anchor("annotator", "put_item annotations RUNNING>hot", 1), Kind.DIE_BEFORE)
LOST = Fault(Anchor("notify", "publish job_results hot", 1), Kind.LOST_MESSAGE)
OFF = "4 commit before delete"
SEEDS = 200


def fault(daemon: str, call: str, kind: Kind, seconds: float = 0) -> Fault:
    """A fault at the first such call."""
    return Fault(Anchor(daemon, call, 1), kind, seconds)


UPGRADED = replace(QUIET, steps=(*QUIET.steps, Step(Act.UPGRADE, 0, at_s=1000)))
"""One job, archived, whose owner goes premium."""
NOTICED = {
    "5 the loser re-reads": (
        QUIET,
        fault("archive", "put_item annotations leaving>archived", Kind.LOST_REPLY, 300),
    ),
    "7 a change of role is unfinished work": (
        UPGRADED,
        fault("web", "publish restore", Kind.DIE_BEFORE),
    ),
    "10 a thaw verifies the bytes": (
        UPGRADED,
        fault("thaw", "get_object archive thawing", Kind.DAMAGED),
    ),
    "10 an archive verifies the bytes": (
        QUIET,
        fault("archive", "get_object results leaving", Kind.DAMAGED),
    ),
    "11 marked after it was mailed": (QUIET, fault("notify", "send_email hot", Kind.DIE_BEFORE)),
    "12 an outage is no crash": (
        QUIET,
        fault("annotator", "put_object results RUNNING", Kind.REFUSED),
    ),
}
"""The one fault by which each of these rules is missed."""


def test_a_plan_is_the_same_run_each_time() -> None:
    plan = replace(QUIET, faults=(DEAD,))
    first, again = run(plan), run(Plan.parse(str(plan)))
    assert first.record.story == again.record.story
    assert first.record.labels == again.record.labels
    assert first.simulated_s == again.simulated_s


def test_a_fault_happens_at_its_anchor_and_the_world_comes_to_rest_all_the_same() -> None:
    outcome = run(replace(QUIET, faults=(DEAD,)))
    assert [fault for fault, _ in outcome.record.fired] == [DEAD]
    assert outcome.violations == []


def test_a_block_leads_to_the_same_plans_each_time() -> None:
    first, again = Block(0), Block(0)
    for _ in range(30):
        plan = first.next()
        assert str(again.next()) == str(plan)
        outcome = run(plan)
        assert first.learn(outcome) == again.learn(outcome)


def test_a_failing_plan_is_made_smaller_and_told_as_a_story() -> None:
    crowded = replace(
        QUIET,
        setting=Setting(backend="vault", instances=2),
        steps=(*QUIET.steps, Step(Act.SUBMIT, 1, 1, 10)),
        faults=(LOST,),
    )
    failed = run(crowded, RULES[OFF][1])
    small = shrink(failed, RULES[OFF][1])
    assert small.plan == QUIET
    text = story(1, small)
    assert text.startswith("seed 1: no copy: job #1")
    assert f"./gas faults --plan '{QUIET}'" in text


@pytest.mark.slow
@pytest.mark.parametrize("first", [0, BLOCK])
def test_every_invariant_holds_whatever_fails(first: int) -> None:
    tally = explore(first, SEEDS)
    assert tally.failures == []
    assert max(tally.faults) >= 3


@pytest.mark.parametrize("rule", NOTICED)
def test_a_rule_is_missed_where_its_fault_happens(rule: str) -> None:
    plan, its_fault = NOTICED[rule]
    faulty = replace(plan, faults=(its_fault,))
    held = run(faulty)
    assert [fault for fault, _ in held.record.fired] == [its_fault]
    assert held.violations == []
    assert run(faulty, RULES[rule][1]).violations
