from werkzeug.datastructures import MultiDict

from web.display.pagination import TRAIL, Turn


def test_one_can_step_forward_and_all_the_way_back() -> None:
    turn, places = Turn.of(MultiDict()), []
    for token in ("a", "b", "c"):
        places.append(turn.after)
        turn = Turn.of(MultiDict(turn.next(token)))
    assert (turn.after, turn.number) == ("c", 4)
    while places:
        turn = Turn.of(MultiDict(turn.previous()))
        assert turn.after == places.pop()
    assert turn.previous() is None


def test_the_trail_stays_short() -> None:
    turn = Turn.of(MultiDict())
    for number in range(500):
        turn = Turn.of(MultiDict(turn.next(str(number))))
    assert len(turn.trail) == TRAIL
    assert turn.number == 501


def test_rubbish_in_the_address_is_the_first_page() -> None:
    turn = Turn.of(MultiDict({"page": "-5", "trail": "!!", "after": ""}))
    assert turn == Turn(None)
