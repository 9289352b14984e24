"""A study: the finished designs of a sweep as columns, and the designs that no other one beats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cost.parametric import LOADED
from ..errors import InputError
from ..report import METRICS
from .export import write_csv, write_parquet
from .fronts import nondominated
from .goals import Goal, pick
from .space import Space, fields_of
from .store import Bulk, Job, Store

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

    @property
    def imported(self) -> bool:
        """Whether the designs were imported as numbers: they have no reports."""
        with Store.read(self.path) as store:
            return store.imported

    def frame(self, *, by_time: bool = False) -> Frame:
        """Columns by name, one row per finished design.

        Args:
            by_time: in the order in which designs were finished, as `hypervolume_history` takes them; else in that of
                the space.

        The fields of the axes, and `COLUMNS`: `network`, `chip`, `weight_bits`, `crossbar.rows`, `crossbar.cols`,
        `adc.bits`; every metric of `METRICS`; `accuracy_low`, `accuracy_high`; `report_hash`, `accuracy_key`.
        """
        with Store.read(self.path) as store:
            rows = store.columns(by_time)
        return _frame(rows, COLUMNS)

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

    def failed(self) -> Frame:
        """The designs that failed, one row each: the fields of the axes, and `error`, which says why."""
        rows = self._failed()
        return _frame(rows, ["error"])

    def _failed(self) -> list[dict[str, Any]]:
        with Store.read(self.path) as store:
            found = store.failed()
        return [fields_of(axes) | {"error": error} for axes, error in found]

    def report(self, report_hash: str) -> dict[str, Any]:
        """The frozen report of a design, as `Report.to_dict` made it."""
        with Store.read(self.path) as store:
            return store.report(report_hash)

    def costs(self, names: Sequence[str] | None = None, number: int | None = None) -> Frame:
        """Columns of a bulk sweep over costs (`cost_sweep`), one row per design, in the order of the space.

        Args:
            names: fields of the axes, metrics, or what `KEPT` names; all if None. Only what is asked for is read.
            number: which bulk sweep; the newest if None.

        Raises:
            InputError: a name is unknown, or the study holds no such bulk sweep.
        """
        with Store.read(self.path) as store, store.bulk.snapshot():
            return store.bulk.costs(number).frame(names)

    def costs_report(self, row: int, number: int | None = None) -> dict[str, Any]:
        """The report of one row of `costs`, made anew: costs, and no accuracy.

        Raises:
            InputError: there is no such row or bulk sweep, or its network or chip cannot be read any more.
        """
        from .bulk import costed_report  # which makes studies itself

        with Store.read(self.path) as store:
            costs = store.bulk.costs(number)
            if not 0 <= row < len(costs):
                raise InputError(f"{self.path}: bulk sweep {costs.about.id}: has no row {row} (0 to {len(costs) - 1})")
            return costed_report(costs, row).to_dict()

    def bulk_sweeps(self) -> list[Bulk]:
        """What `costs` can read: every bulk sweep, the oldest first."""
        with Store.read(self.path) as store:
            return store.bulk.all()

    def version(self) -> str:
        """Changes whenever `frame` or `costs` would, and only then: a running sweep also says that it is alive."""
        with Store.read(self.path) as store:
            return store.version()

    def jobs(self) -> list[Job]:
        """Who works on the study, or did, the oldest first."""
        with Store.read(self.path) as store:
            return store.jobs.all()

    def to_csv(self, path: str | Path, *, costs: bool = False) -> Path:
        """Write `frame`, or all `costs`, as CSV; below, designs that failed, with their axes and `error` alone."""
        return write_csv(self._table(costs), path)

    def to_parquet(self, path: str | Path, *, costs: bool = False) -> Path:
        """The same as Parquet, which needs the extra `parquet`."""
        return write_parquet(self._table(costs), path)

    def _table(self, costs: bool) -> Frame:
        """What a file holds; cells of designs that failed are empty, which leaves the others whole numbers."""
        if costs:
            return self.costs()
        frame, failed = self.frame(), self._failed()
        if not failed:
            return frame
        done = len(frame["report_hash"])
        names = dict.fromkeys([*frame, *(name for row in failed for name in row)])
        cells = {name: frame[name].tolist() if name in frame else [None] * done for name in names}
        return {name: np.array([*cells[name], *(row.get(name) for row in failed)], dtype=object) for name in names}


def load_study(path: str | Path) -> Study:
    """A study that exists; raises `StoreError` if the file is none."""
    Store.read(path).close()
    return Study(Path(path).expanduser())


def _frame(rows: Sequence[Mapping[str, Any]], least: Sequence[str]) -> Frame:
    """Rows as columns; those that there are `least` where there is no row."""
    names = dict.fromkeys(name for row in rows for name in row) or dict.fromkeys(least)
    return {name: column([row.get(name) for row in rows]) for name in names}


def column(values: list[Any]) -> NDArray[Any]:
    """Numbers as numbers (NaN where missing), anything else as text."""
    if all(isinstance(value, bool | int | float) or value is None for value in values):
        if any(value is None or isinstance(value, float) for value in values):
            return np.array([np.nan if value is None else value for value in values], dtype=float)
        return np.array(values)
    return np.array(["" if value is None else str(value) for value in values])


def crowded(study: Study, hashes: Sequence[str]) -> int:
    """How many of these designs have a note that their mesh is too busy for its closed form."""
    return sum(any(note.startswith(LOADED) for note in study.report(found)["notes"]) for found in hashes)
