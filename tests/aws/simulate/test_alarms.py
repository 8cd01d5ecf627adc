"""Alarms: windows that slide, data that comes late or never."""

import pytest

from aws.simulate.alarms import Alarm, AlarmState, LiveAlarm
from aws.simulate.metrics import Metrics, Query, Stat

GAUGE = Query({"value": Stat("AWS/AutoScaling", "gauge", "Maximum")})


def alarm(missing: str = "missing", periods: int = 3, datapoints: int = 3) -> Alarm:
    return Alarm(GAUGE, "GreaterThanThreshold", 1.0, periods, datapoints, missing)


def points(text: str) -> list[float | None]:
    """X breaches, 0 does not, - is missing; the newest is last."""
    return [{"X": 2.0, "0": 0.0, "-": None}[letter] for letter in text]


@pytest.mark.parametrize(
    ("text", "missing", "state"),
    [
        ("00XXX", "missing", AlarmState.ALARM),
        ("XX0XX", "missing", AlarmState.OK),
        ("-----", "missing", AlarmState.INSUFFICIENT_DATA),
        ("0XX-X", "missing", AlarmState.ALARM),
        ("--X--", "missing", AlarmState.ALARM),
        ("----X", "missing", AlarmState.OK),
        ("--X-0", "missing", AlarmState.OK),
        ("00XX-", "notBreaching", AlarmState.OK),
        ("00XX-", "breaching", AlarmState.ALARM),
        ("00---", "ignore", AlarmState.OK),
    ],
)
def test_missing_data_is_treated_as_declared(text: str, missing: str, state: AlarmState) -> None:
    assert alarm(missing).state(points(text), AlarmState.OK) is state


def test_some_datapoints_of_several_are_enough_where_it_says_so() -> None:
    assert alarm(periods=3, datapoints=2).state(points("00X0X"), AlarmState.OK) is AlarmState.ALARM


def test_a_window_of_ten_minutes_slides_by_the_minute() -> None:
    metrics = Metrics()
    sent = Query({"value": Stat("AWS/SQS", "sent", "Sum", 600)})
    live = LiveAlarm(Alarm(sent, "GreaterThanThreshold", 50.0), metrics)
    for minute in range(12):
        metrics.put("sent", minute, 6.0)
    in_alarm = [m for m in range(14) if live.evaluate(m * 60) is not None]
    assert in_alarm[0] == 10, "nine full minutes, and SQS a minute late"


def test_a_value_is_read_no_sooner_than_it_is_published() -> None:
    metrics = Metrics()
    metrics.put("depth", 0, 9.0)
    queue = Query({"value": Stat("AWS/SQS", "depth", "Maximum")})
    live = LiveAlarm(Alarm(queue, "GreaterThanThreshold", 1.0), metrics)
    assert [live.evaluate(second) for second in (60, 120)] == [None, 9.0]


def test_the_value_that_acts_is_the_newest() -> None:
    metrics = Metrics()
    for minute, value in enumerate((5.0, 3.0, 8.0)):
        metrics.put("gauge", minute, value)
    assert LiveAlarm(alarm(), metrics).evaluate(180) == 8.0
