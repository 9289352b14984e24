"""Errors of the faster NoC models over load: an SVG that needs nothing but a browser to be seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spikesim_py.figures.style import CATEGORIES, INK, MUTED, RULE
from spikesim_py.figures.svg import document, text

#: panel, distance between panels, margins, in pixels; largest error drawn
WIDE, HIGH, STEP, LEFT, TOP, LARGEST = 380, 240, 450, 60, 70, 0.5


def save(found: Sequence[Any], path: Path) -> None:
    """Write the figure: points have `cycle`, `event`, `analytic` latencies, `analytic_load`, `packet_flits`."""
    lengths = sorted({at.packet_flits for at in found})
    colours = dict(zip(lengths, CATEGORIES, strict=False))
    body = "\n".join(_panel(found, model, colours, LEFT + i * STEP) for i, model in enumerate(("analytic", "event")))
    legend = "".join(
        f'<circle cx="{LEFT + 80 * i}" cy="20" r="4" fill="{colours[n]}"/>' + text(LEFT + 9 + 80 * i, 24, f"{n} flits")
        for i, n in enumerate(lengths)
    )
    note = text(LEFT + 260, 24, "filled: the analytic model does not warn", MUTED)
    path.write_text(document(LEFT + 2 * STEP, TOP + HIGH + 50, f"{legend}{note}\n{body}"), encoding="utf-8")


def _panel(found: Sequence[Any], model: str, colours: dict[int, str], x: float) -> str:
    lines = [f'<g transform="translate({x} {TOP})">']
    for error in (-0.5, -0.25, -0.1, 0.0, 0.1, 0.25, 0.5):
        dash = ' stroke-dasharray="4 3"' if abs(error) == 0.1 else ""
        lines.append(f'<path d="M0 {_y(error):.1f}H{WIDE}" stroke="{MUTED if abs(error) < 0.2 else RULE}"{dash}/>')
        lines.append(text(-6, _y(error) + 4, f"{error:+.0%}", MUTED, "end"))
    for load in (0, 0.2, 0.4, 0.6, 0.8, 1.0):
        lines.append(f'<path d="M{load * WIDE:.1f} 0V{HIGH}" stroke="{RULE}"/>')
        lines.append(text(load * WIDE, HIGH + 16, f"{load:.0%}", MUTED, "middle"))
    for at in found:
        error = min(max(getattr(at, model) / at.cycle - 1, -LARGEST), LARGEST)
        colour = colours[at.packet_flits]
        fill = colour if at.trusted else "none"
        place = f'cx="{min(at.analytic_load, 1.0) * WIDE:.1f}" cy="{_y(error):.1f}"'
        lines.append(f'<circle {place} r="3" fill="{fill}" stroke="{colour}" fill-opacity="0.6"/>')
    lines.append(text(0, -12, f"{model}: error of the mean latency against the cycle-exact model"))
    lines.append(text(WIDE / 2, HIGH + 36, "largest load, as the analytic model has it", INK, "middle"))
    return "\n".join([*lines, "</g>"])


def _y(error: float) -> float:
    return HIGH * (LARGEST - error) / (2 * LARGEST)
