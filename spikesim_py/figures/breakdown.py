"""Where a design's energy, latency and area go: layers x components."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go

from .._units import engineering, scale_for
from .style import COMPONENTS, MUTED, PAPER, REST, TEMPLATE

Quantity = Literal["energy_pj", "critical_ns", "area_um2"]
By = Literal["layer", "component"]
Tree = Mapping[str, Any]

#: quantity of the cost tree -> (what readers call it, unit)
QUANTITIES: dict[Quantity, tuple[str, str]] = {
    "energy_pj": ("energy per inference", "pJ"),
    "critical_ns": ("latency", "ns"),
    "area_um2": ("area", "µm²"),
}


@dataclass(frozen=True)
class Breakdown:
    """One quantity of a cost tree as a table; `values` (layers x components) sums to the root.

    Components beyond the palette are summed as the last one, `other`.
    """

    layers: tuple[str, ...]
    components: tuple[str, ...]
    values: np.ndarray
    unit: str


def leaves(tree: Tree, layer: str = "") -> Iterator[tuple[str, Tree]]:
    """(layer, component) of every leaf; a leaf right below the chip counts as `shared`."""
    for child in tree.get("children", ()):
        if child.get("children"):
            yield from leaves(child, layer or child["name"])
        else:
            yield layer or "shared", child


def component_order(tree: Tree) -> list[str]:
    """Components by their largest share of any quantity, so that a colour means the same in all figures."""
    shares: dict[str, dict[Quantity, float]] = {}
    for _, leaf in leaves(tree):
        part = shares.setdefault(leaf["name"], dict.fromkeys(QUANTITIES, 0.0))
        for quantity in QUANTITIES:
            part[quantity] += leaf[quantity] / (tree[quantity] or 1.0)
    return sorted(shares, key=lambda name: (-max(shares[name].values()), name))


def breakdown(tree: Tree, quantity: Quantity) -> Breakdown:
    """Extract one quantity of a cost tree (the plain data of `CostNode.to_dict`)."""
    order = component_order(tree)
    kept = order if len(order) <= len(COMPONENTS) else [*order[: len(COMPONENTS)], "other"]
    layers = list(dict.fromkeys(layer for layer, _ in leaves(tree)))
    values = np.zeros((len(layers), len(kept)))
    for layer, leaf in leaves(tree):
        place = min(order.index(leaf["name"]), len(kept) - 1)
        values[layers.index(layer), place] += leaf[quantity]
    return Breakdown(tuple(layers), tuple(kept), values, QUANTITIES[quantity][1])


def breakdown_figure(tree: Tree, quantity: Quantity, by: By = "layer") -> go.Figure:
    """Stacked horizontal bars: one per layer, stacked by component; or one per component, stacked by layer."""
    data = breakdown(tree, quantity)
    total = float(data.values.sum())
    scale = scale_for(total, data.unit)
    figure = go.Figure(layout={"template": TEMPLATE, "barmode": "stack", "hovermode": "closest"})
    figure.add_traces(list(_by_layer(data, scale.factor) if by == "layer" else _by_component(data, scale.factor)))
    sums = data.values.sum(1 if by == "layer" else 0)
    names = data.layers if by == "layer" else data.components
    figure.add_trace(_totals(names, sums, total, scale.factor, data.unit))
    room = 1.28 if by == "layer" else 1.45  # for the text behind the longest bar
    figure.update_xaxes(
        title={"text": f"{QUANTITIES[quantity][0]} ({scale.unit})"},
        range=[0, float(sums.max(initial=0.0)) * scale.factor * room or 1.0],
    )
    largest_first = [names[i] for i in np.argsort(-sums, kind="stable") if sums[i]]
    shown = names if by == "layer" else largest_first
    figure.update_yaxes(
        categoryorder="array",
        categoryarray=[escape(name) for name in shown],
        autorange="reversed",
        showgrid=False,
        ticks="",
    )
    figure.update_layout(
        legend={"orientation": "h", "x": -0.12, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        margin={"t": 10, "b": 46, "l": 10},
        height=90 + 27 * len(shown) + (60 if by == "layer" else 0),
        showlegend=by == "layer",
    )
    return figure


def _color(index: int, data: Breakdown) -> str:
    return REST if data.components[index] == "other" else COMPONENTS[index]


def _by_layer(data: Breakdown, factor: float) -> Iterator[go.Bar]:
    for j, name in enumerate(data.components):
        if data.values[:, j].any():
            yield _bar(data.layers, data.values[:, j], data, factor, name, _color(j, data))


def _by_component(data: Breakdown, factor: float) -> Iterator[go.Bar]:
    colors = [_color(j, data) for j in range(len(data.components))]
    for i, name in enumerate(data.layers):
        if data.values[i].any():
            yield _bar(data.components, data.values[i], data, factor, name, colors)


def _bar(
    names: tuple[str, ...], values: np.ndarray, data: Breakdown, factor: float, name: str, color: str | list[str]
) -> go.Bar:
    total = data.values.sum() or 1.0
    return go.Bar(
        y=[escape(n) for n in names],
        x=values * factor,
        orientation="h",
        name=escape(name),
        marker={"color": color, "line": {"width": 0.6, "color": PAPER}},
        customdata=[[engineering(float(v), data.unit), f"{v / total:.1%}"] for v in values],
        hovertemplate=f"%{{y}} · {escape(name)}<br><b>%{{customdata[0]}}</b> (%{{customdata[1]}})<extra></extra>",
    )


def _totals(names: tuple[str, ...], sums: np.ndarray, total: float, factor: float, unit: str) -> go.Scatter:
    """The sum of each bar, written at its end."""
    return go.Scatter(
        x=sums * factor,
        y=[escape(name) for name in names],
        mode="text",
        text=[f" {engineering(float(v), unit, 3)} · {v / (total or 1.0):.0%}" if v else "" for v in sums],
        textposition="middle right",
        textfont={"size": 11, "color": MUTED},
        hoverinfo="skip",
        showlegend=False,
        cliponaxis=False,
    )
