"""The map of a circular genome."""

import re

import pytest

from web.display.charts import columns
from web.display.circle import FORWARD, REVERSE, Gene, NamedPart, circular_map
from web.services import bundled


def radii(path: str) -> set[float]:
    return {float(r) for r in re.findall(r"A([\d.]+) ", path)}


def test_genes_lie_on_the_ring_of_their_strand_and_variants_outside() -> None:
    genes = [Gene("A", 1, 250, "+", "protein_coding"), Gene("B", 251, 500, "-", "Mt_tRNA")]
    drawn = circular_map("MT", 1000, genes, columns([5, 0, 10, 0], 1000))
    assert radii(drawn.arcs[0].path) == set(FORWARD)
    assert radii(drawn.arcs[1].path) == set(REVERSE)
    assert [spoke.column.count for spoke in drawn.spokes] == [5, 10]
    assert all(min(radii(spoke.path)) > max(FORWARD) for spoke in drawn.spokes)


def test_places_go_clockwise_from_the_top() -> None:
    (arc,) = circular_map("MT", 1000, [Gene("A", 1, 250, "+", "other")], []).arcs
    assert arc.path.startswith("M0.0 -170.0A")
    assert "170.0 -0.0" in arc.path or "170.0 0.0" in arc.path


@pytest.mark.parametrize(("stop", "large"), [(400, 0), (600, 1)])
def test_more_than_half_of_the_circle_takes_the_long_way(stop: int, large: int) -> None:
    (arc,) = circular_map("MT", 1000, [Gene("A", 1, stop, "+", "x")], []).arcs
    assert f"0 {large} 1" in arc.path


def test_a_part_beyond_the_origin_is_drawn_in_one_as_wide_as_both_strands() -> None:
    part = NamedPart("D-loop", "Control region", 901, 100)
    (arc,) = circular_map("MT", 1000, [], [], [part]).parts
    assert radii(arc.path) == {FORWARD[1], REVERSE[0]}
    assert "0 0 1" in arc.path, "the short way, over the top"
    assert arc.label == (0.4, -112.0)


def test_the_d_loop_of_rcrs_is_one_part_from_the_last_gene_to_the_first() -> None:
    d_loop, origin = bundled.parts()
    genes = bundled.genes()
    assert (d_loop.name, origin.name) == ("D-loop", "OriL")
    assert (d_loop.start, d_loop.stop) == (genes[-1].stop + 1, genes[0].start - 1)


def test_every_gene_of_rcrs_is_drawn_and_the_long_ones_are_named() -> None:
    drawn = circular_map("MT", 16569, bundled.genes(), [])
    assert len(drawn.arcs) == 37
    named = {arc.gene.name for arc in drawn.arcs if arc.label}
    assert {"MT-ND1", "MT-CYB", "MT-RNR2"} <= named
    assert not {"MT-TF", "MT-TP"} & named
