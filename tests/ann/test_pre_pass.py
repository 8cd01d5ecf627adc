"""The pre-pass: records that are looked at together, and handed on; what it says meanwhile."""

import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from ann.checked import SIZE, CheckedFile
from ann.pre_pass import MOST_ROWS, in_parts
from ann.reader import Reader
from ann.records import Bounds
from tests.ann.conftest import vcf

RECORDS = 150_000


def test_each_part_of_a_block_tells_how_much_of_the_file_was_read_up_to_it(tmp_path: Path) -> None:
    path = tmp_path / "made.vcf"
    path.write_bytes(vcf(*(f"MT {pos} . A G . . ." for pos in range(100_000, 100_000 + RECORDS))))
    sizes, records = [], 0
    with Reader(path, Bounds(10_000, RECORDS, 10_000_000)) as reader:
        for block in in_parts(reader.blocks()):
            assert block.number == records + 3
            sizes.append(len(block.table))
            records += len(block.table)
            assert 0.9 < records / block.share / RECORDS < 1.1
        assert block.share == 1
    assert records == RECORDS
    assert max(sizes) <= MOST_ROWS


class Order:
    """A pickle of it tells its reader to make a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


def test_what_another_process_wrote_in_the_place_of_records_is_not_obeyed(tmp_path: Path) -> None:
    order = pickle.dumps(Order(tmp_path / "made"))
    path = tmp_path / "checked"
    path.write_bytes(SIZE.pack(len(order)) + order)
    with CheckedFile(path) as file, pytest.raises(pickle.UnpicklingError):
        file.read()
    assert not (tmp_path / "made").exists()
