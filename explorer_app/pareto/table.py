"""The table of designs: columns and rows as AG Grid takes them, and the choices of selectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikesim_py.figures.columns import Frame, column, is_number, varying
from spikesim_py.report import METRICS

from ..head import SHORT

#: metrics of the table, in its order; those that no design has are left out
TABLE = ("accuracy", "edap", "energy_pj", "latency_ns", "area_um2", "tops_per_watt", "utilization")
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
            columns.append({"field": name, "headerName": title} | more)
    return columns


def _kind(frame: Frame, name: str) -> dict[str, Any]:
    if is_number(frame, name):
        wide = max(map(len, name.split("."))) >= len("crossbar")  # a heading is not broken inside a word
        return {"type": "rightAligned", "filter": "agNumberColumnFilter"} | {"minWidth": 66 if wide else 43}
    return {"minWidth": 82}


def table_rows(frame: Frame, front: np.ndarray | None, meets: np.ndarray | None = None) -> list[dict[str, Any]]:
    """One dictionary per design that meets the limits, metrics in shown units: the front first, then by accuracy."""
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
    kept = [True] * total if meets is None else meets.tolist()
    made = zip(zip(*data.values(), strict=True), kept, strict=True)
    rows = [dict(zip(data, values, strict=True)) for values, keep in made if keep]
    return sorted(rows, key=lambda row: (not row["front"], -(row.get("accuracy") or 0.0)))
