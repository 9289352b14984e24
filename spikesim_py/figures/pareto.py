"""Designs as points, the Pareto front as a step line over the cloud."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from .columns import Column, Frame, column, describing, is_number, shown, spans_decades, varying
from .style import CATEGORIES, FRONT, PAPER, RULE, SYMBOLS, TEMPLATE, ordered_colors

#: more colours than this in one legend cannot be told apart: a colour bar takes over
_MAX_GROUPS = 8
#: above this many points WebGL draws faster than SVG, and error bars hide the cloud
_MANY = 3000


@dataclass(frozen=True)
class Points:
    """What a Pareto figure draws, as numbers in shown units.

    Attributes:
        x, y: coordinates of the designs that have both, shape (points,).
        low, high: 95 % interval of y, or None where y has none.
        front: which points are not dominated.
        rows: row of the frame of each point.
        across, up: the two columns.
    """

    x: np.ndarray
    y: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None
    front: np.ndarray
    rows: np.ndarray
    across: Column
    up: Column

    def step(self) -> tuple[np.ndarray, np.ndarray, str]:
        """The front sorted along x, and the line shape that bounds what it dominates.

        Between two neighbours the attained y is that of the left one if small x is better, else of the right.
        """
        order = np.flatnonzero(self.front)[np.argsort(self.x[self.front], kind="stable")]
        return self.x[order], self.y[order], "vh" if self.across.larger_is_better else "hv"


@dataclass(frozen=True)
class Group:
    """Points that share a colour: name in the legend, colour, marker, members among the points."""

    name: str
    color: str
    symbol: str
    members: np.ndarray


def pareto_points(frame: Frame, x: str, y: str, front: np.ndarray | None = None) -> Points:
    """Extract the points of a frame.

    Args:
        frame: columns of a study. x, y: names of numeric columns.
        front: per row of the frame, whether it is on the front; None draws no front.
    """
    across, up = column(frame, x), column(frame, y)
    xs, ys = np.asarray(frame[x], float) * across.factor, np.asarray(frame[y], float) * up.factor
    rows = np.flatnonzero(np.isfinite(xs) & np.isfinite(ys))
    on_front = np.zeros(xs.size, bool) if front is None else np.asarray(front, bool)
    low = high = None
    if y == "accuracy" and "accuracy_low" in frame:
        low = np.asarray(frame["accuracy_low"], float)[rows] * up.factor
        high = np.asarray(frame["accuracy_high"], float)[rows] * up.factor
    return Points(xs[rows], ys[rows], low, high, on_front[rows], rows, across, up)


def color_groups(frame: Frame, rows: np.ndarray, color: str) -> list[Group]:
    """One group per value of a column, ordered; empty if the column is continuous."""
    values = np.asarray(frame[color])[rows]
    levels = np.unique(values)
    if levels.size > _MAX_GROUPS:
        return []
    numeric = is_number(frame, color)
    colors = ordered_colors(max(levels.size, 1)) if numeric else list(CATEGORIES)
    names = [shown(frame, color, int(rows[np.flatnonzero(values == level)[0]])) for level in levels]
    return [Group(names[i], colors[i], SYMBOLS[i], np.flatnonzero(values == level)) for i, level in enumerate(levels)]


def pareto_figure(
    frame: Frame,
    x: str = "edap",
    y: str = "accuracy",
    color: str = "weight_bits",
    front: np.ndarray | None = None,
    *,
    selected: str | None = None,
    log_x: bool | None = None,
    log_y: bool | None = None,
) -> go.Figure:
    """Scatter of two columns, coloured by a third, with the front as a step line.

    Args:
        front: per row of the frame, whether it is on the front.
        selected: report_hash of a design to ring.
        log_x, log_y: logarithmic axes; None decides by the span of the column.
    """
    points = pareto_points(frame, x, y, front)
    figure = go.Figure(layout={"template": TEMPLATE, "hovermode": "closest", "dragmode": "zoom"})
    if points.front.any():
        figure.add_trace(_front_line(points))
    figure.add_traces(list(_clouds(frame, points, color)))
    figure.add_traces(_ring(frame, points, selected))
    figure.update_xaxes(_axis(points.x, points.across, spans_decades(frame, x) if log_x is None else log_x))
    figure.update_yaxes(_axis(points.y, points.up, spans_decades(frame, y) if log_y is None else log_y))
    figure.update_layout(
        uirevision=f"{x}|{y}|{log_x}|{log_y}",
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "title": {"text": ""}},
        margin={"t": 36, "r": 44},
        modebar={"orientation": "v", "bgcolor": "rgba(0,0,0,0)", "color": "#9aa5b1", "activecolor": FRONT},
    )
    return figure


def _front_line(points: Points) -> go.Scatter:
    x, y, shape = points.step()
    line = {"shape": shape, "color": FRONT, "width": 1.6}
    return go.Scatter(x=x, y=y, mode="lines", line=line, name="Pareto front", hoverinfo="skip")


def _clouds(frame: Frame, points: Points, color: str) -> Iterator[go.Scatter | go.Scattergl]:
    """Per colour the dominated points, pale and small, then the front, solid and large."""
    groups = color_groups(frame, points.rows, color)
    name = column(frame, color).title
    for on_front in (False, True):
        for group in groups:
            members = group.members[points.front[group.members] == on_front]
            marker = {"color": group.color, "symbol": group.symbol}
            trace = _cloud(frame, points, members, on_front, marker)
            label = f"{name} {group.name}" if is_number(frame, color) else group.name
            first = on_front or not points.front[group.members].any()
            yield trace.update(name=label, legendgroup=label, showlegend=bool(first and group.members.size))
        if not groups:
            yield _continuous(frame, points, np.flatnonzero(points.front == on_front), on_front, color)


def _continuous(
    frame: Frame, points: Points, members: np.ndarray, on_front: bool, color: str
) -> go.Scatter | go.Scattergl:
    about, values = column(frame, color), np.asarray(frame[color])[points.rows]
    if not is_number(frame, color):
        values = np.unique(values, return_inverse=True)[1]
    scaled = values.astype(float) * about.factor
    marker = {
        "color": scaled[members],
        "colorscale": "Viridis",
        "cmin": np.nanmin(scaled),
        "cmax": np.nanmax(scaled),
        "showscale": on_front or not points.front.any(),
        "colorbar": {"title": {"text": about.title, "side": "right"}, "thickness": 10, "outlinewidth": 0},
    }
    return _cloud(frame, points, members, on_front, marker).update(showlegend=False)


def _cloud(
    frame: Frame, points: Points, members: np.ndarray, on_front: bool, marker: Mapping[str, object]
) -> go.Scatter | go.Scattergl:
    many = points.x.size > _MANY
    kind = go.Scattergl if many else go.Scatter
    line = {"width": 1.2 if on_front else 0, "color": PAPER}
    look = {"size": 11 if on_front else 7, "opacity": 1.0 if on_front else 0.38, "line": line}
    rows = points.rows[members]
    return kind(
        x=points.x[members],
        y=points.y[members],
        mode="markers",
        marker={**marker, **look},
        error_y=None if many and not on_front else _bars(points, members, marker["color"], on_front),
        customdata=[str(frame["report_hash"][row]) for row in rows],  # a list: arrays vanish from Dash events
        text=[_card(frame, points, int(i)) for i in members],
        hovertemplate="%{text}<extra></extra>",
    )


def _bars(points: Points, members: np.ndarray, color: object, on_front: bool) -> dict[str, object] | None:
    if points.low is None or points.high is None:
        return None
    return {
        "type": "data",
        "symmetric": False,
        "array": (points.high - points.y)[members],
        "arrayminus": (points.y - points.low)[members],
        "color": color if isinstance(color, str) and on_front else "rgba(95,108,123,0.22)",
        "thickness": 1.2 if on_front else 0.8,
        "width": 3 if on_front else 0,
    }


def _card(frame: Frame, points: Points, i: int) -> str:
    """The hover card: what the design is, then both coordinates."""
    row = int(points.rows[i])
    lines = [f"<b>{shown(frame, 'network', row)}</b>"] if "network" in frame else []
    differing = [name for name in varying(frame) if name not in ("network", "chip")]
    lines += [f"{column(frame, name).label} {shown(frame, name, row)}" for name in differing]
    lines += [f"{about.label} <b>{shown(frame, about.name, row)}</b>" for about in (points.across, points.up)]
    if points.low is not None and points.high is not None:
        lines.append(f"95 % interval {points.low[i]:.1f} to {points.high[i]:.1f} %")
    return "<br>".join(lines)


def _ring(frame: Frame, points: Points, selected: str | None) -> list[go.Scatter]:
    hashes = np.asarray(frame["report_hash"])[points.rows].astype(str)
    hit = np.flatnonzero(hashes == selected) if selected else np.array([], int)
    if not hit.size:
        return []
    marker = {"size": 20, "color": "rgba(0,0,0,0)", "line": {"width": 2.4, "color": "#D55E00"}}
    x, y = points.x[hit[:1]], points.y[hit[:1]]
    return [go.Scatter(x=x, y=y, mode="markers", marker=marker, hoverinfo="skip", name="selected")]


def _axis(values: np.ndarray, about: Column, log: bool) -> dict[str, object]:
    arrow = {True: "  →  better", False: "  ←  better", None: ""}[about.larger_is_better]
    logarithmic = bool(log and values.size and values.min() > 0)
    axis: dict[str, object] = {"title": {"text": about.title + arrow}, "type": "log" if logarithmic else "linear"}
    if logarithmic:
        narrow = values.max() / values.min() < 1000
        axis |= {"dtick": "D2", "tickformat": ",~g"} if narrow else {"dtick": 1, "minor": {"gridcolor": RULE}}
    return axis


__all__ = ["Points", "color_groups", "describing", "pareto_figure", "pareto_points"]
