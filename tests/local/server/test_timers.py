import logging
import queue

import pytest

from local.server.timers import Timers
from tests.conftest import PATIENCE_S
from tests.local.conftest import NEVER_S


def test_what_is_due_soon_does_not_wait_for_what_was_told_before_it() -> None:
    later, done = Timers(), queue.Queue[str]()
    later.after(NEVER_S, lambda: done.put("at last"))
    for seconds in (0.02, 0.01, 0):
        later.after(seconds, lambda: done.put("soon"))
    assert [done.get(timeout=PATIENCE_S) for _ in range(3)] == ["soon"] * 3
    assert done.empty()


def test_what_fails_is_logged_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    later, done = Timers(), queue.Queue[str]()
    with caplog.at_level(logging.ERROR):
        later.after(0, lambda: done.put(str(1 / 0)))
        later.after(0.05, lambda: done.put("next"))
        assert done.get(timeout=PATIENCE_S) == "next"
    assert "ZeroDivisionError" in caplog.text
