"""From nothing to a design, or from one design to another: a step per component, layer or leaf."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from .._units import engineering, scale_for
from ..cost.tree import QUANTITIES, Quantity
from .breakdown import By, Tree, breakdown, component_order, label
from .style import CATEGORIES, COMPONENTS, INK, MUTED, REST, TEMPLATE

#: steps that are shown; smaller ones are summed as `other`
STEPS = 10
_LESS, _MORE = CATEGORIES[0], CATEGORIES[4]


@dataclass(frozen=True)
class Waterfall:
    """From `start` to `end` in steps, the largest first; `start` and the steps sum to `end`."""

    start: float
    end: float
    names: tuple[str, ...]
    steps: tuple[float, ...]
    unit: str


def waterfall(diff: Mapping[str, Any], quantity: Quantity, most: int = STEPS) -> Waterfall:
    """The steps of one quantity (takes the plain data of `TreeDiff.to_dict`); what did not change is left out."""
    total = diff["total"][quantity]
    changes = [(row["name"], row[quantity]["difference"]) for row in diff["rows"]]
    changes = sorted((change for change in changes if change[1]), key=lambda change: -abs(change[1]))
    if len(changes) > most:
        changes[most - 1 :] = [("other", sum(step for _, step in changes[most - 1 :]))]
    names, steps = zip(*changes, strict=True) if changes else ((), ())
    return Waterfall(total["a"], total["b"], names, steps, QUANTITIES[quantity][1])


def build_up(tree: Tree, quantity: Quantity, by: By, most: int = STEPS) -> Waterfall:
    """From nothing to the whole of a cost tree: a step per component or layer, those of a network in its order."""
    data = breakdown(tree, quantity)
    names, sums = (data.layers, data.values.sum(1)) if by == "layer" else (data.components, data.values.sum(0))
    steps = [(name, float(value)) for name, value in zip(names, sums, strict=True) if value]
    if by == "component":
        steps.sort(key=lambda step: (step[0] == "other", -step[1]))
    if len(steps) > most:
        steps[most - 1 :] = [("other", sum(value for _, value in steps[most - 1 :]))]
    return Waterfall(0.0, tree[quantity], tuple(n for n, _ in steps), tuple(v for _, v in steps), data.unit)


def build_up_figure(tree: Tree, quantity: Quantity, by: By) -> go.Figure:
    """Bars that climb to the total, each with its share."""
    data = build_up(tree, quantity, by)
    scale = scale_for(data.end, data.unit)
    colors = dict(zip(component_order(tree), COMPONENTS, strict=False))
    figure = go.Figure(layout={"template": TEMPLATE, "hovermode": "closest", "bargap": 0.25})
    starts = [sum(data.steps[:index]) for index in range(len(data.steps))]
    bars = [*zip(data.names, data.steps, starts, strict=True), ("total", data.end, 0.0)]
    plain = CATEGORIES[0] if by == "layer" else REST
    figure.add_bar(
        x=[label(name) for name, _, _ in bars],
        y=[value * scale.factor for _, value, _ in bars],
        base=[start * scale.factor for _, _, start in bars],
        marker={"color": [*[colors.get(name, plain) for name in data.names], MUTED]},
        text=[*[f"{value / (data.end or 1.0):.0%}" for value in data.steps], engineering(data.end, data.unit, 3)],
        textposition="outside",
        textfont={"size": 11, "color": INK},
        customdata=[engineering(value, data.unit) for _, value, _ in bars],
        hovertemplate="%{x} <b>%{customdata}</b><extra></extra>",
        cliponaxis=False,
        showlegend=False,
    )
    figure.update_yaxes(title={"text": f"{QUANTITIES[quantity][0]} ({scale.unit})"}, rangemode="tozero")
    figure.update_xaxes(showgrid=False, ticks="", type="category")
    return figure.update_layout(margin={"t": 24, "r": 8}, height=380)


def waterfall_figure(diff: Mapping[str, Any], quantity: Quantity) -> go.Figure:
    """Bars from A to B: what falls and what rises differ in colour and in sign."""
    data = waterfall(diff, quantity)
    scale = scale_for(max(data.start, data.end), data.unit)
    base = data.start or 1.0
    steps = [f"{step / base:+.1%}" for step in data.steps]
    bars = [data.start, *data.steps, data.end]
    figure = go.Figure(layout={"template": TEMPLATE, "hovermode": "closest"})
    figure.add_waterfall(
        x=["A", *map(label, data.names), "B"],
        y=[value * scale.factor for value in bars],
        measure=["absolute", *["relative"] * len(steps), "total"],
        text=[engineering(data.start, data.unit, 3), *steps, engineering(data.end, data.unit, 3)],
        textposition="outside",
        textfont={"size": 11, "color": INK},
        customdata=[("−" if value < 0 else "") + engineering(abs(value), data.unit) for value in bars],
        hovertemplate="%{x} <b>%{customdata}</b><extra></extra>",
        increasing={"marker": {"color": _MORE}},
        decreasing={"marker": {"color": _LESS}},
        totals={"marker": {"color": MUTED}},
        connector={"line": {"color": MUTED, "width": 0.8}},
        cliponaxis=False,
        showlegend=False,
    )
    figure.update_yaxes(title={"text": f"{QUANTITIES[quantity][0]} ({scale.unit})"}, rangemode="tozero")
    figure.update_xaxes(showgrid=False, ticks="", type="category")
    title = f"A: {label(diff['names'][0])} → B: {label(diff['names'][1])}"
    figure.update_layout(title={"text": title, "font": {"size": 13}, "x": 0, "xanchor": "left"})
    return figure.update_layout(margin={"t": 44, "r": 8}, height=380)
