"""Differences of the study of distillation with their intervals, one panel for each data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spikesim_py.figures.style import CATEGORIES, INK, MUTED, RULE
from spikesim_py.figures.svg import document, text

if TYPE_CHECKING:
    from .distillation import Gain

#: panel, distance between panels, height of a line, margins, in pixels; least distance of marks on the axis
WIDE, STEP, LINE, LEFT, TOP = 300, 440, 18, 130, 40
_TICKS = (0.5, 1.0, 2.0, 5.0, 10.0)


def figure(found: Sequence[Gain]) -> str:
    """An SVG document."""
    panels: dict[str, list[Gain]] = {}
    for gain in found:
        panels.setdefault(gain.data, []).append(gain)
    height = TOP + LINE * max(map(len, panels.values())) + 50
    body = "\n".join(_panel(gains, LEFT + i * STEP) for i, gains in enumerate(panels.values()))
    return document(LEFT + STEP * len(panels), height, body)


def _panel(gains: Sequence[Gain], x: float) -> str:
    low = min(0.0, *(g.mean - g.half for g in gains))
    high = max(0.0, *(g.mean + g.half for g in gains))
    tick = next((t for t in _TICKS if (high - low) / t <= 8), _TICKS[-1])
    first, last = int(low // tick), int(-(-high // tick))
    tall = LINE * len(gains)

    def at(value: float) -> float:
        return WIDE * (value / tick - first) / max(last - first, 1)

    lines = [f'<g transform="translate({x} {TOP})">']
    for index in range(first, last + 1):
        place = at(index * tick)
        lines.append(f'<path d="M{place:.1f} 0V{tall}" stroke="{RULE if index else MUTED}"/>')
        lines.append(text(place, tall + 16, f"{index * tick:+g}" if index else "0", MUTED, "middle"))
    widths = sorted({gain.weight_bits for gain in gains}, reverse=True)
    for row, gain in enumerate(gains):
        y, colour = LINE * (row + 0.5), CATEGORIES[widths.index(gain.weight_bits)]
        fill = colour if gain.sure else "none"
        lines.append(
            text(-8, y + 4, f"{gain.weight_bits} bit{'s' * (gain.weight_bits > 1)}, {gain.method}", INK, "end")
        )
        ends = f"M{at(gain.mean - gain.half):.1f} {y:.1f}H{at(gain.mean + gain.half):.1f}"
        lines.append(f'<path d="{ends}" stroke="{colour}" stroke-width="2"/>')
        lines.append(f'<circle cx="{at(gain.mean):.1f}" cy="{y:.1f}" r="4" fill="{fill}" stroke="{colour}"/>')
    seeds = " or ".join(map(str, sorted({gain.seeds for gain in gains}, reverse=True)))
    lines.append(text(0, -12, f"{gains[0].data}: mean and 95 % interval, {seeds} seeds; filled: without 0"))
    lines.append(text(WIDE / 2, tall + 36, "accuracy less naive quantization's, points", INK, "middle"))
    return "\n".join([*lines, "</g>"])
