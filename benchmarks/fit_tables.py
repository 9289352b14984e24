"""Component tables, least squares on relative errors, and groups of coefficients; see `fit_components.py`."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

NEUROSIM = "NeuroSim V1.3 (388f421), LSTP, run per component"
WIRE_FF_PER_UM = 0.2  # NeuroSim's wires
Row = dict[str, Any]
Group = dict[str, Any]


def read_rows(path: Path) -> list[Row]:
    """Rows of a CSV with its numbers as numbers; lines that start with # are comments."""
    with path.open(encoding="utf-8") as stream:
        return [
            {key: _number(value) for key, value in row.items()}
            for row in csv.DictReader(line for line in stream if not line.startswith("#"))
        ]


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def pick(table: Iterable[Row], component: str, node: int = 32, /, **where: Any) -> list[Row]:
    """Rows of one component at one node; `sweep` may be a tuple of sweeps."""
    sweeps = where.pop("sweep", ("all_sar", "mux_sweep", "act_sweep", "ron_sweep"))
    return [
        row
        for row in table
        if row["component"] == component
        and row["node_nm"] == node
        and row["sweep"] in sweeps
        and all(row[key] == value for key, value in where.items())
    ]


def least_squares(rows: Sequence[Row], target: Callable[[Row], float], *terms: Callable[[Row], float]) -> list[float]:
    """Coefficients of `target ~ sum c_i term_i`, minimizing relative errors."""
    weight = np.array([1.0 / target(row) for row in rows])
    matrix = np.array([[term(row) for term in terms] for row in rows]) * weight[:, None]
    solution, *_ = np.linalg.lstsq(matrix, np.ones(len(rows)), rcond=None)
    return [float(value) for value in solution]


def one(_: Row) -> float:
    return 1.0


def bits(row: Row) -> float:
    return math.log2(row["levels"])


def on_ohm(row: Row) -> float:
    """Cell resistance at the highest level: 6 kOhm, but for the sweep that names it by its column resistance."""
    if row["sweep"] != "ron_sweep":
        return 6000.0
    return min((6e3, 25e3, 1e5, 1e6), key=lambda r: abs(math.log(r * 0.11 / row["meanColRes_ohm"])))


def group(grade: str, source: str, **values: tuple[float, str]) -> Group:
    coefficients = {name: {"value": float(f"{v:.5g}"), "unit": u} for name, (v, u) in values.items()}
    return {"grade": grade, "source": source, **coefficients}


def scaled(reference: Group, source: str, **factors: float) -> Group:
    """A group of another node, scaled by the kind of quantity that the unit names."""
    out: Group = {"grade": "assumed", "source": source}
    for name, entry in reference.items():
        if not isinstance(entry, dict):
            continue
        quantity = _quantity(entry["unit"])
        value = entry["value"] * factors.get(quantity, 1.0)
        out[name] = {"value": float(f"{value:.5g}"), "unit": entry["unit"]}
    return out


def _quantity(unit: str) -> str:
    head = unit.split("/")[0]
    return {"um2": "area", "fJ": "energy", "uW": "energy", "pW": "leakage", "ns": "time", "fF": "cap"}.get(head, "")
