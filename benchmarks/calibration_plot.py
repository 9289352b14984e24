"""Prediction against table, one panel per quantity: an SVG that needs nothing but a browser to be seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from benchmarks.calibration import QUANTITIES, TOTAL, Check
from spikesim_py.figures.style import CATEGORIES, FONT, INK, MUTED, PAPER, RULE

#: side of a panel, from one panel to the next, margins, in pixels
PANEL, STEP_X, STEP_Y, LEFT, TOP = 300, 370, 395, 70, 70
UNITS = {"area": "um2", "latency": "ns", "energy": "pJ per bit-plane", "leakage": "uW"}
NODES = (65, 45, 32, 22)
COLOURS = dict(zip(NODES, CATEGORIES, strict=False))


def save(found: Sequence[Check], path: Path) -> None:
    """Write the figure."""
    width, height = LEFT + 2 * STEP_X, TOP + 2 * STEP_Y - 45
    panels = [
        _panel(quantity, [c for c in found if c.quantity == quantity], LEFT + i % 2 * STEP_X, TOP + i // 2 * STEP_Y)
        for i, quantity in enumerate(QUANTITIES)
    ]
    body = "\n".join(panels)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="{escape(FONT)}">\n'
        f'<rect width="{width}" height="{height}" fill="{PAPER}"/>\n{_legend(width)}\n{body}\n</svg>\n',
        encoding="utf-8",
    )


def _panel(quantity: str, found: Sequence[Check], x: float, y: float) -> str:
    """Both axes are logarithmic and span the same decades."""
    values = [value for check in found for value in (check.reference, check.predicted)]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))

    def at(value: float) -> float:
        return (math.log10(value) - low) / (high - low) * PANEL

    lines = [f'<g transform="translate({x} {y})">']
    for decade in range(low, high + 1):
        place = (decade - low) / (high - low) * PANEL
        lines += [
            f'<path d="M{place:.1f} 0V{PANEL}M0 {PANEL - place:.1f}H{PANEL}" stroke="{RULE}"/>',
            _text(place, PANEL + 16, f"1e{decade}", 10, MUTED, "middle"),
            _text(-6, PANEL - place + 4, f"1e{decade}", 10, MUTED, "end"),
        ]
    lines.append(f'<path d="M0 {PANEL}L{PANEL} 0" stroke="{MUTED}" stroke-dasharray="4 3"/>')
    marks = {
        (round(at(c.reference), 1), round(at(c.predicted), 1), int(c.row["node_nm"]), c.component == TOTAL)
        for c in found
    }
    lines += [_mark(*mark) for mark in sorted(marks)]
    errors = np.array([check.error for check in found])
    title = f"{quantity}, {UNITS[quantity]}: {len(found)} numbers"
    lines += [
        _text(0, -24, title, 13, INK, "start"),
        _text(0, -8, f"median error {np.median(errors):.2%}, worst {errors.max():.2%}", 11, MUTED, "start"),
        _text(PANEL / 2, PANEL + 34, "NeuroSim V1.3", 11, INK, "middle"),
        f'<g transform="translate(-44 {PANEL / 2}) rotate(-90)">{_text(0, 0, "this library", 11, INK, "middle")}</g>',
        "</g>",
    ]
    return "\n".join(lines)


def _mark(x: float, y: float, node: int, whole: bool) -> str:
    colour = COLOURS[node]
    if whole:
        return f'<path d="M{x - 4:.1f} {PANEL - y:.1f}h8m-4 -4v8" stroke="{colour}" stroke-width="1.4"/>'
    return f'<circle cx="{x}" cy="{PANEL - y:.1f}" r="3" fill="none" stroke="{colour}" stroke-width="1.2"/>'


def _legend(width: float) -> str:
    dots = [
        f'<circle cx="{LEFT + 70 * i}" cy="20" r="4" fill="{colour}"/>'
        + _text(LEFT + 9 + 70 * i, 24, f"{node} nm", 11, INK, "start")
        for i, (node, colour) in enumerate(COLOURS.items())
    ]
    note = "circle: a circuit, cross: a whole sub-array"
    return "".join(dots) + _text(width - STEP_X + PANEL, 24, note, 11, MUTED, "end")


def _text(x: float, y: float, text: str, size: int, colour: str, anchor: str) -> str:
    style = f'font-size="{size}" fill="{colour}" text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'
