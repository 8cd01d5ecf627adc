import pytest

from web.display.formatting import (
    ago_words,
    iso,
    moment_words,
    number_words,
    size_words,
    span_words,
)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (150_000, "150 kB"),
        (48_211, "48.2 kB"),
        (999_999, "1 MB"),
        (5_000_000_000, "5 GB"),
        (7e15, "7000 TB"),
    ],
)
def test_sizes(size: int, words: str) -> None:
    assert size_words(size) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.42, "0.4 s"),
        (3, "3 s"),
        (200, "3 min 20 s"),
        (300, "5 min"),
        (59, "59 s"),
        (18_000, "5 h"),
        (20_000, "5 h 33 min"),
        (400_000, "4 days 15 h"),
    ],
)
def test_spans(seconds: float, words: str) -> None:
    assert span_words(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (30, "30 s ago"),
        (180, "3 min ago"),
        (7200, "2 h ago"),
        (260_000, "3 days ago"),
        (-17_999, "in 5 h"),
    ],
)
def test_how_long_ago(seconds: int, words: str) -> None:
    assert ago_words(1_000_000, 1_000_000 + seconds) == words


def test_moments_are_utc() -> None:
    assert moment_words(1_700_000_000) == "14 Nov 2023, 22:13 UTC"
    assert iso(1_700_000_000.5) == "2023-11-14T22:13:20Z"


def test_numbers_have_separators() -> None:
    assert number_words(1141) == "1,141"
