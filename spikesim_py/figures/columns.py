"""What a column of a study means to a reader: its label, unit, scale and which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Any

import numpy as np

from .._units import number, scale_for
from ..hardware import hardware_fields
from ..report import METRICS

Frame = dict[str, np.ndarray]

#: columns that identify a design rather than describe it
_INTERNAL = {"report_hash", "accuracy_key", "accuracy_low", "accuracy_high"}
#: values whose median says how large all are
_ENOUGH = 20_000
#: units of hardware fields worth showing; the others (rows, bit, PEs) repeat the field's name
_PHYSICAL = {"nm", "MHz", "ohm", "V", "g_on", "spikes/row/step"}


@dataclass(frozen=True)
class Column:
    """One column as shown: `values * factor` in `unit` (empty for a plain number or a name)."""

    name: str
    label: str
    unit: str
    factor: float
    larger_is_better: bool | None

    @property
    def title(self) -> str:
        return f"{self.label} ({self.unit})" if self.unit else self.label


def column(frame: Frame, name: str) -> Column:
    """How to show a column of a frame; the prefix of its unit fits the median."""
    values = np.asarray(frame[name])
    if name in METRICS:
        label, unit, better = METRICS[name]
        few = values[:: values.size // _ENOUGH + 1]
        known = few[np.isfinite(few)]
        scale = scale_for(float(np.median(known)) if known.size else 0.0, unit)
        return Column(name, label, scale.unit, scale.factor, better)
    unit = _field_units().get(name, "")
    label = name if "." in name else name.replace("_", " ")
    return Column(name, label, unit if unit in _PHYSICAL else "", 1.0, None)


def describing(frame: Frame) -> list[str]:
    """Columns that say what a design is; of fields that were swept together (`a+b`), each stands by itself."""
    return [name for name in frame if name not in METRICS and name not in _INTERNAL and "+" not in name]


def varying(frame: Frame) -> list[str]:
    """Those of `describing` that differ between designs."""
    return [name for name in describing(frame) if _differs(np.asarray(frame[name]))]


def _differs(values: np.ndarray) -> bool:
    """Whether there are two different ones; what is missing is like what is missing."""
    if not values.size:
        return False
    first = values[0]
    if values.dtype.kind == "f" and np.isnan(first):
        return not bool(np.isnan(values).all())
    return bool((values != first).any())


def measured(frame: Frame) -> list[str]:
    """Metrics that at least one design has."""
    return [name for name in METRICS if name in frame and np.isfinite(np.asarray(frame[name], float)).any()]


def is_number(frame: Frame, name: str) -> bool:
    return bool(np.asarray(frame[name]).dtype.kind in "iuf")


def shown(frame: Frame, name: str, rows: np.ndarray | list[int]) -> list[str]:
    """Cells of a column with their unit, escaped for plotly and HTML."""
    values = np.asarray(frame[name])
    if values.dtype.kind in "iu":
        return [str(int(value)) for value in values[rows]]
    if not is_number(frame, name):
        return [escape(str(value)) for value in values[rows]]
    about, known = column(frame, name), values[~np.isnan(values)]
    whole = name not in METRICS and bool((known == np.rint(known)).all())  # whole numbers with gaps

    def cell(value: float) -> str:
        text = f"{value:.0f}" if whole else number(value * about.factor)
        return "none" if np.isnan(value) else f"{text} {about.unit}".strip()

    return [cell(float(value)) for value in values[rows]]


@cache
def _field_units() -> dict[str, Any]:
    return {name: field.json_schema_extra["unit"] for name, field in hardware_fields()}
