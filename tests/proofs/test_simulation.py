"""All daemons in one process, in simulated time, with up to three faults a run."""

from dataclasses import replace

import pytest

from tests.proofs.simulation.explore import explore
from tests.proofs.simulation.plan import Act, Anchor, Fault, Kind, Plan, Setting, Step
from tests.proofs.simulation.rules import find
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
SEEDS, RULE_SEEDS = 200, 100
QUICKLY_NOTICED = [OFF, "1 due-ness is derived in each write", "3 references go before bytes"]
"""`./gas faults --rules` tries them all; docs/faults.md has its table."""


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


@pytest.mark.slow
@pytest.mark.parametrize("rule", QUICKLY_NOTICED)
def test_a_rule_switched_off_is_noticed(rule: str) -> None:
    _, seeds, kinds, _ = find(rule, most=RULE_SEEDS)
    assert seeds, kinds
