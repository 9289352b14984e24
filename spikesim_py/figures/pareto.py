"""Designs as points, the Pareto front as a step line over the cloud."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import plotly.graph_objects as go

from .._units import number
from .axes import Placing, placing
from .columns import Column, Frame, column, is_number, shown, varying
from .style import AXIS, CATEGORIES, FRONT, PAPER, REST, SELECTED, SYMBOLS, TEMPLATE, VEIL, ordered_colors

#: more colours than this in one legend cannot be told apart: a colour bar takes over
_MAX_GROUPS = 8
#: above this many points WebGL draws faster than SVG, error bars hide the cloud, and hover cards are too much to send
_MANY = 3000
#: diameters in px of the least and the largest of what size shows
_SIZES = (6.0, 22.0)


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


def pareto_points(
    frame: Frame, x: str, y: str, front: np.ndarray | None = None, meets: np.ndarray | None = None
) -> Points:
    """Extract the points of a frame.

    Args:
        frame: columns of a study. x, y: names of numeric columns.
        front: per row of the frame, whether it is on the front; None draws no front.
        meets: per row of the frame, whether it counts at all; None takes every row.
    """
    across, up = column(frame, x), column(frame, y)
    xs, ys = np.asarray(frame[x], float) * across.factor, np.asarray(frame[y], float) * up.factor
    known = np.isfinite(xs) & np.isfinite(ys)
    rows = np.flatnonzero(known if meets is None else known & meets)
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
    members = [np.flatnonzero((values == level) | ((values != values) & (level != level))) for level in levels]  # NaN
    names = shown(frame, color, [int(rows[own[0]]) for own in members])
    return [Group(names[i], colors[i], SYMBOLS[i], own) for i, own in enumerate(members)]


def by_logarithm(shown: np.ndarray, about: Column) -> bool:
    """Whether colours step by ratios: of metrics that span more than two decades."""
    known = shown[np.isfinite(shown)]
    wide = bool(known.size and known.min() > 0 and known.max() > 100 * known.min())
    return wide and about.larger_is_better is not None


def pareto_figure(
    frame: Frame,
    x: str = "edap",
    y: str = "accuracy",
    color: str = "weight_bits",
    front: np.ndarray | None = None,
    *,
    size: str | None = None,
    meets: np.ndarray | None = None,
    selected: str | None = None,
    log_x: bool | None = None,
    log_y: bool | None = None,
) -> go.Figure:
    """Scatter of two columns, coloured by a third, sized by a fourth, with the front as a step line.

    Args:
        front: per row of the frame, whether it is on the front.
        meets: per row of the frame, whether it keeps the reader's limits; the others stay as grey dots.
        selected: report_hash of a design to ring.
        log_x, log_y: logarithmic axes; None decides by the span of the column.
    """
    every, points = pareto_points(frame, x, y), pareto_points(frame, x, y, front, meets)
    placed = placing(every.x, points.across, log_x), placing(every.y, points.up, log_y)
    told = every.x.size <= _MANY
    drawing = _Drawing(frame, points, *placed, marker_sizes(frame, size) if size else None, told)
    outside = pareto_points(frame, x, y, None, None if meets is None else ~meets)
    ruled_out = _Drawing(frame, outside, *placed, told=told)
    figure = go.Figure(layout={"template": TEMPLATE, "hovermode": "closest", "dragmode": "zoom"})
    figure.add_traces([] if meets is None else ruled_out.dots("outside the limits"))
    figure.add_traces([*drawing.front_line(), *drawing.clouds(color), *replace(drawing, points=every).ring(selected)])
    figure.update_xaxes(drawing.across.axis())
    figure.update_yaxes(drawing.up.axis())
    figure.update_layout(
        uirevision=f"{x}|{y}|{log_x}|{log_y}",
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "title": {"text": ""}},
        margin={"t": 36, "r": 44},
        modebar={"orientation": "v", "bgcolor": "rgba(0,0,0,0)", "color": AXIS, "activecolor": FRONT},
    )
    return figure


def marker_sizes(frame: Frame, name: str) -> np.ndarray:
    """Diameters in px per row of a frame, from the smallest value of a numeric column to its largest.

    Areas grow evenly with the value, or with its logarithm where it spans more than a decade; unknown ones are least.
    """
    values = np.asarray(frame[name], float)
    known = np.isfinite(values)
    if not known.any():
        return np.full(values.size, _SIZES[0])
    low, high = values[known].min(), values[known].max()
    if low > 0 and high > 10 * low:
        values, low, high = np.log(np.where(known, values, low)), np.log(low), np.log(high)
    share = np.where(known, (values - low) / ((high - low) or 1.0), 0.0)
    return np.sqrt(_SIZES[0] ** 2 + share * (_SIZES[1] ** 2 - _SIZES[0] ** 2))


@dataclass(frozen=True)
class _Drawing:
    """Points on their way to traces; `sizes` are diameters per row of the frame, if they say something.

    Dominated points have whole hover cards only if they are `told`: of many, these are too much to send.
    """

    frame: Frame
    points: Points
    across: Placing
    up: Placing
    sizes: np.ndarray | None = None
    told: bool = True

    def front_line(self) -> list[go.Scatter]:
        x, y, shape = self.points.step()
        line = {"shape": shape, "color": FRONT, "width": 1.6}
        at = {"x": self.across.place(x), "y": self.up.place(y)}
        return [go.Scatter(**at, mode="lines", line=line, name="Pareto front", hoverinfo="skip")] if x.size else []

    def dots(self, name: str) -> list[go.Scatter | go.Scattergl]:
        """Small grey points, which can still be asked what they are."""
        members = np.arange(self.points.x.size)
        dots = self.cloud(members, False, {"color": REST, "symbol": "circle-open"})
        return [dots.update(name=name, error_y=None, marker_size=5)] if members.size else []

    def ring(self, selected: str | None) -> list[go.Scatter]:
        hit = np.flatnonzero(np.asarray(self.frame["report_hash"])[self.points.rows].astype(str) == selected)[:1]
        marker = {"size": 20, "color": "rgba(0,0,0,0)", "line": {"width": 2.4, "color": SELECTED}}
        at = {"x": self.across.place(self.points.x[hit]), "y": self.up.place(self.points.y[hit])}
        return [go.Scatter(**at, mode="markers", marker=marker, hoverinfo="skip", name="selected")] if hit.size else []

    def clouds(self, color: str) -> Iterator[go.Scatter | go.Scattergl]:
        """Per colour the dominated points, pale and small, then the front, solid and large."""
        if not self.points.x.size:
            return
        groups, name = color_groups(self.frame, self.points.rows, color), column(self.frame, color).title
        front = self.points.front
        for on_front in (False, True):
            for rank, group in enumerate(groups):
                members = group.members[front[group.members] == on_front]
                label = f"{name} {group.name}" if is_number(self.frame, color) else group.name
                named = members.size and (on_front or not front[group.members].any())
                trace = self.cloud(members, on_front, {"color": group.color, "symbol": group.symbol})
                yield trace.update(name=label, legendgroup=label, legendrank=1001 + rank, showlegend=bool(named))
            if not groups:
                members = np.flatnonzero(front == on_front)
                yield self.cloud(members, on_front, self.color_bar(color, members)).update(showlegend=False)

    def color_bar(self, color: str, members: np.ndarray) -> dict[str, object]:
        """Marker of a column with too many values for a legend."""
        about, values = column(self.frame, color), np.asarray(self.frame[color])[self.points.rows]
        if not is_number(self.frame, color):
            values = np.unique(values, return_inverse=True)[1]
        scaled = values.astype(float) * about.factor
        font = {"size": 12}
        bar = {"title": {"text": about.title, "side": "right", "font": font}, "thickness": 10, "outlinewidth": 0}
        if by_logarithm(scaled, about):
            scaled = np.log10(scaled)
            powers = np.arange(np.floor(np.nanmin(scaled)), np.ceil(np.nanmax(scaled)) + 1)
            bar |= {"tickvals": powers, "ticktext": [number(10.0**power, 1) for power in powers]}
        limits = {"cmin": np.nanmin(scaled), "cmax": np.nanmax(scaled)}
        return {"color": scaled[members], "colorscale": "Viridis", "showscale": True, "colorbar": bar, **limits}

    def cloud(self, members: np.ndarray, on_front: bool, marker: Mapping[str, object]) -> go.Scatter | go.Scattergl:
        points, many = self.points, self.points.x.size > _MANY
        told = on_front or self.told or "error" in (self.across.kind, self.up.kind)
        line = {"width": 1.2 if on_front else 0, "color": PAPER}
        given = None if self.sizes is None else self.sizes[points.rows[members]]
        usual = 11 if on_front else 4.5 if many else 7
        look = {"size": usual if given is None else given, "line": line}
        look["opacity"] = 1.0 if on_front else 0.5
        return (go.Scattergl if many else go.Scatter)(
            x=self.across.place(points.x[members]).astype(np.float32 if many else float),
            y=self.up.place(points.y[members]).astype(np.float32 if many else float),
            mode="markers",
            marker={**marker, **look},
            error_y=None if many and not on_front else self.bars(members, marker["color"], on_front),
            # a list: arrays vanish from Dash's click events
            customdata=[str(found) for found in self.frame["report_hash"][points.rows[members]]],
            text=self.cards(members) if told else None,
            hovertemplate="%{text}<extra></extra>" if told else self.coordinates(),
        )

    def coordinates(self) -> str:
        """What hovering over one of very many points says, without a word sent for it."""
        both = (("x", self.points.across), ("y", self.points.up))
        lines = [f"{about.label} <b>%{{{axis}:.4~g}} {about.unit}</b>" for axis, about in both]
        return "<br>".join([*lines, "click for all of it"]) + "<extra></extra>"

    def bars(self, members: np.ndarray, color: object, on_front: bool) -> dict[str, object] | None:
        """From each point to both ends of its interval, as placed."""
        points = self.points
        if points.low is None or points.high is None:
            return None
        y, low, high = (self.up.place(values[members]) for values in (points.y, points.low, points.high))
        return {
            "type": "data",
            "symmetric": False,
            "array": np.maximum(low, high) - y,
            "arrayminus": y - np.minimum(low, high),
            "color": color if isinstance(color, str) and on_front else VEIL,
            "thickness": 1.2 if on_front else 0.8,
            "width": 3 if on_front else 0,
        }

    def cards(self, members: np.ndarray) -> list[str]:
        """Hover cards: what each design is, then both coordinates."""
        frame, points, rows = self.frame, self.points, self.points.rows[members]
        lines = [[f"<b>{text}</b>" for text in shown(frame, "network", rows)]] if "network" in frame else []
        for name in varying(frame):
            if name != "network":
                lines.append([f"{column(frame, name).label} {text}" for text in shown(frame, name, rows)])
        for about in (points.across, points.up):
            lines.append([f"{about.label} <b>{text}</b>" for text in shown(frame, about.name, rows)])
        if points.low is not None and points.high is not None:
            ends = zip(points.low[members], points.high[members], strict=True)
            lines.append([f"95 % interval {low:.1f} to {high:.1f} %" for low, high in ends])
        return ["<br>".join(card) for card in zip(*lines, strict=True)]
