"""A bounded run of `tests.ann.fuzz`: each damaged file has a result or words."""

from pathlib import Path

import pytest

from ann.worker import Worker
from tests.ann.conftest import vcf
from tests.ann.fuzz import BED, HEADER, ROWS, mutant, try_one

SEED, FILES = 8, 50


@pytest.mark.parametrize(
    "first",
    [0, *(pytest.param(n * FILES, marks=pytest.mark.slow) for n in range(1, 6))],
)
def test_every_damaged_file_has_a_result_or_words(
    worker: Worker, tmp_path: Path, first: int
) -> None:
    faults = {
        number: fault
        for number in range(first, first + FILES)
        if (fault := try_one(worker, tmp_path / str(number), mutant(SEED, number))[1])
    }
    assert faults == {}


@pytest.mark.slow
def test_every_damaged_annotation_has_a_result_or_words(worker: Worker, tmp_path: Path) -> None:
    whole, bodies = vcf(*ROWS, header=HEADER), [mutant(SEED, n, (BED,)) for n in range(FILES)]
    faults = {
        number: fault
        for number, body in enumerate(bodies)
        if (fault := try_one(worker, tmp_path / str(number), whole, body)[1])
    }
    assert faults == {}
