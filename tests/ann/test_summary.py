"""The counts of a job, as summary.json and as the log tell them."""

import json
from typing import Any

import pytest

from ann.references import Reference
from tests.ann.conftest import Annotate, vcf

RECORDS = [
    "chrM 263 . A G . . .",
    "chrM 1555 . A G,T . . .",
    "chrM 3243 . A G . . .",
    "chrM 8993 . T G,C . . .",
    "chrM 8993 . T <DEL> . . .",
    "chrM 9000 . AC A . . .",
]


@pytest.fixture
def told(annotate: Annotate) -> dict[str, Any]:
    """A job's summary, with its log under `log`."""
    outcome = annotate(vcf(*RECORDS))
    assert outcome.error is None
    return {**json.loads(outcome.summary.read_text()), "log": outcome.log.read_text()}


def test_records_alleles_and_entries_are_counted(told: dict[str, Any]) -> None:
    assert (told["records"], told["annotated"]) == (6, 4)
    assert told["not_annotated"] == {
        "outside the reach of any transcript": 1,
        "symbolic allele or breakend": 1,
    }
    assert told["consequences"] == {"non_coding": 3, "missense": 2, "frameshift": 1}
    assert told["by_type"] == {"SNV": 6, "symbolic": 1, "deletion": 1}
    assert (told["ts"], told["tv"], told["ts_tv"]) == (4, 2, 2.0)
    assert told["impacts"] == {"MODIFIER": 3, "MODERATE": 2, "HIGH": 1}
    assert told["genes"] == {"MT-ATP6": 2, "MT-RNR1": 1, "MT-TL1": 1}, "once a record"


def test_what_is_equally_frequent_is_ranked_by_name(annotate: Annotate) -> None:
    outcome = annotate(vcf("MT 3243 . A G . . .", "MT 3460 . G A . . ."))
    genes = json.loads(outcome.summary.read_text())["genes"]
    assert list(genes.items()) == [("MT-ND1", 1), ("MT-TL1", 1)]


def test_places_are_under_the_files_own_names(told: dict[str, Any]) -> None:
    assert told["reference"]["contigs"] == {"chrM": 16569}
    assert sum(told["density"]["chrM"]) == 6


def test_each_source_is_named_with_its_date(told: dict[str, Any], rcrs: Reference) -> None:
    assert told["known"] == 4
    dates = {source["name"]: source["date"] for source in told["sources"]}
    assert dates == {source.name: source.date for source in rcrs.known}
    for source in rcrs.known:
        assert source.title in told["log"]
        assert source.date in told["log"]
    assert told["significance"]["Pathogenic"] == 3
    assert "D-loop" in told["log"]
