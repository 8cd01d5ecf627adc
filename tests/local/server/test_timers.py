import logging
import queue

import pytest

from local.server.timers import Timers
from tests.conftest import PATIENCE_S


def test_things_are_done_in_the_order_of_their_times() -> None:
    later, done = Timers(), queue.Queue[str]()
    later.after(0.2, lambda: done.put("second"))
    later.after(0.1, lambda: done.put("first"))
    assert [done.get(timeout=PATIENCE_S), done.get(timeout=PATIENCE_S)] == ["first", "second"]


def test_what_fails_is_logged_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    later, done = Timers(), queue.Queue[str]()
    with caplog.at_level(logging.ERROR):
        later.after(0, lambda: done.put(str(1 / 0)))
        later.after(0.05, lambda: done.put("next"))
        assert done.get(timeout=PATIENCE_S) == "next"
    assert "ZeroDivisionError" in caplog.text
