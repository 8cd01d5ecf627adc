"""The last look at a result before it is handed over: htslib must be able to read it."""

import itertools
from pathlib import Path

import pysam

from ann.csq import GateError

RECORDS = 100
"""So many are read where only the header can be at fault, or what the input has as well."""
UNREADABLE = (
    "htslib (bcftools, pysam) cannot read this file's header or first records, neither as it was "
    "uploaded nor in the result: {fault}"
)


def demand_readable(given: Path, result: Path, notes: list[str], most: int | None) -> None:
    """Raise GateError where htslib reads the input but not the result; note if it reads neither."""
    fault = fault_in_reading(result, most)
    if not fault:
        return
    if not fault_in_reading(given, most):
        raise GateError(f"htslib cannot read the result: {fault}")
    notes.append(UNREADABLE.format(fault=fault))


def records_to_read(has_typed_samples: bool) -> int | None:
    """The number of records that may be at fault; None for all.

    htslib gives up a record for a value of a sample that is not of its tag's declared type. Of a
    value in INFO it makes a dot.
    """
    return None if has_typed_samples else RECORDS


def fault_in_reading(path: Path, most: int | None) -> str:
    """The words of htslib on the header and so many records; empty where it reads them."""
    try:
        with pysam.VariantFile(str(path)) as stream:
            for number, record in enumerate(itertools.islice(stream, most)):
                if number < RECORDS:
                    str(record)
    except (OSError, ValueError, NotImplementedError, OverflowError) as fault:
        words = str(fault).replace(f"{path.parent}/", "")
        return (words or type(fault).__name__)[:200]
    return ""
