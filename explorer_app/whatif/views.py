"""Pieces of the What-if page that show data: numbers beside those of the start, accuracy, where to start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import html

from spikesim_py._units import engineering
from spikesim_py.figures.reproduce import command
from spikesim_py.hardware import Hardware
from spikesim_py.report import METRICS, Report

from .. import parts
from ..head import SHORT, arrow
from .rooms import Base, Known

TILES = ("edap", "energy_pj", "latency_ns", "area_um2", "tops_per_watt", "tops", "tops_per_mm2", "utilization")


def tiles(before: Report, after: Report) -> html.Div:
    """Every number with what it gained or lost."""
    return html.Div([_tile(name, getattr(before, name), getattr(after, name)) for name in TILES], className="tiles")


def _tile(name: str, before: float, after: float) -> html.Div:
    label, unit, larger = METRICS[name]
    told, better = arrow(before, after, larger)
    style = {None: "tile", True: "tile better", False: "tile worse"}[better]
    start = engineering(before, unit, 3)
    return parts.tile(
        SHORT.get(name, label), engineering(after, unit, 3), told, style, f"{label}; at the start {start}"
    )


def accuracy(known: Known | None, start: Known | None, base: Base) -> html.Div:
    """What is known, or that it must be run."""
    if base.network.shape_only:
        return html.Div("This workload has no weights: it has costs, but no accuracy.", className="note")
    if known is None:
        run = base.run
        text = f"accuracy not measured: {run['samples']} images on {run['chips']} simulated chips of {run['data']}"
        return html.Div(text, className="note unknown")
    low, high = known.interval
    small = f"{low:.1%} to {high:.1%} at 95 % · {known.where}"
    if start is not None and start is not known:
        small += f" · {100 * (known.value - start.value):+.2f} points".replace("-", "−")
    return parts.tile("accuracy", f"{known.value:.2%}", small, "tile accuracy")


def start(base: Base, selected: bool) -> html.Div:
    """What the page starts from."""
    title: list[Any] = [html.B(base.network.name), " on ", html.B(base.hardware.name)]
    note = f"report {base.name[0][:12]}" if selected else "at the activity that the network stores, or the chip assumes"
    return html.Div([html.Span(title), html.Span(note, className="note")], className="card-title")


def command_of(base: Base, hardware: Hardware) -> html.Div:
    """The command line that evaluates the changed design."""
    run: Mapping[str, Any] = base.run
    measured = {"data": run["data"], "samples": run["samples"], "chips": [0.0] * run["chips"], "seed": run["seed"]}
    report = {
        "network": base.network.name,
        "chip": hardware.name,
        "hardware": hardware.model_dump(mode="json"),
        "accuracy": None if base.network.shape_only else measured,
        "activity": {"layers": {}, "origin": "assumed"},
    }
    return parts.command_line(command(report), "what-line")
