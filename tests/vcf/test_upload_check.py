import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vcf.samples import INCOMPLETE, KINDS, POSSIBLE, VCF, packed
from vcf.file_type import TEXT_BYTES
from vcf.upload_check import refusal


def refusal_of_file(body: bytes) -> str | None:
    """The words for a file of which the site has read the first bytes."""
    return refusal(body[:TEXT_BYTES], len(body))


@pytest.mark.parametrize("name", POSSIBLE)
def test_what_may_be_a_vcf_is_let_through(name: str) -> None:
    assert refusal_of_file(POSSIBLE[name]) is None


@pytest.mark.parametrize("name", KINDS)
def test_what_is_no_vcf_is_refused_by_its_kind(name: str) -> None:
    body, words = KINDS[name]
    assert words in (refusal_of_file(body) or "nothing")


@pytest.mark.parametrize("name", INCOMPLETE)
def test_a_vcf_without_its_end_is_refused(name: str) -> None:
    body, words = INCOMPLETE[name]
    assert words in (refusal_of_file(body) or "nothing")


@given(st.binary(max_size=300), st.booleans())
def test_nothing_crashes_it(body: bytes, is_packed: bool) -> None:
    data = packed(VCF) + body if is_packed else body
    for head in (data, data[: len(data) // 2], b"\x1f\x8b" + body):
        assert refusal(head, len(data)) is None or len(refusal(head, len(data)) or "") > 20
