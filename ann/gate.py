"""The last look at a result before it is handed over: htslib must be able to read it."""

import itertools
from pathlib import Path

import pysam

from ann.csq import GateError

RECORDS = 100
UNREADABLE = (
    "htslib (bcftools, pysam) cannot read this file's header or first records, neither as it was "
    "uploaded nor in the result: {fault}"
)


def demand_readable(given: Path, result: Path, notes: list[str]) -> None:
    """Raise GateError where htslib reads the input but not the result; note if it reads neither."""
    fault = fault_in_reading(result)
    if not fault:
        return
    if not fault_in_reading(given):
        raise GateError(f"htslib cannot read the result: {fault}")
    notes.append(UNREADABLE.format(fault=fault))


def fault_in_reading(path: Path) -> str:
    """The words of htslib on the header and first records; empty where it reads them."""
    try:
        with pysam.VariantFile(str(path)) as stream:
            for record in itertools.islice(stream, RECORDS):
                str(record)
    except (OSError, ValueError, NotImplementedError, OverflowError) as fault:
        return (str(fault) or type(fault).__name__)[:200]
    return ""
