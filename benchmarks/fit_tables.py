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


def energy_fj(row: Row) -> float:
    """Of one bit-plane."""
    return float(row["energy_pJ_per_full_bitplane_read"]) * 1e3


def on_ohm(row: Row) -> float:
    """Cell resistance at the highest level: 6 kOhm, but for the sweep that names it by its column resistance.

    There (128 rows, 17 % active) the column has 26 ohm of wire and 0.1081 r_on.
    """
    if row["sweep"] != "ron_sweep":
        return 6000.0
    return float(f"{(row['meanColRes_ohm'] - 26) / 0.1081:.2g}")


def group(grade: str, source: str, **values: tuple[float, str]) -> Group:
    coefficients = {name: {"value": float(f"{v:.5g}"), "unit": u} for name, (v, u) in values.items()}
    return {"grade": grade, "source": source, **coefficients}


def scaled(reference: Group, source: str, **factors: float) -> Group:
    """A group of another node, scaled by the kind of quantity that the unit names."""
    out: Group = {"grade": "assumed", "source": source}
    for name, entry in reference.items():
        if isinstance(entry, dict):
            value = entry["value"] * _factor(entry["unit"], factors)
            out[name] = {"value": float(f"{value:.5g}"), "unit": entry["unit"]}
    return out


def _factor(unit: str, factors: dict[str, float]) -> float:
    """A unit's head is its quantity; of what follows only a charge scales."""
    head, *below = unit.replace(" ", "/").split("/")
    quantities = {"um2": "area", "um": "length", "fJ": "energy", "uW": "energy", "pW": "leakage", "ns": "time"}
    factor = factors.get(quantities.get(head, ""), 1.0)
    return factor / factors["energy"] if "fJ" in below else factor
