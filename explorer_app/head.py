"""What every page that shows one design begins with: what it is, and its numbers."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc  # type: ignore[import-untyped]
from dash import html

from spikesim_py._units import engineering, number, scale_for
from spikesim_py.errors import SpikesimError
from spikesim_py.figures.reproduce import command, overrides
from spikesim_py.figures.trust import grade_shares
from spikesim_py.report import METRICS

from . import parts
from .reader import Reader

#: metrics of a design's head besides accuracy
TILES = (
    "edap",
    "energy_pj",
    "latency_ns",
    "area_um2",
    "tops_per_watt",
    "tops",
    "tops_per_mm2",
    "interval_ns",
    "utilization",
)
#: what those of them are called where there is little room
SHORT = {
    "energy_pj": "energy",
    "interval_ns": "inference interval",
    "tops": "throughput",
    "tops_per_watt": "efficiency",
    "tops_per_mm2": "area efficiency",
    "utilization": "cells in use",
}
#: what a metric means, where its name leaves that open
ABOUT = {
    "interval_ns": "how long after one inference the next can begin, in steady state; without a pipeline, the latency",
    "edap": "energy times latency times area: small is good in all three",
    "tops": "operations of one inference over its latency",
    "tops_throughput": "operations of one inference over the interval between inferences, once the pipeline is full",
    "ann_tops": "the same operations counted once, not in each time-step",
    "utilization": "share of the cells of all crossbars that hold a weight",
}

#: changes below this share are told as none
_SAME = 5e-4


def arrow(before: float, after: float, larger: bool, same: str = "as before") -> tuple[str, bool | None]:
    """The change in words, `same` where there is none, and whether it is for the better; None where there is none."""
    change = after / before - 1 if before else 0.0
    if abs(change) < _SAME:
        return same, None
    size = f"{after / before:.3g}×" if change > 1 else f"{change:+.1%}".replace("-", "−")
    return f"{'▲' if change > 0 else '▼'} {size}", (change > 0) == larger


def metric_name(name: str) -> html.Span:
    """What a metric is called, with its meaning on hover and focus where it has one."""
    more: dict[str, Any] = {"title": ABOUT[name], "tabIndex": "0", "className": "explained"} if name in ABOUT else {}
    return html.Span(METRICS[name][0], **more)


def find_report(reader: Reader, selected: str | None) -> dict[str, Any] | None:
    """The chosen design, or None: nothing chosen, or chosen in another study by the same browser."""
    if not selected:
        return None
    try:
        return reader.report(selected)
    except SpikesimError:
        return None


def command_of(report: dict[str, Any]) -> html.Div:
    """The command that evaluates a design again."""
    return parts.command_line(command(report), "command")


def compare_button(report: dict[str, Any]) -> dmc.Button:
    """Sends a design to the Compare page."""
    return dmc.Button("+ compare", id={"compare": report["report_hash"]}, size="compact-xs", variant="light")


def design_head(report: dict[str, Any], *tools: Any) -> list[Any]:
    """What the design is, and its numbers; tools stand beside its name."""
    changed = overrides(report) or {}
    chips = [html.Span(f"{k} = {v}", className="setting") for k, v in changed.items()]
    title = [html.Span(report["network"]), html.Span(" on ", className="faint"), html.Span(report["chip"])]
    size = f"T = {report['time_steps']} · {report['crossbars']:,} crossbars · {report['pes']:,} PEs · "
    size += f"{report['tiles']:,} tiles"
    tiles = [tile for tile in [_accuracy_tile(report), *map(_tile, TILES, [report] * len(TILES))] if tile]
    named = html.Span(report["report_hash"][:12], className="hash")
    return [
        html.Div([dmc.Title(title, order=3), html.Div([*tools, named], className="switches")], className="card-head"),
        dmc.Text(size, size="sm", c="dimmed"),
        html.Div(chips, className="badges"),
        html.Div(tiles, className="tiles"),
        html.Div(_trust(report), className="trust"),
    ]


def _trust(report: dict[str, Any]) -> list[Any]:
    """Shares of energy and area by the grade of their constants, best first."""
    shares = [(name, *pair) for name, pair in grade_shares(report["tree"]).items()]
    told = [
        (parts.grade(name), f"{_share(energy)} of energy, {_share(area)} of area")
        for name, energy, area in shares
        if energy + area
    ]
    return [html.Span([badge, html.Span(text, className="note")]) for badge, text in told]


def _share(share: float) -> str:
    """A share that is not nothing does not read as nothing."""
    return "under 1%" if 0 < share < 0.005 else f"{share:.0%}"


def _accuracy_tile(report: dict[str, Any]) -> html.Div:
    found = report["accuracy"]
    if not found:
        return parts.tile("accuracy", "not measured", "cost only", "tile accuracy")
    low, high = found["interval"]
    chips = len(found["chips"])
    small = f"{low:.1%} to {high:.1%} at 95 % · {found['samples']} samples · {chips} chip{'s' * (chips > 1)}"
    return parts.tile("accuracy", f"{found['value']:.2%}", small, "tile accuracy")


def _span(low: float, high: float, unit: str) -> str:
    """Two numbers in one unit."""
    scale = scale_for(high, unit)
    return f"{number(low * scale.factor, 3)} to {number(high * scale.factor, 3)} {scale.unit}"


def _tile(name: str, report: dict[str, Any]) -> html.Div | None:
    value = report["metrics"].get(name)
    if value is None:
        return None
    label, unit, _ = METRICS[name]
    band = (report.get("band") or {}).get(name)
    small = "" if band is None else _span(band["low"], band["high"], unit)
    about = f"{label}: {value!r} {unit}".removesuffix(" -")
    about += f" ({ABOUT[name]})" if name in ABOUT else ""
    about += "; below it 90 % of what other calibrations give" if small else ""
    return parts.tile(SHORT.get(name, label), engineering(value, unit, 3), small, about=about)
