"""Downloads that the site makes itself: few at a time, and each with an end."""

from collections.abc import Generator

import pytest
from flask import Flask
from werkzeug.exceptions import TooManyRequests

from aws.resources import World
from tests import builders
from tests.conftest import Clock
from tests.web.browser import Person, visitor
from web.services.streams import LONGEST_S, NoPlace, Streams, TooLong
from web.streaming import streamed


def archive_of(world: World, person: Person) -> str:
    return f"/annotations/download?job={builders.mailed(world, person).job_id}"


def test_who_has_two_downloads_under_way_waits_until_one_is_over(
    grace: Person, world: World
) -> None:
    path = archive_of(world, grace)
    first, second = (grace.client.get(path, buffered=False) for _ in range(2))
    refused = grace.get(path)
    assert (refused.status_code, "2 downloads" in refused.text) == (429, True)
    assert refused.headers["Retry-After"] == "60"
    first.close()
    assert grace.get(path).status_code == 200
    second.close()


def test_an_address_of_ipv6_counts_with_its_neighbours(app: Flask) -> None:
    def begin(address: str) -> int:
        with app.test_request_context(environ_overrides={"REMOTE_ADDR": address}):
            return streamed((b"" for _ in "a"), "text/plain", "a.txt").status_code

    assert [begin(f"2001:db8::{n}") for n in (1, 2)] == [200, 200]
    with pytest.raises(TooManyRequests):
        begin("2001:db8::3")
    assert begin("2001:db8:0:1::1") == 200


def test_a_download_that_was_read_or_only_asked_about_leaves_its_place(
    grace: Person, world: World
) -> None:
    path = archive_of(world, grace)
    for _ in range(5):
        assert grace.get(path).status_code == 200
        assert grace.client.head(path).status_code == 200


def test_downloads_leave_half_of_the_threads_to_pages(app: Flask, world: World) -> None:
    people = [visitor(app, world, premium=True) for _ in range(4)]
    paths = [archive_of(world, person) for person in people]
    replies = [
        person.client.get(path, buffered=False)
        for person, path in zip(people, paths, strict=True)
        for _ in range(2)
    ]
    assert [reply.status_code for reply in replies] == [200] * 6 + [503] * 2
    assert "try again in a minute" in replies[-1].text
    for reply in replies:
        reply.close()


def test_a_download_that_fails_while_it_is_closed_leaves_its_place(app: Flask) -> None:
    def unclosable() -> Generator[bytes]:
        try:
            yield b""
        finally:
            raise ConnectionError

    for _ in range(3):
        with app.test_request_context():
            reply = streamed(unclosable(), "text/plain", "a.txt")
            next(iter(reply.response))
            with pytest.raises(ConnectionError):
                reply.close()


def test_a_reader_who_takes_too_long_loses_the_rest(clock: Clock) -> None:
    parts = Streams(1, 1, clock).bounded(iter([b"1", b"2", b"3"]))
    assert next(parts) == b"1"
    clock.advance(LONGEST_S + 1)
    with pytest.raises(TooLong):
        next(parts)


def test_a_place_is_given_back(clock: Clock) -> None:
    streams = Streams(1, 1, clock)
    for reader in ("ada", "grace"):
        streams.begin(reader)
        with pytest.raises(NoPlace):
            streams.begin("eve")
        streams.end(reader)
