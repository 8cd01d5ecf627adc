"""Makes a failing plan smaller for as long as it still fails in the same way."""

from collections.abc import Iterator
from dataclasses import replace

from tests.proofs.simulation.plan import LASTS, Plan, Setting
from tests.proofs.simulation.run import Off, Outcome, run

MAX_RUNS = 150


def smaller(plan: Plan) -> Iterator[Plan]:
    """Every plan that lacks one thing of this one, or has one thing plainer; the world first."""
    for plain in (Setting(), Setting(backend=plan.setting.backend)):
        if plan.setting not in (Setting(), plain):
            yield replace(plan, setting=plain)
    for number in range(len(plan.faults)):
        yield replace(plan, faults=plan.faults[:number] + plan.faults[number + 1 :])
    for number in reversed(range(len(plan.steps))):
        yield replace(plan, steps=plan.steps[:number] + plan.steps[number + 1 :])
    for name, value in vars(Setting()).items():
        if getattr(plan.setting, name) != value:
            yield replace(plan, setting=replace(plan.setting, **{name: value}))
    for number, fault in enumerate(plan.faults):
        for seconds in LASTS.get(fault.kind, ()):
            if seconds < fault.seconds:
                shorter = (*plan.faults[:number], replace(fault, seconds=seconds))
                yield replace(plan, faults=shorter + plan.faults[number + 1 :])


def shrink(failed: Outcome, off: Off | None = None, most: int = MAX_RUNS) -> Outcome:
    """The smallest outcome that was found to violate an invariant of the same kind."""
    runs = 0
    while runs < most:
        for plan in smaller(failed.plan):
            runs += 1
            outcome = run(plan, off)
            if outcome.kinds & failed.kinds:
                failed = outcome
                break
            if runs >= most:
                return failed
        else:
            return failed
    return failed
