"""The share that the words of a job's progress tell."""

import pytest

from web.display.progress import share_of


@pytest.mark.parametrize(
    ("words", "share"),
    [
        ("annotating 120,000 of about 1,000,000", 0.12),
        ("writing 5 of 4", 1.0),
        ("writing 0 of 0", None),
        ("indexing", None),
        ("", None),
        (None, None),
    ],
)
def test_words_that_count_give_a_share(words: str | None, share: float | None) -> None:
    assert share_of(words) == share
