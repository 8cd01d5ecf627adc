"""The map of a circular genome."""

import re

import pytest

from web.display.charts import columns
from web.display.circle import FORWARD, REVERSE, Gene, circular_map
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


def test_every_gene_of_rcrs_is_drawn_and_the_long_ones_are_named() -> None:
    drawn = circular_map("MT", 16569, bundled.genes(), [])
    assert len(drawn.arcs) == 37
    named = {arc.gene.name for arc in drawn.arcs if arc.label}
    assert {"MT-ND1", "MT-CYB", "MT-RNR2"} <= named
    assert not {"MT-TF", "MT-TP"} & named
