"""A study: the finished designs of a sweep as columns, and the designs that no other one beats."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._files import write_atomic
from ..cost.parametric import LOADED
from ..errors import InputError
from ..report import METRICS
from .fronts import nondominated
from .goals import Goal, pick
from .space import Space
from .store import Store

Frame = dict[str, NDArray[Any]]
#: what every study has a column of, besides its axes
COLUMNS = ("network", "chip", "weight_bits", "crossbar.rows", "crossbar.cols", "adc.bits", *METRICS)
COLUMNS += ("accuracy_low", "accuracy_high", "report_hash", "accuracy_key")


@dataclass(frozen=True)
class Study:
    """A study file. Every call reads it anew, so that a running sweep can be watched."""

    path: Path

    @property
    def space(self) -> Space:
        with Store.read(self.path) as store:
            return store.space()

    def frame(self) -> Frame:
        """Columns by name, one row per finished design.

        The fields of the axes, and `COLUMNS`: `network`, `chip`, `weight_bits`, `crossbar.rows`, `crossbar.cols`,
        `adc.bits`; every metric of `METRICS`; `accuracy_low`, `accuracy_high`; `report_hash`, `accuracy_key`.
        """
        with Store.read(self.path) as store:
            rows = store.columns()
        names = dict.fromkeys(name for row in rows for name in row) or dict.fromkeys(COLUMNS)
        return {name: _column([row.get(name) for row in rows]) for name in names}

    def __len__(self) -> int:
        return len(self.frame()["report_hash"])

    def pareto(self, metrics: Sequence[str]) -> Frame:
        """The rows of `frame` that no other row beats in all of `metrics`; equal designs all show.

        Raises `InputError` for a metric that is unknown or that no design has.
        """
        frame = self.frame()
        mask = nondominated(frame, metrics)
        return {name: column[mask] for name, column in frame.items()}

    def best(self, *, minimize: str | None = None, maximize: str | None = None, where: Sequence[str] = ()) -> Frame:
        """The designs with the least, or most, of a column among those that meet all conditions; equal ones all show.

        Args:
            minimize, maximize: one of them: a column (`edap`), or a metric's usual name (`area`).
            where: conditions such as `accuracy >= 0.95`, `area <= 5 mm2`, `adc.bits == 4`.

        Raises:
            InputError: a name, unit or condition that cannot be used; not one of `minimize` and `maximize`.
        """
        name = minimize or maximize
        if name is None or (minimize and maximize):
            raise InputError(f"minimize = {minimize!r}, maximize = {maximize!r}: must be one of them")
        frame = self.frame()
        rows = pick(frame, Goal(name, not minimize, tuple(where))).rows
        return {name: column[rows] for name, column in frame.items()}

    def failures(self) -> list[str]:
        """One line per design that failed."""
        with Store.read(self.path) as store:
            return store.failures()

    def report(self, report_hash: str) -> dict[str, Any]:
        """The frozen report of a design, as `Report.to_dict` made it."""
        with Store.read(self.path) as store:
            return store.report(report_hash)

    def to_csv(self, path: str | Path) -> Path:
        """Write `frame` as CSV."""
        frame, text = self.frame(), io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(frame)
        writer.writerows(zip(*(column.tolist() for column in frame.values()), strict=True))
        return write_atomic(path, text.getvalue())


def load_study(path: str | Path) -> Study:
    """A study that exists; raises `StoreError` if the file is none."""
    Store.read(path).close()
    return Study(Path(path).expanduser())


def _column(values: list[Any]) -> NDArray[Any]:
    """Numbers as numbers (NaN where missing), anything else as text."""
    if all(isinstance(value, bool | int | float) or value is None for value in values):
        if any(value is None or isinstance(value, float) for value in values):
            return np.array([np.nan if value is None else value for value in values], dtype=float)
        return np.array(values)
    return np.array(["" if value is None else str(value) for value in values])


@dataclass(frozen=True)
class ParetoRow:
    """One line of the Pareto table."""

    network: str
    weight_bits: int
    rows: int
    cols: int
    adc_bits: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    edap: float
    tops_per_watt: float
    area_um2: float
    utilization: float
    report_hash: str


def pareto_table(study: Study) -> list[ParetoRow]:
    """The front of accuracy and EDAP, most accurate first."""
    front = study.pareto(["accuracy", "edap"])
    named = {"rows": "crossbar.rows", "cols": "crossbar.cols", "adc_bits": "adc.bits"}
    fields = list(ParetoRow.__dataclass_fields__)
    rows = [
        ParetoRow(**{field: front[named.get(field, field)][i].item() for field in fields})
        for i in range(len(front["report_hash"]))
    ]
    return sorted(rows, key=lambda row: (-row.accuracy, row.edap))


def crowded(study: Study, hashes: Sequence[str]) -> int:
    """How many of these designs have a note that their mesh is too busy for its closed form."""
    return sum(any(note.startswith(LOADED) for note in study.report(found)["notes"]) for found in hashes)
