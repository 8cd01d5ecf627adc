"""Puts what csq found haplotype by haplotype in the place of what it found allele by allele.

Phased alleles of one codon change it together (a compound consequence): csq writes it at one of
the records, and a pointer, @POS, at the others. A record that no haplotype changes keeps what its
alleles would do.
"""

from collections.abc import Iterator
from pathlib import Path

ID, INFO = 2, 7


class OrderError(RuntimeError):
    """The two runs gave their records in different orders."""


def merge(local: Path, haplotype: Path, out: Path) -> int:
    """Write `local` with the haplotypes' consequences where there are any; how many records.

    Both hold the same records. Raises OrderError where they do not.
    """
    changed = 0
    with local.open("rb") as alone, out.open("wb") as merged:
        together = _records(haplotype)
        for line in alone:
            if line.startswith(b"#"):
                merged.write(line)
                continue
            columns, other = line.rstrip(b"\n").split(b"\t"), next(together, None)
            if other is None or other[ID] != columns[ID]:
                raise OrderError("csq gave the records of two runs in different orders")
            if other[INFO].startswith(b"BCSQ="):
                changed += 1
                columns[INFO] = other[INFO]
            merged.write(b"\t".join(columns) + b"\n")
    return changed


def _records(path: Path) -> Iterator[list[bytes]]:
    with path.open("rb") as lines:
        for line in lines:
            if not line.startswith(b"#"):
                yield line.rstrip(b"\n").split(b"\t", INFO + 1)
