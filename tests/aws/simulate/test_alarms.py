"""Alarms: windows that slide, data that comes late or never; the tables are AWS's.

"Configuring how CloudWatch alarms treat missing data", CloudWatch user guide.
"""

import pytest

from aws.simulate.alarms import Alarm, AlarmState, LiveAlarm
from aws.simulate.metrics import Metrics, Query, Stat, delays

GAUGE = Query({"value": Stat("AWS/AutoScaling", "gauge", "Maximum")})


def alarm(missing: str = "missing", periods: int = 3, datapoints: int = 3) -> Alarm:
    return Alarm(GAUGE, "GreaterThanThreshold", 1.0, periods, datapoints, missing)


def points(text: str) -> list[float | None]:
    """X breaches, 0 does not, - is missing; the newest is last."""
    return [{"X": 2.0, "0": 0.0, "-": None}[letter] for letter in text]


TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
STATES = {
    "ok": AlarmState.OK,
    "alarm": AlarmState.ALARM,
    "none": AlarmState.INSUFFICIENT_DATA,
}


@pytest.mark.parametrize("before", AlarmState)
@pytest.mark.parametrize(
    ("datapoints", "text", "states"),
    [
        (3, "0-X-X", "ok ok ok ok"),
        (3, "0----", "ok ok ok ok"),
        (3, "-----", "none keep alarm ok"),
        (3, "0XX-X", "alarm alarm alarm alarm"),
        (3, "----X", "none keep alarm ok"),
        (3, "X----", "alarm keep alarm ok"),
        (2, "0-X-X", "alarm alarm alarm alarm"),
        (2, "00X0X", "alarm alarm alarm alarm"),
        (2, "0-X--", "ok ok alarm ok"),
        (2, "----0", "ok ok alarm ok"),
        (2, "----X", "none keep alarm ok"),
    ],
)
def test_the_guides_tables_hold(
    datapoints: int, text: str, states: str, before: AlarmState
) -> None:
    for missing, state in zip(TREATMENTS, states.split(), strict=True):
        found = alarm(missing, 3, datapoints).state(points(text), before)
        assert found is (before if state == "keep" else STATES[state]), missing


def test_real_datapoints_further_back_count_before_any_treatment() -> None:
    for missing in TREATMENTS:
        one = alarm(missing, periods=1, datapoints=1)
        assert one.state(points("0X-"), AlarmState.OK) is AlarmState.ALARM
        assert one.state(points("X0-"), AlarmState.OK) is AlarmState.OK


def test_some_datapoints_of_several_are_enough_where_it_says_so() -> None:
    assert alarm(periods=3, datapoints=2).state(points("00X0X"), AlarmState.OK) is AlarmState.ALARM


def test_a_window_of_ten_minutes_slides_by_the_minute() -> None:
    metrics = Metrics()
    sent = Query({"value": Stat("AWS/SQS", "sent", "Sum", 600)})
    live = LiveAlarm(Alarm(sent, "GreaterThanThreshold", 50.0), metrics)
    for minute in range(12):
        metrics.put("sent", minute, 6.0)
    in_alarm = [m for m in range(14) if live.evaluate(m * 60)]
    assert in_alarm[0] == 10, "nine full minutes, and SQS a minute late"


DEPTH = Query({"value": Stat("AWS/SQS", "depth", "Maximum")})


@pytest.mark.parametrize(("delay_s", "first"), [(0.0, 1), (60.0, 2), (90.0, 3), (120.0, 3)])
def test_a_value_is_read_no_sooner_than_it_is_published(delay_s: float, first: int) -> None:
    metrics = Metrics(delays(delay_s))
    metrics.put("depth", 0, 9.0)
    live = LiveAlarm(Alarm(DEPTH, "GreaterThanThreshold", 1.0), metrics)
    assert next(m for m in range(9) if live.evaluate(m * 60)) == first


def test_an_alarm_looks_two_periods_further_back_and_no_more() -> None:
    """So one of one period never sees a metric that is three minutes late, one of three does."""
    for periods, seen in ((1, False), (3, True)):
        metrics = Metrics(delays(180.0))
        one = Alarm(DEPTH, "GreaterThanThreshold", 1.0, periods, 1, "notBreaching")
        live = LiveAlarm(one, metrics)
        for minute in range(10):
            metrics.put("depth", minute, 9.0)
        assert bool(live.evaluate(600)) is seen


def test_a_query_does_not_wait_for_its_latest_metric() -> None:
    """The filler is the newest datapoint for ever: the guide's warning about FILL in alarms."""
    metrics = Metrics(delays(60.0))
    stats = {
        "depth": Stat("AWS/SQS", "depth", "Maximum"),
        "n": Stat("AWS/AutoScaling", "n", "Maximum"),
    }
    for minute in range(10):
        metrics.put("depth", minute, 9.0)
        metrics.put("n", minute, 1.0)
    for expression, seen in (
        ("FILL(depth, 0) / n", []),
        ("depth / n", []),
        ("IF((depth >= 0) * (n >= 0), depth / n)", [9.0]),
    ):
        query = Query(stats, {"load": expression}, "load")
        live = LiveAlarm(Alarm(query, "GreaterThanThreshold", 1.0), metrics)
        assert live.evaluate(600) == seen, expression


def test_the_values_that_act_are_those_evaluated() -> None:
    metrics = Metrics()
    for minute, value in enumerate((9.0, 5.0, 3.0, 8.0)):
        metrics.put("gauge", minute, value)
    assert LiveAlarm(alarm(), metrics).evaluate(240) == [5.0, 3.0, 8.0]
