"""Parts of objects, also from a store that does not do as it is asked."""

from typing import Any

from aws.resources import World


def test_no_more_of_an_object_is_read_than_was_asked_for(world: World) -> None:
    files = world.files
    files.write(files.results, "long", b"0123456789")
    assert files.part(files.results, "long", 3, 4) == b"3456"
    assert files.part(files.results, "long", 8, 4) == b"89"
    assert files.part(files.results, "long", 10, 4) == b""
    events, event = files.s3.meta.events, "before-send.s3.GetObject"
    events.register(event, without_range)
    assert files.part(files.results, "long", 0, 4) == b"0123"
    events.unregister(event, without_range)


def without_range(request: Any, **_: Any) -> None:
    """Ask for the whole object, as if the store did not know the header."""
    del request.headers["Range"]
