"""What the Pareto page shows of a study: which designs pass, which are on the front, which are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from spikesim_py.errors import SpikesimError
from spikesim_py.figures.axes import Placing, placing
from spikesim_py.figures.columns import Column, column, is_number, measured, varying
from spikesim_py.figures.limits import Limit, limits, meets
from spikesim_py.figures.lines import LineAxis, line_axis, within
from spikesim_py.figures.picks import best_designs
from spikesim_py.figures.thin import MOST, spaced, thinned
from spikesim_py.report import METRICS
from spikesim_py.sweep import by_logarithm, front_mask, knee, objectives, where

from ..reader import Designs, Frame, Reader
from ..workshop import Workshop
from .brushes import Brush, clean

#: choice of axes -> whether x and y are logarithmic; None decides by their span
LOG: dict[str, tuple[bool | None, bool | None]] = {
    "auto": (None, None),
    "linear": (False, False),
    "x": (True, False),
    "both": (True, True),
}
#: of designs that do not pass, this many at most stay as grey dots
GREY = 2000
#: a zoom: the least and largest coordinate across and up
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Asked:
    """What a reader asked of the page, as the study can give it: limits in units of the metrics, ranges, a filter."""

    x: str
    y: str
    third: str
    limits: tuple[tuple[str, float], ...]
    brush: tuple[tuple[str, tuple[Any, Any]], ...]
    filter: str


class View:
    """A study along the chosen axes (along others, if it lacks them), kept as long as nothing changes.

    Attributes:
        designs: all of them; empty while there is none. asked: what of it counts.
        x, y: columns of the axes. metrics: what spans the front; empty where an axis is no metric.
        problem: what is wrong with the filter; empty if nothing is.
    """

    def __init__(self, designs: Designs, facts: Facts, asked: Asked) -> None:
        self.designs, self.facts, self.asked = designs, facts, asked
        self.x, self.y = asked.x, asked.y
        metrics = list(dict.fromkeys(name for name in (self.x, self.y, asked.third) if name))
        self.metrics = metrics if len(metrics) > 1 and set(metrics) <= set(METRICS) else []
        self._orders, self._rows = Workshop(kept=2), Workshop(kept=4)
        self.problem = ""
        self.passes_filter: np.ndarray | None = None
        try:
            self.passes_filter = where(self.frame, asked.filter) if asked.filter.strip() and self.frame else None
        except SpikesimError as error:
            self.problem = str(error)

    @property
    def frame(self) -> Frame:
        return self.designs.frame

    @cached_property
    def unbrushed(self) -> np.ndarray | None:
        """Which designs keep the limits and pass the filter; None without either."""
        held = meets(self.frame, dict(self.asked.limits)) if self.asked.limits else None
        both = [mask for mask in (held, self.passes_filter) if mask is not None]
        return np.logical_and.reduce(both) if both else None

    @cached_property
    def passing(self) -> np.ndarray | None:
        """Which designs also lie in every brushed range; None if nothing was asked."""
        brush = {name: ends for name, ends in self.asked.brush if name in self.frame and self.fits(name, ends)}
        brushed = within(self.frame, brush) if brush else None
        both = [mask for mask in (self.unbrushed, brushed) if mask is not None]
        return np.logical_and.reduce(both) if both else None

    def fits(self, name: str, ends: Sequence[Any]) -> bool:
        """Whether a range is of the kind that a column is: numbers (of switches too) or texts."""
        numbers = self.frame[name].dtype.kind in "iufb"
        return all(isinstance(end, str) != numbers for end in ends if end is not None)

    @cached_property
    def count(self) -> int:
        """How many designs pass."""
        return len(self.designs) if self.passing is None else int(np.count_nonzero(self.passing))

    @cached_property
    def front(self) -> np.ndarray | None:
        """Per design, whether it is on the front of those that pass; None where an axis is no metric."""
        return self.front_of(self.metrics) if self.metrics else None

    def front_of(self, metrics: Sequence[str]) -> np.ndarray:
        """The same for other metrics."""
        front = np.zeros(len(self.designs), bool)
        rows = np.arange(len(self.designs)) if self.passing is None else np.flatnonzero(self.passing)
        front[rows] = front_mask(*objectives({name: self.frame[name][rows] for name in metrics}, metrics))
        return front

    def placed(self, log: str) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates of all designs as they are drawn, as logarithms on axes that are logarithmic."""
        return tuple(  # type: ignore[return-value]
            self.facts.placed(name, choice) for name, choice in zip((self.x, self.y), LOG[log], strict=True)
        )

    def drawn(self, log: str, box: Box | None = None) -> np.ndarray:
        """Rows to draw: all if they are few; else the front, a sample of those that pass, and one of the others.

        Args:
            box: a zoom, which is looked into more closely.
        """
        made: np.ndarray = self._rows.get((log, box), lambda: self._drawn(log, box))
        return made

    def _drawn(self, log: str, box: Box | None) -> np.ndarray:
        x, y = self.placed(log)
        if x.size <= MOST:
            return np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        chosen = np.zeros(x.size, bool)
        passing = self.passing
        chosen[_sampled(x, y, passing, MOST)] = True
        if passing is not None:
            chosen[_sampled(x, y, ~passing, GREY)] = True
        if box is not None:
            inside = (x >= box[0]) & (x <= box[1]) & (y >= box[2]) & (y <= box[3])
            chosen[_sampled(x, y, inside if passing is None else inside & passing, MOST)] = True
        if self.front is not None:
            chosen[spaced(np.flatnonzero(self.front), MOST)] = True
        return np.flatnonzero(chosen)

    @cached_property
    def picks(self) -> dict[str, int]:
        """Why a design is worth a look -> its row; each row once."""
        frame, facts = self.frame, self.facts
        if "edap" not in facts.measured:
            return {}
        front = self.front_of(["edap", "accuracy" if "accuracy" in facts.measured else "area_um2"])
        found = best_designs(frame, front) if front.any() else {}
        if found and self.passing is not None:
            edap = np.where(front, frame["edap"], np.inf)
            found = {"Cheapest that meets all": int(np.argmin(edap))} | found
        if self.front is not None and self.front.any():
            rows = np.flatnonzero(self.front)
            values, larger = objectives({name: frame[name][rows] for name in self.metrics}, self.metrics)
            bend = knee(values, larger, by_logarithm(self.metrics))
            found |= {} if bend is None else {"Knee of the front": int(rows[bend])}
        first: dict[int, str] = {}
        for reason, row in found.items():
            first.setdefault(row, reason)
        return {reason: row for row, reason in first.items()}

    def order(self, sort: str, down: bool) -> np.ndarray:
        """Rows that pass, as `ordered`; kept, as a reader scrolls through them."""
        made: np.ndarray = self._orders.get((sort, down), lambda: self.ordered(sort, down))
        return made

    def ordered(self, sort: str, down: bool) -> np.ndarray:
        """Rows that pass, in the order of a column (missing values last); without one, the front first."""
        rows: np.ndarray = np.arange(len(self.designs)) if self.passing is None else np.flatnonzero(self.passing)
        if sort in self.frame:
            return np.asarray(rows[_order(self.frame[sort][rows], down)])
        best = "accuracy" if "accuracy" in self.facts.measured else self.x
        better_up = best in METRICS and METRICS[best][2]
        rows = rows[_order(self.frame[best][rows], better_up)]
        if self.front is None:
            return np.asarray(rows)
        on_front = self.front[rows]
        return np.concatenate([rows[on_front], rows[~on_front]])


def _order(values: np.ndarray, down: bool) -> np.ndarray:
    order = np.argsort(-values if down and values.dtype.kind in "if" else values, kind="stable")
    if values.dtype.kind not in "if" and down:
        return order[::-1]
    return order


def _sampled(x: np.ndarray, y: np.ndarray, mask: np.ndarray | None, most: int) -> np.ndarray:
    if mask is None:
        return thinned(x, y, most)
    rows = np.flatnonzero(mask)
    return rows[thinned(x[rows], y[rows], most)]


class Facts:
    """What is true of designs whatever is asked of them; each is found out once."""

    def __init__(self, designs: Designs) -> None:
        self.designs = designs
        self._made = Workshop()

    @cached_property
    def varying(self) -> list[str]:
        return varying(self.designs.frame)

    @cached_property
    def measured(self) -> list[str]:
        return measured(self.designs.frame)

    def known(self, name: str) -> bool:
        """Whether a design has a value in a column."""
        return name in self.measured or (name in self.designs.frame and name not in METRICS)

    def color(self, name: str) -> str:
        """The column to colour by: the chosen one if there is one, else a field with few values."""
        usual = ("weight_bits", "adc.bits", "crossbar.rows", *self.varying)
        return name if name in self.designs.frame else next((one for one in usual if one in self.varying), "edap")

    @cached_property
    def limits(self) -> list[Limit]:
        return limits(self.designs.frame)

    def axis(self, name: str) -> LineAxis | None:
        """The column's axis among parallel ones."""
        made: LineAxis | None = self._made.get(("axis", name), lambda: line_axis(self.designs.frame, name))
        return made

    def column(self, name: str) -> Column:
        made: Column = self._made.get(("column", name), lambda: column(self.designs.frame, name))
        return made

    def placed(self, name: str, log: bool | None) -> np.ndarray:
        made: np.ndarray = self._made.get(("placed", name, log), lambda: self._placed(name, log))
        return made

    def _placed(self, name: str, log: bool | None) -> np.ndarray:
        if not is_number(self.designs.frame, name):
            return np.zeros(len(self.designs))
        about = self.column(name)
        shown = self.designs.frame[name] * np.float32(about.factor)
        known = shown[np.isfinite(shown)]
        found: Placing = placing(known, about, log)
        if found.kind == "linear":
            return np.asarray(shown)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.log10(found.place(shown)))

    def wanted(self, places: Sequence[Any], ids: Sequence[Mapping[str, str]]) -> dict[str, float]:
        """Limits that sliders ask for, in the units of the metrics."""
        known = {limit.name: limit for limit in self.limits}
        pairs = [(known[own["limit"]], place) for own, place in zip(ids, places, strict=True) if own["limit"] in known]
        values = {limit.name: limit.value(place) for limit, place in pairs}
        return {name: value for name, value in values.items() if value is not None}


class Views:
    """Views of a study that were asked for lately, by whoever; nothing about a reader is kept."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._facts, self._views = Workshop(kept=2), Workshop(kept=24)

    def facts(self, kind: str | None) -> Facts:
        """Raises `InputError` where the study cannot be read."""
        designs = self.reader.designs(kind)
        made: Facts = self._facts.get(designs.version, lambda: Facts(designs))
        return made

    def view(
        self,
        kind: str | None,
        x: str,
        y: str,
        third: str | None = None,
        places: Sequence[Any] = (),
        ids: Sequence[Mapping[str, str]] = (),
        brush: Any = None,
        text: str | None = None,
        **_: Any,
    ) -> View | str:
        """The view that is asked for, or what to tell the reader instead."""
        try:
            facts = self.facts(kind)
        except SpikesimError as error:
            return str(error)
        ranges: Brush = clean(brush)
        limits = tuple(facts.wanted(places or (), ids or ()).items())
        x, y = x if facts.known(x) else "edap", y if facts.known(y) else "tops_per_watt"
        third = third if third in facts.measured else ""
        asked = Asked(x, y, third or "", limits, tuple(ranges.items()), text or "")
        made: View = self._views.get((facts.designs.version, asked), lambda: View(facts.designs, facts, asked))
        return made
