"""The two recorded runs come out of the simulator, minute by minute."""

from dataclasses import replace

import pytest

from aws.simulate import observed
from aws.simulate.observed import ANNOTATOR_END, ANNOTATOR_STEPS, FIT


def test_the_web_group_is_equal_in_every_minute() -> None:
    found = observed.web()
    assert (found.minutes, found.equal, found.largest_error) == (76, 76, 0)


def test_without_the_late_evaluation_the_web_group_is_not() -> None:
    assert observed.web(replace(FIT, web_late={})).equal < 50


@pytest.mark.parametrize("late_s", [15.0, 25.0, 35.0])
def test_any_late_evaluation_of_15_to_35_s_explains_the_dip(late_s: float) -> None:
    assert observed.web(replace(FIT, web_late={"17:35": late_s})).equal == 76


def test_the_annotators_scale_out_in_just_the_minutes_seen() -> None:
    simulated = observed.annotator_run().serving
    seen = observed.curve(ANNOTATOR_STEPS, ANNOTATOR_END)
    until = observed.minute_of("09:08") - observed.minute_of("07:45")
    assert simulated[:until] == seen[:until]


def test_no_step_of_the_annotators_is_more_than_a_minute_off() -> None:
    found = observed.annotator()
    assert (found.minutes, found.equal, found.largest_shift_min) == (106, 105, 1)


def test_with_one_termination_time_for_all_it_is_hardly_worse() -> None:
    found = observed.annotator(replace(FIT, slow_terminations={}))
    assert (found.equal, found.largest_shift_min) == (104, 1)


def test_without_waiting_for_terminations_it_is_much_worse() -> None:
    found = observed.annotator(replace(FIT, terminate_s=5.0, slow_terminations={}))
    assert found.equal <= 98
    assert found.largest_shift_min is not None
    assert found.largest_shift_min >= 7


def test_a_start_of_more_than_a_minute_does_not_fit() -> None:
    slow = replace(FIT, start_s=66.0)
    assert observed.web(slow).equal < 60
    assert observed.annotator(slow).equal < 90


def test_the_web_thresholds_do_not_matter() -> None:
    """They were not recorded; half or twice the load gives the same curve."""
    for requests_s in (5.0, 20.0):
        assert observed.web(replace(FIT, web_requests_s=requests_s)).equal == 76
