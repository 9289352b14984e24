"""Designs side by side, and the fronts of two studies on one map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import plotly.graph_objects as go

from .._units import engineering, number, scale_for
from ..cost.tree import QUANTITIES, Quantity
from .axes import placing
from .breakdown import label
from .columns import Frame
from .pareto import Points, pareto_points
from .style import CATEGORIES, PAPER, SYMBOLS, TEMPLATE

#: names of designs and of studies: the first is what all others are held against
LETTERS = ("A", "B", "C", "D")
#: groups of bars that are shown; smaller ones are summed as `other`
GROUPS = 10


@dataclass(frozen=True)
class SideBySide:
    """One quantity of several designs: `values` is (names, designs), `totals` (designs,)."""

    names: tuple[str, ...]
    values: np.ndarray
    totals: np.ndarray
    unit: str


def side_by_side(diffs: Sequence[Mapping[str, Any]], quantity: Quantity) -> SideBySide:
    """The first design and every other one, from the differences between them, largest part first.

    Takes the plain data of `TreeDiff.to_dict`, one for each design but the first, which is A in all of them.
    """
    names = list(dict.fromkeys(row["name"] for found in diffs for row in found["rows"]))
    values = np.zeros((len(names), len(diffs) + 1))
    for place, found in enumerate(diffs, start=1):
        for row in found["rows"]:
            at, change = names.index(row["name"]), row[quantity]
            values[at, 0], values[at, place] = change["a"] or values[at, 0], change["b"]
    order = np.argsort(-values.max(axis=1), kind="stable")
    totals = [diffs[0]["total"][quantity]["a"], *[found["total"][quantity]["b"] for found in diffs]]
    unit = QUANTITIES[quantity][1]
    return SideBySide(tuple(names[i] for i in order), values[order], np.array(totals, float), unit)


def compare_figure(data: SideBySide, quantity: Quantity, most: int = GROUPS) -> go.Figure:
    """A group of horizontal bars per part, one bar per design, with its change from the first."""
    names, values = list(data.names), data.values
    if len(names) > most:
        names, values = [*names[: most - 1], "other"], np.vstack([values[: most - 1], values[most - 1 :].sum(axis=0)])
    scale = scale_for(float(values.max(initial=0.0)), data.unit)
    figure = go.Figure(layout={"template": TEMPLATE, "barmode": "group", "hovermode": "closest", "bargap": 0.28})
    for place in range(values.shape[1]):
        shown = [engineering(float(value), data.unit, 3) for value in values[:, place]]
        told = [_percent(*pair) if place else "" for pair in values[:, [0, place]].tolist()]
        figure.add_bar(
            y=[label(name) for name in names],
            x=values[:, place] * scale.factor,
            orientation="h",
            name=LETTERS[place],
            marker={"color": CATEGORIES[place], "line": {"width": 0.6, "color": PAPER}},
            customdata=list(zip(shown, told, strict=True)),
            hovertemplate=f"{LETTERS[place]} · %{{y}}<br><b>%{{customdata[0]}}</b> %{{customdata[1]}}<extra></extra>",
        )
    figure.update_xaxes(title={"text": f"{QUANTITIES[quantity][0]} ({scale.unit})"}, rangemode="tozero")
    figure.update_yaxes(autorange="reversed", showgrid=False, ticks="", type="category")
    figure.update_layout(
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        margin={"t": 30, "b": 46, "l": 10},
        height=100 + len(names) * (10 + 15 * values.shape[1]),
    )
    return figure


def _percent(a: float, b: float) -> str:
    return f"({100 * (b / a - 1):+.1f} %)" if a else "(A has none)" if b else ""


def fronts_figure(
    frames: Sequence[Frame], fronts: Sequence[np.ndarray], names: Sequence[str], x: str, y: str
) -> go.Figure:
    """The designs of some studies as pale points, their fronts as step lines, a colour and a marker each.

    Args:
        frames: columns of each study, with x and y. fronts: per row, whether it is on the front of its own study.
    """
    joined = {name: np.concatenate([np.asarray(frame[name], float) for frame in frames]) for name in (x, y)}
    every = pareto_points(joined, x, y, np.concatenate(fronts))
    owner = np.repeat(np.arange(len(frames)), [len(front) for front in fronts])[every.rows]
    across, up = placing(every.x, every.across, None), placing(every.y, every.up, None)
    figure = go.Figure(layout={"template": TEMPLATE, "hovermode": "closest"})
    for place, name in enumerate(names):
        mine = owner == place
        points = replace(every, x=every.x[mine], y=every.y[mine], front=every.front[mine], rows=every.rows[mine])
        look = {"color": CATEGORIES[place], "symbol": SYMBOLS[place]}
        cards = [_card(name, points, at) for at in range(points.x.size)]
        shared = {"name": label(name), "legendgroup": name, "hovertemplate": "%{text}<extra></extra>"}
        beaten, order = np.flatnonzero(~points.front), np.argsort(points.x[points.front], kind="stable")
        kept, shape = np.flatnonzero(points.front)[order], points.step()[2]
        figure.add_scattergl(
            x=across.place(points.x[beaten]),
            y=up.place(points.y[beaten]),
            mode="markers",
            marker={**look, "size": 6, "opacity": 0.3},
            text=[cards[at] for at in beaten],
            showlegend=False,
            **shared,
        )
        figure.add_scatter(
            x=across.place(points.x[kept]),
            y=up.place(points.y[kept]),
            mode="lines+markers",
            line={"shape": shape, "color": look["color"], "width": 2, "dash": "dash" if place else "solid"},
            marker={**look, "size": 9},
            text=[cards[at] for at in kept],
            **shared,
        )
    figure.update_xaxes(across.axis())
    figure.update_yaxes(up.axis())
    legend = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
    return figure.update_layout(legend=legend, margin={"t": 36, "r": 16}, height=430)


def _card(name: str, points: Points, at: int) -> str:
    """What a point is, on hover."""
    pairs = ((points.across, points.x[at]), (points.up, points.y[at]))
    lines = [f"{about.label} <b>{number(float(value))} {about.unit}</b>" for about, value in pairs]
    return "<br>".join([f"<b>{label(name)}</b>", *lines])
