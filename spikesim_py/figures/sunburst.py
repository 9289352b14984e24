"""A cost tree as rings: the chip, around it the layers, around each its components."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import plotly.graph_objects as go

from .._units import engineering
from ..cost.tree import QUANTITIES, Quantity
from .breakdown import Tree, component_order, label
from .style import COMPONENTS, PAPER, REST, RULE, TEMPLATE


@dataclass(frozen=True)
class Sunburst:
    """Rows as plotly and others take them: a parent's value is the sum of its children's; the root has no parent."""

    ids: tuple[str, ...]
    labels: tuple[str, ...]
    parents: tuple[str, ...]
    values: tuple[float, ...]
    leaf: tuple[bool, ...]


def sunburst_rows(tree: Tree, quantity: Quantity) -> Sunburst:
    """Every node of a cost tree (the plain data of `CostNode.to_dict`), depth first."""
    rows = list(_rows(tree, quantity, "", "0"))
    ids, names, parents, values, leaf = zip(*rows, strict=True)
    return Sunburst(ids, names, parents, values, leaf)


def _rows(node: Tree, quantity: Quantity, parent: str, key: str) -> Iterator[tuple[str, str, str, float, bool]]:
    """Ids are places (`0.2.5`: the sixth child of the third child), as names may repeat."""
    children = node.get("children", ())
    yield key, node["name"], parent, node[quantity], not children
    for index, child in enumerate(children):
        yield from _rows(child, quantity, key, f"{key}.{index}")


def sunburst_figure(tree: Tree, quantity: Quantity) -> go.Figure:
    """The rings of one quantity; a component has the colour that it has in every breakdown."""
    rows, (name, unit) = sunburst_rows(tree, quantity), QUANTITIES[quantity]
    total, order = rows.values[0], component_order(tree)
    colors = dict(zip(order, COMPONENTS, strict=False))
    figure = go.Figure(layout={"template": TEMPLATE})
    figure.add_sunburst(
        ids=rows.ids,
        labels=[label(text) for text in rows.labels],
        parents=rows.parents,
        # plotly adds up what stands below a parent: its own sum would differ in the last digit and draw nothing
        values=[value if leaf else 0.0 for value, leaf in zip(rows.values, rows.leaf, strict=True)],
        branchvalues="remainder",
        marker={
            "colors": [_color(text, leaf, colors) for text, leaf in zip(rows.labels, rows.leaf, strict=True)],
            "line": {"width": 0.8, "color": PAPER},
        },
        customdata=[[engineering(value, unit), f"{value / (total or 1.0):.1%}"] for value in rows.values],
        hovertemplate=f"%{{label}}<br>{name} <b>%{{customdata[0]}}</b> (%{{customdata[1]}})<extra></extra>",
        sort=False,
        leaf={"opacity": 1.0},
        insidetextorientation="radial",
    )
    small = {"minsize": 9, "mode": "hide"}  # what cannot be read is left to the pointer
    return figure.update_layout(margin={"t": 8, "b": 8, "l": 8, "r": 8}, height=520, uniformtext=small)


def _color(name: str, leaf: bool, colors: dict[str, str]) -> str:
    return colors.get(name, REST) if leaf else RULE
