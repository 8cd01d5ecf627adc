"""Keys and references come back from their text as they went into it, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws.storage.keys import ANNOTATION, JobKey, Keys, parse
from aws.storage.stored import Archive, S3Object, Stored, VaultUpload

KEYS = Keys("gas")
WORD = st.text(st.characters(codec="utf-8", exclude_characters="/~"), min_size=1)
NAME = st.text(st.characters(codec="utf-8", exclude_characters="/\\"), min_size=1)
BUCKET = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1)
TEXT = st.text(st.characters(codec="utf-8"), min_size=1)


@given(WORD, WORD, NAME)
def test_an_uploads_key_comes_apart_into_what_it_was_made_of(
    user_id: str, job_id: str, name: str
) -> None:
    key = KEYS.upload(user_id, job_id, name)
    assert KEYS.parse_upload(key, user_id) == JobKey("gas", user_id, job_id, name)
    assert key.startswith(KEYS.upload(user_id, job_id, ""))


@given(WORD, WORD, NAME)
def test_an_annotations_key_comes_apart_and_is_no_uploads(
    user_id: str, job_id: str, name: str
) -> None:
    key = KEYS.upload(user_id, job_id, f"{ANNOTATION}{name}")
    assert KEYS.parse_annotation(key, user_id) == JobKey("gas", user_id, job_id, name)
    assert parse(key).job_id == job_id
    with pytest.raises(ValueError, match="not an upload"):
        KEYS.parse_upload(key, user_id)


@given(WORD, WORD, st.integers(1), NAME)
def test_the_key_of_anything_stored_for_a_job_tells_the_job(
    user_id: str, job_id: str, number: int, name: str
) -> None:
    for key in (
        KEYS.upload(user_id, job_id, name),
        KEYS.output(user_id, job_id, number, name),
        KEYS.thawed(user_id, job_id, number, name),
        KEYS.archive(user_id, job_id),
    ):
        parts = parse(key)
        assert (parts.prefix, parts.user_id, parts.job_id) == ("gas", user_id, job_id)
        assert str(parts) == key


def test_no_two_archives_have_one_key() -> None:
    assert KEYS.archive("u", "j") != KEYS.archive("u", "j")


@pytest.mark.parametrize("key", ["", "x", "gas/u", "gas/u/j", "gas/u/j~", "/u/j~x", "gas//j~x"])
def test_the_key_of_no_job_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="not the key"):
        parse(key)


@pytest.mark.parametrize(
    "key", ["gas/v/j~a.vcf", "other/u/j~a.vcf", "gas/u/j~1/a.vcf", "gas/u/j~..\\a.vcf"]
)
def test_the_key_of_no_upload_of_the_user_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="not an upload"):
        KEYS.parse_upload(key, "u")


@pytest.mark.parametrize(
    "key", ["gas/v/j~annotation/a.bed", "gas/u/j~a.bed", "gas/u/j~annotation/", "gas/u/j~1/a.bed"]
)
def test_the_key_of_no_annotation_of_the_user_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="is not an"):
        KEYS.parse_annotation(key, "u")


@given(
    st.one_of(
        st.builds(S3Object, BUCKET, TEXT), st.builds(Archive, TEXT), st.builds(VaultUpload, TEXT)
    )
)
def test_a_reference_comes_back_from_its_text(stored: Stored) -> None:
    assert Stored.parse(str(stored)) == stored


@pytest.mark.parametrize("text", ["", "s3:", "s3:bucket", "s3:/key", "archive:", "upload", "ftp:x"])
def test_text_that_refers_to_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="refers to nothing"):
        Stored.parse(text)
