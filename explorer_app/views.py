"""Pieces of the page that show data: pure functions from reports and columns to components."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc  # type: ignore[import-untyped]
import numpy as np
import plotly.graph_objects as go
from dash import html

from spikesim_py._units import engineering
from spikesim_py.figures.columns import Frame, column, is_number, varying
from spikesim_py.figures.reproduce import command, configuration_yaml, overrides
from spikesim_py.figures.style import MUTED, TEMPLATE
from spikesim_py.figures.trust import grade_shares, sources
from spikesim_py.report import METRICS

from .layout import command_line, copy

#: metrics of the table, in its order; those that no design has are left out
TABLE = ("accuracy", "edap", "energy_pj", "latency_ns", "area_um2", "tops_per_watt", "utilization")
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
    "inferences_per_joule",
    "utilization",
)
SHORT = {
    "energy_pj": "energy",
    "interval_ns": "interval",
    "tops": "throughput",
    "tops_per_watt": "efficiency",
    "tops_per_mm2": "area efficiency",
    "inferences_per_joule": "inferences",
    "utilization": "cells in use",
}
_SIGNIFICANT = "params.value == null ? '–' : d3.format('.3r')(params.value)"
_FIXED = "params.value == null ? '–' : d3.format('.1f')(params.value)"


def axis_choices(frame: Frame, *, every_column: bool) -> list[dict[str, Any]]:
    """Choices of a selector: metrics, and what differs between the designs."""
    metrics = [{"value": name, "label": METRICS[name][0]} for name in METRICS if name in frame]
    names = [name for name in varying(frame) if every_column or is_number(frame, name)]
    fields = [{"value": name, "label": column(frame, name).label} for name in names]
    return [{"group": "metrics", "items": metrics}, {"group": "what was swept", "items": fields}]


def table_columns(frame: Frame) -> list[dict[str, Any]]:
    """Column definitions: front, what differs, then the metrics with their units."""
    front = {"field": "front", "headerName": "", "width": 34, "flex": 0, "minWidth": 34}
    columns = [front | {"cellClass": "on-front", "headerTooltip": "on the front of the two axes"}]
    for name in varying(frame):
        title = column(frame, name).title.replace(".", "\n")
        columns.append({"field": name, "headerName": title} | _kind(frame, name))
    for name in TABLE:
        if name in frame and np.isfinite(np.asarray(frame[name], float)).any():
            about = column(frame, name)
            places = _FIXED if about.unit == "%" else _SIGNIFICANT
            more: dict[str, Any] = {"valueFormatter": {"function": places}, "type": "rightAligned"}
            if name == "edap":
                more |= {"minWidth": 76}
            if name == "accuracy":
                more |= {"tooltipField": "interval", "minWidth": 69}
            title = "TOPS\nper W" if name == "tops_per_watt" else f"{SHORT.get(name, about.label)}\n{about.unit}"
            columns.append(
                {
                    "field": name,
                    "headerName": title,
                }
                | more
            )
    return columns


def _kind(frame: Frame, name: str) -> dict[str, Any]:
    if is_number(frame, name):
        wide = max(map(len, name.split("."))) >= len("crossbar")  # a heading is not broken inside a word
        return {"type": "rightAligned", "filter": "agNumberColumnFilter"} | {"minWidth": 66 if wide else 43}
    return {"minWidth": 82}


def table_rows(frame: Frame, front: np.ndarray | None) -> list[dict[str, Any]]:
    """One dictionary per design, metrics in shown units: the front first, then by accuracy."""
    total = len(frame["report_hash"])
    data: dict[str, list[Any]] = {"report_hash": [str(h) for h in frame["report_hash"]]}
    data["front"] = ["●" if f else "" for f in front] if front is not None else [""] * total
    for name in varying(frame):
        data[name] = np.asarray(frame[name]).tolist()
    for name in TABLE:
        if name in frame:
            values = np.asarray(frame[name], float) * column(frame, name).factor
            data[name] = [float(v) if np.isfinite(v) else None for v in values]
    if "accuracy_low" in frame:
        pairs = zip(frame["accuracy_low"], frame["accuracy_high"], strict=True)
        data["interval"] = [f"95 % interval {low:.1%} to {high:.1%}" for low, high in pairs]
    rows = [dict(zip(data, values, strict=True)) for values in zip(*data.values(), strict=True)]
    return sorted(rows, key=lambda row: (not row["front"], -(row.get("accuracy") or 0.0)))


def problem(message: str) -> dmc.Alert:
    """An error that a reader can act on."""
    return dmc.Alert(message, title="The study cannot be read", color="red", variant="light", className="problem")


def design_head(report: dict[str, Any]) -> list[Any]:
    """What the design is, and its numbers."""
    changed = overrides(report) or {}
    chips = [html.Span(f"{k} = {v}", className="setting") for k, v in changed.items()]
    title = [html.Span(report["network"]), html.Span(" on ", className="faint"), html.Span(report["chip"])]
    size = f"T = {report['time_steps']} · {report['crossbars']:,} crossbars · {report['pes']:,} PEs · "
    size += f"{report['tiles']:,} tiles"
    tiles = [tile for tile in [_accuracy_tile(report), *map(_tile, TILES, [report] * len(TILES))] if tile]
    trust = f"{report['metrics']['assumed_energy_share']:.1%} of the energy and "
    trust += f"{report['metrics']['assumed_area_share']:.1%} of the area rest on assumed constants"
    return [
        html.Div(
            [dmc.Title(title, order=3), html.Span(report["report_hash"][:12], className="hash")], className="card-head"
        ),
        dmc.Text(size, size="sm", c="dimmed"),
        html.Div(chips, className="badges"),
        html.Div(tiles, className="tiles"),
        html.Div(trust, className="note trust"),
    ]


def _accuracy_tile(report: dict[str, Any]) -> html.Div | None:
    found = report["accuracy"]
    if not found:
        return _box("accuracy", "not measured", "cost only", "tile accuracy")
    low, high = found["interval"]
    chips = len(found["chips"])
    small = f"{low:.1%} to {high:.1%} at 95 % · {found['samples']} samples · {chips} chip{'s' * (chips > 1)}"
    return _box("accuracy", f"{found['value']:.2%}", small, "tile accuracy")


def _tile(name: str, report: dict[str, Any]) -> html.Div | None:
    value = report["metrics"].get(name)
    if value is None:
        return None
    label, unit, _ = METRICS[name]
    return _box(SHORT.get(name, label), engineering(value, unit, 3), "", "tile")


def _box(label: str, value: str, small: str, style: str) -> html.Div:
    lines = [html.Div(label, className="tile-label"), html.Div(value, className="tile-value")]
    return html.Div([*lines, html.Div(small, className="tile-small")] if small else lines, className=style)


def activity_note(report: dict[str, Any]) -> str:
    activity = report["activity"]
    samples = f" on {activity['samples']} samples" if activity["samples"] else ""
    return f"activity is {activity['origin']}{samples}"


def reproduce_tab(report: dict[str, Any]) -> list[Any]:
    """The command, and what it was run with."""
    rows = [("report", report["report_hash"]), ("spikesim_py", report["version"])]
    if report["accuracy"]:
        rows += [("accuracy key", report["accuracy"]["key"]), ("data", report["accuracy"]["data"])]
        rows += [("simulated chips", ", ".join(f"{chip:.2%}" for chip in report["accuracy"]["chips"]))]
    return [command_line(command(report), "command"), _definitions(rows)]


def numbers_tab(report: dict[str, Any]) -> Any:
    """Every metric, in the unit that reads best and as stored."""
    rows = []
    for name, (label, unit, _) in METRICS.items():
        value = report["metrics"].get(name)
        if value is not None:
            rows.append([label, engineering(value, unit), f"{value!r} {unit}".removesuffix(" -")])
    return _table(["number", "", "as stored"], rows)


def configuration_tab(report: dict[str, Any]) -> list[Any]:
    """The exact chip as YAML."""
    text = configuration_yaml(report)
    return [
        copy(text, "copy the YAML"),
        html.Pre(text, className="yaml", id="yaml"),
    ]


def trust_tab(report: dict[str, Any]) -> list[Any]:
    """Shares by grade, then every component with its source."""
    shares = [(grade, *pair) for grade, pair in grade_shares(report["tree"]).items()]
    grades = [[grade, f"{energy:.1%}", f"{area:.1%}"] for grade, energy, area in shares]
    found = [
        [s.component, s.grade, f"{s.energy_share:.1%}", f"{s.area_share:.1%}", s.source]
        for s in sources(report["tree"])
    ]
    return [
        _table(["grade of the constants", "energy", "area"], grades),
        _table(["component", "grade", "energy", "area", "source"], found),
    ]


def methods_tab(report: dict[str, Any]) -> list[Any]:
    """What a reader of the numbers must know, and what a paper would say."""
    return [html.Ul([html.Li(note) for note in report["notes"]]), html.P(report["methods"])]


def _definitions(rows: list[tuple[str, str]]) -> html.Dl:
    return html.Dl([part for key, value in rows for part in (html.Dt(key), html.Dd(value))])


def _table(head: list[str], rows: list[list[str]]) -> dmc.Table:
    return dmc.Table(data={"head": head, "body": rows}, striped=True, className="small-table")


def waiting() -> go.Figure:
    """Before the first design: an empty graph that says so."""
    note = {"text": "waiting for the first design", "showarrow": False, "font": {"size": 15, "color": MUTED}}
    hidden = {"visible": False}
    return go.Figure(layout={"template": TEMPLATE, "annotations": [note], "xaxis": hidden, "yaxis": hidden})


def status(frame: Frame, front: np.ndarray | None = None) -> str:
    """How much there is."""
    designs = len(frame["report_hash"])
    total = f"{designs:,} design{'s' * (designs != 1)}"
    return total if front is None else f"{total}, {int(front.sum())} on the front"
