"""Charts as SVG text: lines and points over two axes, and values with their ranges, one line each.

For files that must be drawn without a browser; pages that readers play with use plotly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .style import CATEGORIES, INK, MUTED, RULE
from .svg import document, text

#: margins, and the height of one line of values, in pixels
LEFT, TOP, BOTTOM, LINE = 70, 34, 46, 20


@dataclass(frozen=True)
class Axis:
    """What an axis shows; the range is that of the data.

    Attributes:
        log: logarithmic. zero: whether a linear range begins at 0 (or ends there).
        names: of the values 0, 1, 2, ..., where these stand for something; they are the ticks then.
    """

    label: str
    log: bool = False
    zero: bool = True
    names: tuple[str, ...] = ()

    def tick(self, value: float) -> str:
        """What stands at a tick."""
        return self.names[round(value)] if self.names else f"{value:.6g}"


@dataclass(frozen=True)
class Series:
    """Points of one name, joined by lines unless `line` is False."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    line: bool = True


@dataclass(frozen=True)
class Range:
    """A value with its range, and what is measured (or published) beside it if anything is."""

    label: str
    value: float
    low: float
    high: float
    measured: float | None = None


def xy_chart(series: Sequence[Series], x: Axis, y: Axis, *, width: int = 640, height: int = 380) -> str:
    """Lines and points over two axes; raises `ValueError` for a value that a log axis cannot show."""
    wide, high = width - LEFT - 20, height - TOP - BOTTOM
    across, x_ticks = _scale(x, [value for one in series for value in one.x], wide)
    up, y_ticks = _scale(y, [value for one in series for value in one.y], high)
    parts = [f'<g transform="translate({LEFT} {TOP})">']
    for at in x_ticks:
        parts.append(f'<path d="M{across(at):.1f} 0V{high}" stroke="{RULE}"/>')
        parts.append(text(across(at), high + 16, x.tick(at), MUTED, "middle"))
    for at in y_ticks:
        parts.append(f'<path d="M0 {high - up(at):.1f}H{wide}" stroke="{RULE}"/>')
        parts.append(text(-6, high - up(at) + 4, y.tick(at), MUTED, "end"))
    for index, one in enumerate(series):
        colour = CATEGORIES[index % len(CATEGORIES)]
        points = [(across(a), high - up(b)) for a, b in zip(one.x, one.y, strict=True)]
        if one.line:
            path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.2" fill="{colour}"/>' for a, b in points]
        place = index * wide / len(series)
        parts.append(f'<circle cx="{place + 4:.1f}" cy="-18" r="4" fill="{colour}"/>')
        parts.append(text(place + 12, -14, one.name))
    parts.append(text(wide / 2, high + 36, x.label, INK, "middle"))
    parts.append(f'<g transform="translate(-54 {high / 2:.1f}) rotate(-90)">{text(0, 0, y.label, INK, "middle")}</g>')
    return document(width, height, "\n".join([*parts, "</g>"]))


def range_chart(rows: Sequence[Range], axis: Axis, *, measured: str = "measured", width: int = 720) -> str:
    """Values with their ranges from left to right, one line each; what is measured is a ring."""
    left, high = 240, LINE * len(rows)
    wide = width - left - 24
    seen = [value for row in rows for value in (row.low, row.high, row.measured) if value is not None]
    across, ticks = _scale(axis, seen, wide)
    parts = [f'<g transform="translate({left} {TOP})">', *_legend(measured)]
    for at in ticks:
        parts.append(f'<path d="M{across(at):.1f} 0V{high}" stroke="{RULE}"/>')
        parts.append(text(across(at), high + 16, axis.tick(at), MUTED, "middle"))
    for index, row in enumerate(rows):
        y = LINE * (index + 0.5)
        parts.append(text(-8, y + 4, row.label, INK, "end"))
        bar = f"M{across(row.low):.1f} {y}H{across(row.high):.1f}"
        parts.append(f'<path d="{bar}" stroke="{CATEGORIES[5]}" stroke-width="6" stroke-opacity="0.6"/>')
        parts.append(f'<circle cx="{across(row.value):.1f}" cy="{y}" r="4" fill="{CATEGORIES[0]}"/>')
        if row.measured is not None:
            ring = f'fill="none" stroke="{CATEGORIES[4]}" stroke-width="2"'
            parts.append(f'<circle cx="{across(row.measured):.1f}" cy="{y}" r="5" {ring}/>')
    parts.append(text(wide / 2, high + 36, axis.label, INK, "middle"))
    return document(width, TOP + high + BOTTOM, "\n".join([*parts, "</g>"]))


def _legend(measured: str) -> list[str]:
    ring = f'fill="none" stroke="{CATEGORIES[4]}" stroke-width="2"'
    return [
        f'<circle cx="4" cy="-18" r="4" fill="{CATEGORIES[0]}"/>' + text(12, -14, "predicted, with its band"),
        f'<circle cx="174" cy="-18" r="5" {ring}/>' + text(184, -14, measured),
    ]


def _scale(axis: Axis, values: Iterable[float], length: float) -> tuple[Callable[[float], float], list[float]]:
    """Where a value lies along an axis of that length, and the values of its ticks."""
    if axis.names:
        count = len(axis.names)
        return lambda value: (value + 0.5) / count * length, [float(index) for index in range(count)]
    seen = list(values)
    low, high = min(seen), max(seen)
    if axis.log:
        if low <= 0:
            raise ValueError(f"{axis.label}: {low} cannot be shown on a log axis")
        ticks = _decades(low, high)
        first, last = math.log10(ticks[0]), math.log10(ticks[-1])
        return lambda value: (math.log10(value) - first) / (last - first) * length, ticks
    if axis.zero:
        low, high = min(low, 0.0), max(high, 0.0) or 1.0
    elif low == high:
        low, high = low - 1, high + 1
    step = 10.0 ** math.floor(math.log10((high - low) / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 6)
    start, end = math.floor(low / step), math.ceil(high / step)
    ticks = [step * index for index in range(start, end + 1)]
    return lambda value: (value - ticks[0]) / (ticks[-1] - ticks[0]) * length, ticks


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten around a range; where that is less than two of them, twice and five times them too."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    last = max(last, first + 1)
    ticks = [10.0**power for power in range(first, last + 1)]
    if math.log10(high / low) >= 2 or last - first > 2:
        return ticks
    fine = [tick * factor for tick in ticks for factor in (1, 2, 5)]
    start = max(index for index, tick in enumerate(fine) if tick <= low)
    end = min((index for index, tick in enumerate(fine) if tick >= high and index > start), default=len(fine) - 1)
    return fine[start : end + 1]
