"""Several charts in one SVG document, and a number that changes step by step."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .chart import BOTTOM, LINE, TOP, Axis, _scale
from .style import CATEGORIES, INK, MUTED, RULE
from .svg import document, text

_SIZE = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')
_TITLE = 22


def panels(charts: Sequence[tuple[str, str]], columns: int = 2) -> str:
    """Charts (title, document) from left to right, then from top to bottom; a row is as high as its highest."""
    sizes = [_size(chart) for _, chart in charts]
    wide = max(width for width, _ in sizes)
    body, y = [], 0.0
    for first in range(0, len(charts), columns):
        row = range(first, min(first + columns, len(charts)))
        for place, index in enumerate(row):
            (title, chart), (width, height) = charts[index], sizes[index]
            body.append(text(place * wide + 14, y + 16, title))
            frame = f'<svg x="{place * wide:g}" y="{y + _TITLE:g}" width="{width:g}" height="{height:g}" '
            body.append(chart.strip().replace("<svg ", frame, 1))
        y += _TITLE + max(sizes[index][1] for index in row)
    return document(wide * min(columns, len(charts)), y, "\n".join(body))


def _size(chart: str) -> tuple[float, float]:
    found = _SIZE.search(chart)
    assert found is not None  # every chart is a `document`
    return float(found[1]), float(found[2])


def steps_chart(steps: Sequence[tuple[str, float]], axis: Axis, *, width: int = 720) -> str:
    """A waterfall from top to bottom: the first value, then where each further step takes it.

    Args:
        steps: (what was changed, the value from then on).
    """
    left, high = 240, LINE * len(steps)
    wide = width - left - 90
    across, ticks = _scale(axis, [value for _, value in steps], wide)
    parts = [f'<g transform="translate({left} {TOP})">']
    for at in ticks:
        parts.append(f'<path d="M{across(at):.1f} 0V{high}" stroke="{RULE}"/>')
        parts.append(text(across(at), high + 16, axis.tick(at), MUTED, "middle"))
    before = steps[0][1]
    for index, (name, value) in enumerate(steps):
        y, colour = LINE * (index + 0.5), CATEGORIES[4] if value > before else CATEGORIES[0]
        parts.append(text(-8, y + 4, name, INK, "end"))
        bar = f"M{across(before):.1f} {y}H{across(value):.1f}"
        parts.append(f'<path d="{bar}" stroke="{colour}" stroke-width="9" stroke-opacity="0.75"/>')
        parts.append(f'<circle cx="{across(value):.1f}" cy="{y}" r="3.2" fill="{INK}"/>')
        if value != before:
            parts.append(text(max(across(before), across(value)) + 8, y + 4, f"x {value / before:.3g}", MUTED))
        before = value
    parts.append(text(wide / 2, high + 36, axis.label, INK, "middle"))
    return document(width, TOP + high + BOTTOM, "\n".join([*parts, "</g>"]))
