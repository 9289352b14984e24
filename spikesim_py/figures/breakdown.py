"""Where a design's energy, latency and area go: layers x components."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go

from .._units import engineering, scale_for
from ..cost.tree import QUANTITIES as QUANTITIES
from ..cost.tree import Quantity as Quantity
from .style import COMPONENTS, MUTED, PAPER, REST, TEMPLATE

By = Literal["layer", "component"]
Tree = Mapping[str, Any]


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


def label(name: str) -> str:
    """A layer's or component's name as plotly and a reader take it."""
    return escape(name.replace("_", " "))


def breakdown_figure(tree: Tree, quantity: Quantity, by: By = "layer") -> go.Figure:
    """Stacked horizontal bars: one per layer, stacked by component; or one per component, stacked by layer."""
    data = breakdown(tree, quantity)
    bars = _layer_bars(data) if by == "layer" else _component_bars(data)
    scale = scale_for(float(data.values.sum()), data.unit)
    figure = go.Figure(layout={"template": TEMPLATE, "barmode": "stack", "hovermode": "closest"})
    figure.add_traces([*bars.stacked(scale.factor), bars.totals(scale.factor)])
    room = 1.28 if by == "layer" else 1.45  # for the text behind the longest bar
    longest = float(bars.values.sum(1).max(initial=0.0)) * scale.factor
    figure.update_xaxes(title={"text": f"{QUANTITIES[quantity][0]} ({scale.unit})"}, range=[0, longest * room or 1.0])
    figure.update_yaxes(autorange="reversed", showgrid=False, ticks="", type="category")
    figure.update_yaxes(categoryorder="array", categoryarray=[label(name) for name in bars.names])
    figure.update_layout(
        legend={"orientation": "h", "x": -0.12, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        margin={"t": 10, "b": 46, "l": 10},
        height=90 + 27 * len(bars.names) + (60 if by == "layer" else 0),
        showlegend=by == "layer",
    )
    return figure


@dataclass(frozen=True)
class _Bars:
    """One bar per name, one part of each bar per stack; `values` and `colors` are (names x stacks)."""

    names: Sequence[str]
    stacks: Sequence[str]
    values: np.ndarray
    colors: list[list[str]]
    unit: str

    @property
    def total(self) -> float:
        return float(self.values.sum()) or 1.0

    def stacked(self, factor: float) -> Iterator[go.Bar]:
        for j in map(int, np.flatnonzero(self.values.any(0))):
            name, values = label(self.stacks[j]), self.values[:, j]
            yield go.Bar(
                y=[label(n) for n in self.names],
                x=values * factor,
                orientation="h",
                name=name,
                marker={"color": [row[j] for row in self.colors], "line": {"width": 0.6, "color": PAPER}},
                customdata=[[engineering(float(v), self.unit), f"{v / self.total:.1%}"] for v in values],
                hovertemplate=f"%{{y}} · {name}<br><b>%{{customdata[0]}}</b> (%{{customdata[1]}})<extra></extra>",
            )

    def totals(self, factor: float) -> go.Scatter:
        """The sum of each bar, written at its end."""
        sums = self.values.sum(1)
        return go.Scatter(
            x=sums * factor,
            y=[label(name) for name in self.names],
            mode="text",
            text=[f" {engineering(float(v), self.unit, 3)} · {v / self.total:.0%}" if v else "" for v in sums],
            textposition="middle right",
            textfont={"size": 11, "color": MUTED},
            hoverinfo="skip",
            showlegend=False,
            cliponaxis=False,
        )


def _colors(data: Breakdown) -> list[str]:
    return [REST if name == "other" else COMPONENTS[j] for j, name in enumerate(data.components)]


def _layer_bars(data: Breakdown) -> _Bars:
    """Layers in the order of the network."""
    return _Bars(data.layers, data.components, data.values, [_colors(data)] * len(data.layers), data.unit)


def _component_bars(data: Breakdown) -> _Bars:
    """Components by size; those that have none of the quantity are left out."""
    sums = data.values.sum(0)
    order = [j for j in np.argsort(-sums, kind="stable") if sums[j]]
    colors = _colors(data)
    parts = [[colors[j]] * len(data.layers) for j in order]
    return _Bars([data.components[j] for j in order], data.layers, data.values[:, order].T, parts, data.unit)
