"""Damages VCFs in every way, and holds the annotator to a result or words for each.

Run it long with: python -m tests.ann.fuzz --files 20000 --seed 1; with --annotations the files are
damaged annotations of the user's own, a BED or a VCF, of a file that is whole.
"""

import argparse
import gzip
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pysam

from ann.bgzf import EOF_BLOCK
from ann.task import Annotation, Outcome, Task
from ann.worker import Worker
from tests.ann.conftest import COLUMNS, LIMITS, PATIENCE_S, vcf
from tests.builders import example

SAMPLES = COLUMNS.replace("\n", "\tFORMAT\tS1\tS2\n").encode()
HEADER = (
    "##contig=<ID=MT,length=16569>\n##contig=<ID=chrUn,length=99>\n"
    '##INFO=<ID=DP,Number=1,Type=Integer,Description="d">\n##FILTER=<ID=q,Description="q">\n'
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="g">\n'
)
ROWS = [
    "MT 73 . A G 10 PASS DP=3", "MT 263 rs1 A G,C . q DP=4;X", "MT 3243 . A G 1e3 . .",
    "MT 8993 . T C,<NON_REF> . . END=8999", "MT 11777 . C A . . DB", "MT 11778 . G A . . AF=0.1",
    "chrUn 5 . A C . . .", "MT 14484 . T <DEL> . . SVLEN=-9", "MT 14500 . GA G . . DP=7",
]  # fmt: skip
WIDE = [f"{row} GT:DP {gt}:4 0/1:5" for row, gt in zip(ROWS, ["0|1", "1|1", "."] * 3, strict=True)]
NUMBERS = [b"0", b"-1", b"2147483646", b"536870913", b"9" * 30, b"9" * 5000, b"nan", b"1e999"]
CELLS = [
    b"", b".", b"*", b"<DEL>", b"<", b"]MT:3]A", b"\0", b"\x1b[0m", b"\xff\xfe", b"A" * 5000,
    b"A," * 3000 + b"A", b"GT", b"0|9", b"1|1|1", b"BCSQ=x|y", b"GAS_X=1;;=", b"a=b=c;END=7", b"N",
    b"=1+1", b" ", b"MT", b"chrM", b"http://x/y", b"%s%n", *NUMBERS,
]  # fmt: skip
LINES = [b"", b"##late=1", b"#CHROM", b"\t\t\t", b"##contig=<ID=MT,length=" + b"1" * 5000 + b">"]
HEADER_LINES = [
    b"##INFO=<ID=DP,Number=1,Type=Flag>", b"##contig=<ID=MT,length=1>", b"##contig=<ID=MT,IDX=0>",
    b"##contig=<>", b"##", b"##INFO=<ID=BCSQ,Number=1,Type=Integer,Description=\"x\">",
    b"##GAS_x=<ID=y>", b"##reference=hg19", b"##INFO=<ID=X,IDX=1>", b"##x=\xff",
    b"##FORMAT=<ID=GT,Number=2,Type=Float,Description=\"\">",
]  # fmt: skip


BED = (
    b'track name="x"\n#c\nMT\t72\t263\tHVS II\t250\t+\nchrM\t3229\t3304\tTL1\t.\n'
    b"MT 11777 11778\nchrUn\t0\t99\tn\t1e9\n"
)


def seeds() -> list[bytes]:
    """Whole files to start from."""
    wide = vcf(*WIDE, header=HEADER).replace(COLUMNS.encode(), SAMPLES)
    return [vcf(*ROWS, header=HEADER), vcf(*ROWS), wide, wide, example().read_bytes()]


def flipped(chance: random.Random, text: bytes) -> bytes:
    body = bytearray(text)
    for _ in range(chance.choice([1, 1, 3, 20])):
        body[chance.randrange(len(body))] = chance.randrange(256)
    return bytes(body)


def another_cell(chance: random.Random, text: bytes) -> bytes:
    lines = text.split(b"\n")
    for _ in range(chance.choice([1, 1, 2, 6])):
        place = chance.randrange(len(lines))
        cells = lines[place].split(b"\t")
        cells[chance.randrange(len(cells))] = chance.choice(CELLS)
        lines[place] = b"\t".join(cells)
    return b"\n".join(lines)


def other_lines(chance: random.Random, text: bytes) -> bytes:
    """Lines dropped, doubled, moved, put in."""
    lines = text.split(b"\n")
    place, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    how = chance.randrange(5)
    if how == 0:
        del lines[place]
    elif how == 1:
        lines.insert(place, lines[other])
    elif how == 2:
        lines[place], lines[other] = lines[other], lines[place]
    elif how == 3:
        lines.insert(place, chance.choice(LINES))
    else:
        lines.insert(1 + chance.randrange(4), chance.choice(HEADER_LINES))
    return b"\n".join(lines)


def cut(chance: random.Random, text: bytes) -> bytes:
    start = chance.choice([0, 0, 0, chance.randrange(len(text))])
    return text[start : chance.randrange(start, len(text)) + 1]


def other_ends(chance: random.Random, text: bytes) -> bytes:
    return text.replace(b"\n", chance.choice([b"\r\n", b"\r", b"\n\n", b"\r\r\n", b"\t\n"]))


def packed(chance: random.Random, text: bytes) -> bytes:
    body = gzip.compress(text)
    how = chance.randrange(4)
    if how == 0:
        return body[: chance.randrange(len(body))]
    if how == 1:
        return flipped(chance, body)
    return body + chance.choice([b"", b"tail", body, gzip.compress(b"")])


MUTATIONS: list[Callable[[random.Random, bytes], bytes]] = [
    flipped, another_cell, another_cell, other_lines, other_lines, cut, other_ends, packed,
]  # fmt: skip


def mutant(seed: int, number: int, more: tuple[bytes, ...] = ()) -> bytes:
    """The damaged file of that number; the same each time. `more` are seeds as well."""
    chance = random.Random(f"{seed}-{number}")
    text = chance.choice([*seeds(), *more])
    for _ in range(chance.choice([1, 1, 2, 3])):
        text = chance.choice(MUTATIONS)(chance, text) or b"\n"
    return text


def fault_of(outcome: Outcome | None, body: bytes) -> str:
    """What is wrong with an outcome; empty where it is a whole result, or words."""
    if outcome is None:
        return "it hangs"
    if outcome.crashed:
        return f"it crashed: {outcome.error}"
    if outcome.error is not None:
        words = outcome.error
        return "" if words and words.isprintable() and len(words) < 3000 else "no usable words"
    return _fault_of_result(outcome, body)


def _fault_of_result(outcome: Outcome, body: bytes) -> str:
    packed_ = outcome.result.read_bytes()
    lines = [line for line in gzip.decompress(packed_).split(b"\n") if line[:1] != b"#"]
    given = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    rows = [line for line in given.splitlines() if line.strip() and not line.startswith(b"#")]
    counts = outcome.counts or {}
    if not packed_.endswith(EOF_BLOCK) or len(lines) - 1 != counts["records"]:
        return "the result is not whole"
    if b"\r" not in given and len(rows) != counts["records"]:
        return f"{len(rows)} records went in, {counts['records']} came out"
    if not given.isascii() or b"\n{" in given:
        return ""  # pysam cannot list names that are no UTF-8, and to htslib { begins a quoted one
    with pysam.TabixFile(
        str(outcome.result), index=str(outcome.index), encoding="latin-1"
    ) as index:
        found = sum(1 for contig in index.contigs for _ in index.fetch(contig))
    # To htslib the regions . and * are all, and what has no place, whatever a contig is called.
    is_plain = not any(mark in given for mark in (b"\r", b"\n*\t", b"\n.\t"))
    if found != counts["records"] and is_plain:
        return f"the index finds {found} of {counts['records']} records"
    return ""


def try_one(worker: Worker, folder: Path, body: bytes, own: bytes = b"") -> tuple[str, str]:
    """Annotate one file, perhaps with an annotation; RESULT or WORDS, and what is wrong."""
    folder.mkdir()
    task = Task(folder / "input", folder, "fuzz.vcf", "", LIMITS)
    task.input.write_bytes(body)
    if own:
        task = replace(task, annotation=Annotation(folder / "own", "own.bed", "OWN"))
        (folder / "own").write_bytes(own)
    outcome = worker.start(task).wait(PATIENCE_S)
    fault = fault_of(outcome, body)
    shutil.rmtree(folder)
    return "result" if outcome and outcome.error is None else "words", fault


def main() -> int:
    """Try many; print what is wrong, and how many were what."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--annotations", action="store_true", help="damage annotations instead")
    parser.add_argument("--first", type=int, default=0, help="the number of the first file")
    args = parser.parse_args()
    seen: Counter[str] = Counter()
    whole = vcf(*ROWS, header=HEADER)
    with tempfile.TemporaryDirectory(prefix="gas-fuzz-") as place, Worker() as worker:
        for number in range(args.first, args.first + args.files):
            bodies = [mutant(args.seed, number)]
            if args.annotations:
                bodies = [whole, mutant(args.seed, number, (BED,) * 5)]
            kind, fault = try_one(worker, Path(place) / str(number), *bodies)
            seen["faults" if fault else kind] += 1
            if fault:
                print(f"seed {args.seed}, file {number}: {fault}", flush=True)  # noqa: T201
    sys.stdout.write(f"{dict(seen)}\n")
    return 1 if seen["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
