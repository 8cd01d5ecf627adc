import json
import re
import zlib

import pytest

from tests.vcf.samples import KINDS, POSSIBLE
from vcf.file_type import FILE_TYPES, FileType, for_browser, is_vcf, refusal_of, shown

PYTHON_ONLY = re.compile(r"\\[AZsSdDwWbB]|\(\?|[^\x00-\x7f]|\[\^?\]")
"""Syntax that JavaScript lacks, or reads in another way over Latin-1."""


def unpacked(body: bytes) -> bytes:
    """The text of a file that may be packed."""
    return zlib.decompress(body, wbits=31) if body.startswith(b"\x1f\x8b") else body


@pytest.mark.parametrize("kind", FILE_TYPES, ids=lambda kind: kind.pattern)
def test_every_file_type_has_a_sample_that_is_recognised_as_it(kind: FileType) -> None:
    whole = [body for name, (body, _) in KINDS.items() if name != "damaged gzip"]
    assert kind.refusal in {refusal_of(unpacked(body)) for body in whole}


@pytest.mark.parametrize("kind", FILE_TYPES, ids=lambda kind: kind.pattern)
def test_patterns_mean_the_same_in_python_and_javascript(kind: FileType) -> None:
    assert not PYTHON_ONLY.search(kind.pattern)


def test_a_vcf_is_one_in_any_case_of_letters() -> None:
    assert is_vcf(POSSIBLE["plain"])
    assert is_vcf(POSSIBLE["lower case"])
    assert not is_vcf(b"\n" + POSSIBLE["plain"])


def test_only_the_beginning_of_a_file_is_looked_at() -> None:
    assert "binary" not in refusal_of(b"dear diary\n" * 6000 + b"\0")


def test_a_strangers_text_is_shown_without_what_could_act() -> None:
    assert shown(b"<a>\x1b[31m\xff" + b"x" * 100) == repr("<a>\ufffd[31m\ufffd" + "x" * 31)


def test_the_browsers_table_is_json() -> None:
    assert json.loads(json.dumps(for_browser()))["types"][0]["any_case"] is False
