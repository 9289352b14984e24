"""The rings of a cost tree: every node once, every ring the sum of the next."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given
from study_data import tree
from test_cost_tree import DESIGNS, parents, tree_of

from spikesim_py.cost import CostNode
from spikesim_py.cost.tree import QUANTITIES
from spikesim_py.figures import breakdown_figure, sunburst_figure
from spikesim_py.figures.sunburst import sunburst_rows


@given(parents)
def test_every_node_is_one_row_below_its_parent(node: CostNode) -> None:
    for quantity in QUANTITIES:
        rows = sunburst_rows(node.to_dict(), quantity)
        assert len(set(rows.ids)) == len(rows.ids)
        assert list(rows.labels) == [found.name for _, found in node.walk()]
        assert list(rows.values) == [getattr(found, quantity) for _, found in node.walk()]
        assert [parent for parent in rows.parents if parent not in rows.ids] == [""]
        sums: dict[str, float] = defaultdict(float)
        for parent, value in zip(rows.parents, rows.values, strict=True):
            sums[parent] += value
        values = dict(zip(rows.ids, rows.values, strict=True))
        assert all(sums[key] == values[key] for key in set(rows.parents) - {""})


@pytest.mark.parametrize(("network", "chip"), DESIGNS)
@pytest.mark.parametrize("quantity", list(QUANTITIES))
def test_what_is_drawn_is_the_tree(network: str, chip: str, quantity: Any) -> None:
    root = tree_of(network, chip)
    trace = sunburst_figure(root.to_dict(), quantity).data[0]
    assert trace.branchvalues == "remainder"
    assert math.isclose(math.fsum(trace.values), getattr(root, quantity))
    assert len(trace.values) == len(list(root.walk()))


def test_a_component_has_the_colour_of_the_breakdown() -> None:
    data = tree().to_dict()
    bars = {t.name: t.marker.color[0] for t in breakdown_figure(data, "energy_pj").data if t.type == "bar"}
    trace = sunburst_figure(data, "energy_pj").data[0]
    rings = dict(zip(trace.labels, trace.marker.colors, strict=True))
    assert bars
    assert all(rings[name] == color for name, color in bars.items())
