"""Shares of the true front over the accuracies measured: an SVG that needs nothing but a browser to be seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from spikesim_py.figures.style import CATEGORIES, FONT, INK, MUTED, PAPER, RULE

#: size and margins in pixels
WIDE, HIGH, LEFT, TOP = 560, 320, 60, 40


def save(runs: Sequence[Any], path: Path) -> None:
    """Write the figure: runs have `method` and `shares`. A line is the median over seeds, a band all of them."""
    names = list(dict.fromkeys(run.method for run in runs))
    longest = max(len(run.shares) for run in runs)
    body = [f'<g transform="translate({LEFT} {TOP})">']
    for share in (0.0, 0.25, 0.5, 0.75, 0.98, 1.0):
        y = HIGH * (1 - share)
        dash = ' stroke-dasharray="4 3"' if share == 0.98 else ""
        body.append(f'<path d="M0 {y:.1f}H{WIDE}" stroke="{MUTED if dash else RULE}"{dash}/>')
        body.append(_text(-6, y + (10 if dash else 2), f"{share:.0%}", MUTED, "end"))
    for count in range(0, longest + 1, 50):
        body.append(_text(count / longest * WIDE, HIGH + 16, str(count), MUTED, "middle"))
    for name, colour in zip(names, CATEGORIES, strict=False):
        shares = np.array([run.shares for run in runs if run.method == name and len(run.shares) == longest])
        x = np.arange(1, longest + 1) / longest * WIDE
        low, middle, high = (HIGH * (1 - np.quantile(shares, q, axis=0)) for q in (0.0, 0.5, 1.0))
        band = _line(x, low) + "L" + _line(x[::-1], high[::-1])[1:]
        body.append(f'<path d="{band}Z" fill="{colour}" fill-opacity="0.12"/>')
        body.append(f'<path d="{_line(x, middle)}" fill="none" stroke="{colour}" stroke-width="2"/>')
    for i, (name, colour) in enumerate(zip(names, CATEGORIES, strict=False)):
        body.append(f'<path d="M{100 * i} -22h18" stroke="{colour}" stroke-width="3"/>')
        body.append(_text(100 * i + 24, -18, name))
    body.append(_text(WIDE / 2, HIGH + 36, "accuracies measured", INK, "middle"))
    width, height = LEFT + WIDE + 20, TOP + HIGH + 50
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="{escape(FONT)}">\n'
        f'<rect width="{width}" height="{height}" fill="{PAPER}"/>\n' + "\n".join(body) + "\n</g>\n</svg>\n",
        encoding="utf-8",
    )


def _line(x: np.ndarray, y: np.ndarray) -> str:
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))


def _text(x: float, y: float, text: str, colour: str = INK, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="11" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>'
