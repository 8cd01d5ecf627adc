import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.display.filenames import MAX_BYTES, display_name


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("sample.vcf", "sample.vcf"),
        ("my sample~2.vcf.gz", "my sample~2.vcf.gz"),
        ("../../etc/passwd", "passwd"),
        ("C:\\data\\a.vcf", "a.vcf"),
        ("a\r\nBcc: x@y.z.vcf", "a Bcc: x@y.z.vcf"),
        ("safe\u202efcv.exe", "safe fcv.exe"),
        ("line\u2028break.vcf", "line break.vcf"),
        ("nul\0.vcf", "nul .vcf"),
        ("..", "upload.vcf"),
        ("", "upload.vcf"),
        (".vcf", "vcf"),
        ("e\u0301.vcf", "\u00e9.vcf"),
        ("a.vcf##idx##b", "a.vcf_b"),
        ("<script>.vcf", "<script>.vcf"),
    ],
)
def test_a_name_is_cleaned_for_display(given_name: str, shown: str) -> None:
    assert display_name(given_name) == shown


def test_a_long_name_keeps_its_ending() -> None:
    shown = display_name("é" * 300 + ".vcf.gz")
    assert shown.endswith("é.vcf.gz")
    assert len(shown.encode()) <= MAX_BYTES


@given(st.text(max_size=400))
def test_no_name_can_act(name: str) -> None:
    shown = display_name(name)
    assert shown
    assert not set(shown) & set("/\\\n\r\0")
    assert shown.splitlines() == [shown]
    assert not shown.startswith(".")
    assert len(shown.encode()) <= MAX_BYTES
    assert unicodedata.is_normalized("NFC", shown)
