"""The table of designs: columns, the rows that a page scrolls to, and the choices of selectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikesim_py.figures.columns import is_number
from spikesim_py.report import METRICS

from ..head import SHORT
from .data import View
from .facts import Facts

#: metrics of the table, in its order; those that no design has are left out
TABLE = ("accuracy", "edap", "energy_pj", "latency_ns", "area_um2", "tops_per_watt", "utilization")
#: rows that one answer holds at most
BLOCK = 200
_SIGNIFICANT = "params.value == null ? '–' : d3.format('.3r')(params.value)"
_FIXED = "params.value == null ? '–' : d3.format('.1f')(params.value)"


def axis_choices(facts: Facts, *, every_column: bool) -> list[dict[str, Any]]:
    """Choices of a selector: metrics, and what differs between the designs."""
    frame = facts.designs.frame
    metrics = [{"value": name, "label": METRICS[name][0]} for name in facts.measured]
    names = [name for name in facts.varying if every_column or is_number(frame, name)]
    fields = [{"value": name, "label": facts.column(name).label} for name in names]
    return [{"group": "metrics", "items": metrics}, {"group": "what was swept", "items": fields}]


def table_columns(facts: Facts) -> list[dict[str, Any]]:
    """Column definitions: front, what differs, then the metrics with their units."""
    front = {"field": "front", "headerName": "", "width": 34, "flex": 0, "minWidth": 34, "sortable": False}
    columns = [front | {"cellClass": "on-front", "headerTooltip": "on the front of the two axes"}]
    for name in facts.varying:
        title = facts.column(name).title.replace(".", "\n")
        columns.append({"field": name, "headerName": title} | _kind(facts, name))
    for name in TABLE:
        if name in facts.measured:
            about = facts.column(name)
            places = _FIXED if about.unit == "%" else _SIGNIFICANT
            more: dict[str, Any] = {"valueFormatter": {"function": places}, "type": "rightAligned"}
            if name == "edap":
                more |= {"minWidth": 76}
            if name == "accuracy":
                more |= {"tooltipField": "interval", "minWidth": 69}
            title = "TOPS\nper W" if name == "tops_per_watt" else f"{SHORT.get(name, about.label)}\n{about.unit}"
            columns.append({"field": name, "headerName": title} | more)
    return columns


def _kind(facts: Facts, name: str) -> dict[str, Any]:
    if is_number(facts.designs.frame, name):
        longest = max(map(len, name.replace("_", ".").split(".")))  # a heading is not broken inside a word
        return {"type": "rightAligned", "minWidth": max(43, 7 * longest + 13)}
    return {"minWidth": 82}


def table_rows(view: View, start: int, end: int, sort: str = "", down: bool = False) -> list[dict[str, Any]]:
    """The designs that pass from one place to another in the order of the table, metrics in shown units.

    Without a column to sort by, the front comes first, then the best by accuracy.
    """
    ordered = view.order(sort, down)[max(start, 0) : min(end, start + BLOCK)]
    frame, facts = view.frame, view.facts
    data: dict[str, list[Any]] = {"report_hash": view.designs.names(ordered)}
    front = np.zeros(ordered.size, bool) if view.front is None else view.front[ordered]
    data["front"] = ["●" if on else "" for on in front]
    for name in facts.varying:
        data[name] = [_plain(value) for value in frame[name][ordered].tolist()]
    for name in TABLE:
        if name in facts.measured:
            values = np.asarray(frame[name][ordered], float) * facts.column(name).factor
            data[name] = [_plain(value) for value in values.tolist()]
    if "accuracy_low" in frame:
        pairs = zip(frame["accuracy_low"][ordered], frame["accuracy_high"][ordered], strict=True)
        data["interval"] = [f"95 % interval {low:.1%} to {high:.1%}" if low <= high else "" for low, high in pairs]
    return [dict(zip(data, values, strict=True)) for values in zip(*data.values(), strict=True)]


def _plain(value: Any) -> Any:
    """JSON has no number for what is missing."""
    return None if value != value else value
