"""What comes out is what went in, and what was found: byte for byte, whatever the file."""

import random
import re
from collections.abc import Iterator

import pysam
import pytest

from ann.header import OURS
from tests.ann.conftest import Annotate
from tests.builders import example
from vcf.reserved import NOTE

SEED = 8
NAMES = ["MT", "chrM", "chr1", "2", "scaffold_7", "KI270.1"]
"""Contigs of the files, one of them or two in rCRS, in whatever order."""
INFOS = [".", "", "DP=7", "DB", "AF=0.5;DP=3;DB", "X=a,b;;Y", "END=16000", "CLN=x|y;Z=1;"]
FORMATS = {"GT": ["0|1", "1/1", ".", "0", "2/0"], "GT:DP": ["0|1:7", "./.", "1"], "DP": ["8", "."]}
UNDECLARED = ("Not declared in the input", NOTE)
TAG = re.compile(rb"(?:BCSQ|GAS_[A-Z_]+)(?:=[^;\t\n]*)?")


def made(number: int, sequence: str) -> bytes:
    """A sorted VCF, each contig in one block, of a kind that depends on `number`."""
    chance = random.Random(f"{SEED}-{number}")
    names = chance.sample(NAMES[1:], chance.randint(0, 3))
    names.insert(chance.randint(0, len(names)), "MT")
    samples = chance.choice([0, 0, 1, 3])
    lines = [b"##fileformat=VCFv4.2"]
    lines += [b'##INFO=<ID=DP,Number=1,Type=Integer,Description="d">'] * chance.randint(0, 1)
    if chance.random() < 0.5:
        lines += [f"##contig=<ID={n},assembly=x>".encode() for n in reversed(NAMES)]
    lines += [b"##note=made"] * chance.randint(0, 2)
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]
    columns += ["FORMAT", *(f"S{n}" for n in range(samples))] if samples else []
    lines.append("\t".join(columns).encode())
    lines += [row.encode() for row in records(chance, names, samples, sequence)]
    return b"\n".join(lines) + b"\n" * chance.randint(0, 1)


def records(chance: random.Random, names: list[str], samples: int, sequence: str) -> Iterator[str]:
    for name in names:
        for pos in sorted(chance.choices(range(1, 16500), k=chance.randint(1, 12))):
            size = chance.choice([1, 1, 1, 1, 2, 5])
            ref = sequence[pos - 1 : pos - 1 + size]
            ref = ref.lower() if chance.random() < 0.1 else ref
            alts = chance.choice(["A", "C", "G", "T", "AT", "A,C", "<DEL>", "*", ".", "G,<X>", "N"])
            row = [name, str(pos), chance.choice([".", "rs1;q", "mine"]), ref, alts]
            row += [chance.choice([".", "10", "3.50", "1e3"]), chance.choice(["PASS", ".", "q;s"])]
            row.append(chance.choice(INFOS))
            if samples:
                form = chance.choice(list(FORMATS))
                row += [form, *chance.choices(FORMATS[form], k=samples)]
            yield "\t".join(row)


def without_ours(result: bytes, given: bytes) -> list[bytes]:
    """The result without our header lines and tags, and without the IDs of known variants."""
    inputs = [line.split(b"\t") for line in given.splitlines() if not line.startswith(b"#")]
    header = set(given.splitlines())
    rest = [line for line in result.splitlines() if line.startswith(b"#")]
    rest = [line for line in rest if line in header or not is_ours(line)]
    rows = [line for line in result.splitlines() if not line.startswith(b"#")]
    for line, old in zip(rows, inputs, strict=True):
        columns = line.split(b"\t")
        columns[2] = old[2] if old[2] == b"." else columns[2]
        items = [i for i in columns[7].split(b";") if not TAG.fullmatch(i)]
        columns[7] = b";".join(items) or (old[7] if old[7] in (b"", b".") else b"?")
        rest.append(b"\t".join(columns))
    return rest


def is_ours(line: bytes) -> bool:
    text = line.decode()
    tags = ["BCSQ", *(tag for tag, *_ in OURS)]
    return (
        text.startswith(("##GAS_", "##contig=<ID=", "##INFO=<ID=GAS_"))
        or any(text.startswith(f"##INFO=<ID={tag},") for tag in tags)
        or any(f'"{words}">' in text or f'Description="{words}' in text for words in UNDECLARED)
    )


def demand_the_same(annotate: Annotate, given: bytes) -> None:
    outcome = annotate(given)
    assert outcome.error is None
    with pysam.BGZFile(str(outcome.result), "rb", None) as stream:
        result = b"".join(line + b"\n" for line in stream)
    assert without_ours(result, given) == given.splitlines()
    assert "have been sorted" not in outcome.log.read_text()


def test_the_example_comes_out_as_it_went_in(annotate: Annotate) -> None:
    demand_the_same(annotate, example().read_bytes())


@pytest.mark.parametrize("number", range(20))
def test_a_sorted_file_comes_out_as_it_went_in(
    annotate: Annotate, sequence: str, number: int
) -> None:
    demand_the_same(annotate, made(number, sequence))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(20, 500, 20))
def test_many_sorted_files_come_out_as_they_went_in(
    annotate: Annotate, sequence: str, first: int
) -> None:
    for number in range(first, first + 20):
        demand_the_same(annotate, made(number, sequence))
