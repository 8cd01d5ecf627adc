"""The geometry of a small circular genome's map: genes as arcs, variants as spokes outside them.

Parts that are no genes, such as the D-loop, are as wide as both strands.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from web.display.charts import Column

FORWARD, REVERSE = (150.0, 170.0), (128.0, 148.0)
"""The radii of the two strands' genes, in the units of the SVG."""
SPOKES = (174.0, 214.0)
LABELS = 112.0
SIZE = 440
LEAST_LABELLED = 0.018
"""The least part of the circle that a gene must take to have its name written."""
KINDS = {"protein_coding": "coding", "Mt_rRNA": "rrna", "Mt_tRNA": "trna"}


@dataclass(frozen=True)
class Gene:
    """A gene's place: 1-based, both ends in it; `strand` is + or -."""

    name: str
    start: int
    stop: int
    strand: str
    biotype: str


@dataclass(frozen=True)
class NamedPart:
    """A part that is no gene: 1-based, both ends in it; `stop` is the lesser beyond the origin."""

    name: str
    title: str
    start: int
    stop: int


@dataclass(frozen=True)
class PartArc:
    """A named part as drawn; `label` is where its name goes, None where there is no room for it."""

    part: NamedPart
    path: str
    label: tuple[float, float] | None


@dataclass(frozen=True)
class Arc:
    """A gene as drawn; `label` is where its name goes, None where there is no room for it."""

    gene: Gene
    path: str
    kind: str
    label: tuple[float, float] | None


@dataclass(frozen=True)
class Spoke:
    """A bin of variants as drawn, from the circle outwards."""

    column: Column
    path: str


@dataclass(frozen=True)
class CircularMap:
    """The map of one contig of `length` bases."""

    contig: str
    length: int
    parts: list[PartArc]
    arcs: list[Arc]
    spokes: list[Spoke]


def circular_map(
    contig: str,
    length: int,
    genes: Iterable[Gene],
    columns: Iterable[Column],
    parts: Iterable[NamedPart] = (),
) -> CircularMap:
    """Place genes, named parts and bins clockwise from the top."""
    columns = list(columns)
    highest = max((column.count for column in columns), default=0) or 1
    spokes = [_spoke(column, length, highest) for column in columns if column.count]
    arcs = [_arc(gene, length) for gene in genes]
    return CircularMap(contig, length, [_part(part, length) for part in parts], arcs, spokes)


def _arc(gene: Gene, length: int) -> Arc:
    inner, outer = FORWARD if gene.strand == "+" else REVERSE
    path = _ring(gene.start - 1, gene.stop, length, inner, outer)
    kind = KINDS.get(gene.biotype, "other")
    return Arc(gene, path, kind, _label(gene.start, gene.stop, length))


def _part(part: NamedPart, length: int) -> PartArc:
    stop = part.stop if part.stop >= part.start else part.stop + length
    path = _ring(part.start - 1, stop, length, REVERSE[0], FORWARD[1])
    return PartArc(part, path, _label(part.start, stop, length))


def _label(start: int, stop: int, length: int) -> tuple[float, float] | None:
    """The place of a name in the middle of a stretch, if that is long enough."""
    share = (stop - start + 1) / length
    return _point((start + stop) / 2, length, LABELS) if share >= LEAST_LABELLED else None


def _spoke(column: Column, length: int, highest: int) -> Spoke:
    low, high = SPOKES
    outer = low + (high - low) * column.count / highest
    return Spoke(column, _ring(column.start - 1, column.end, length, low, outer))


def _ring(start: float, stop: float, length: int, inner: float, outer: float) -> str:
    """The outline of a piece of a ring, as an SVG path."""
    large = 1 if (stop - start) / length > 0.5 else 0
    ax, ay = _point(start, length, outer)
    bx, by = _point(stop, length, outer)
    cx, cy = _point(stop, length, inner)
    dx, dy = _point(start, length, inner)
    return (
        f"M{ax} {ay}A{outer:.1f} {outer:.1f} 0 {large} 1 {bx} {by}"
        f"L{cx} {cy}A{inner:.1f} {inner:.1f} 0 {large} 0 {dx} {dy}Z"
    )


def _point(place: float, length: int, radius: float) -> tuple[float, float]:
    """The point of a place on a circle around the middle; clockwise from the top."""
    angle = 2 * math.pi * place / length
    return round(radius * math.sin(angle), 1), round(-radius * math.cos(angle), 1)
