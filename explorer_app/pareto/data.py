"""What the Pareto page shows of a study: which designs pass, which are on the front, which are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from spikesim_py.errors import SpikesimError
from spikesim_py.figures.limits import meets
from spikesim_py.figures.lines import within
from spikesim_py.figures.picks import best_designs
from spikesim_py.figures.thin import MOST, spaced, thinned
from spikesim_py.report import METRICS
from spikesim_py.sweep import by_logarithm, front_mask, knee, objectives, where
from spikesim_py.sweep.where import LONGEST

from ..reader import Designs, Frame, Reader
from ..workshop import Workshop
from .brushes import Brush, clean, end_text, is_float
from .facts import Facts

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

    def to_dict(self) -> dict[str, Any]:
        """What was asked as plain data, for `Views.recalled`."""
        kind = "measured" if self.designs.bulk is None else "costed"
        return asdict(self.asked) | {"limits": dict(self.asked.limits), "brush": dict(self.asked.brush), "kind": kind}

    @cached_property
    def conditions(self) -> list[str]:
        """What was asked, in words."""
        held = [limit for limit in self.facts.limits if limit.name in dict(self.asked.limits)]
        told = [f"{METRICS[each.name][0]} {each.words(dict(self.asked.limits)[each.name])}" for each in held]
        told += [f"{name} {end_text(low)}..{end_text(high)}" for name, (low, high) in self.asked.brush]
        return [*told, *([self.asked.filter.strip()] if self.passes_filter is not None else [])]

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

    def worth_a_look(self, most: int) -> list[str]:
        """What the first of `picks` are called."""
        return self.designs.names(np.array(list(self.picks.values())[:most], dtype=int))

    def order(self, sort: str, down: bool) -> np.ndarray:
        """Rows that pass, as `ordered`; kept, as a reader scrolls through them."""
        sort = sort if sort in self.frame else ""
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
        return self._kept(facts, x, y, third, facts.wanted(places or (), ids or ()), brush, text)

    def recalled(self, said: Any) -> View | str:
        """The view that the Pareto page showed a browser last, as `View.to_dict` said it; without one, the usual."""
        said = {"x": "edap", "y": "accuracy"} | (said if isinstance(said, dict) else {})
        try:
            facts = self.facts(said.get("kind"))
        except SpikesimError as error:
            return str(error)
        given, known = said.get("limits"), {limit.name for limit in facts.limits}
        pairs = given.items() if isinstance(given, dict) else ()
        numbers = [(name, value) for name, value in pairs if name in known and isinstance(value, int | float)]
        limits = {name: float(value) for name, value in numbers if is_float(value)}
        x, y, third = said["x"], said["y"], said.get("third")
        return self._kept(facts, x, y, third, limits, said.get("brush"), said.get("filter"))

    def _kept(
        self, facts: Facts, x: Any, y: Any, third: Any, limits: Mapping[str, float], brush: Any, text: Any
    ) -> View:
        """What browsers ask for is bounded: columns of the study, ranges of them, a filter that is not too long."""
        ranges: Brush = {name: ends for name, ends in clean(brush).items() if name in facts.designs.frame}
        x, y = (name if isinstance(name, str) and facts.known(name) else "" for name in (x, y))
        third = third if third in facts.measured else ""
        text = text[: LONGEST + 1] if isinstance(text, str) else ""
        asked = Asked(x or "edap", y or "tops_per_watt", third, tuple(limits.items()), tuple(ranges.items()), text)
        made: View = self._views.get((facts.designs.version, asked), lambda: View(facts.designs, facts, asked))
        return made
