from werkzeug.datastructures import MultiDict

from web.display.pagination import TRAIL, PageCursor


def test_one_can_step_forward_and_all_the_way_back() -> None:
    cursor, starts = PageCursor.of(MultiDict()), []
    for token in ("a", "b", "c"):
        starts.append(cursor.after)
        cursor = PageCursor.of(MultiDict(cursor.next(token)))
    assert (cursor.after, cursor.number) == ("c", 4)
    while starts:
        cursor = PageCursor.of(MultiDict(cursor.previous()))
        assert cursor.after == starts.pop()
    assert cursor.previous() is None


def test_the_trail_stays_short() -> None:
    cursor = PageCursor.of(MultiDict())
    for number in range(500):
        cursor = PageCursor.of(MultiDict(cursor.next(str(number))))
    assert len(cursor.trail) == TRAIL
    assert cursor.number == 501


def test_rubbish_in_the_address_is_the_first_page() -> None:
    cursor = PageCursor.of(MultiDict({"page": "-5", "trail": "!!", "after": ""}))
    assert cursor == PageCursor(None)
