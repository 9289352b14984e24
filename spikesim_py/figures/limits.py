"""What a design must at least reach, or may at most take: constraints on metrics, and the sliders that set them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._units import engineering
from ..report import METRICS
from .columns import Frame, measured

#: metrics that a reader may set a limit to, in this order
LIMITED = ("accuracy", "edap", "energy_pj", "latency_ns", "area_um2", "tops_per_watt")


@dataclass(frozen=True)
class Limit:
    """The slider of one metric.

    A share moves evenly, everything else by its logarithm (base 10).

    Attributes:
        name: the metric. low, high: places of its smallest and largest value in the study.
    """

    name: str
    low: float
    high: float

    @property
    def at_least(self) -> bool:
        """Whether it bounds the metric from below."""
        return METRICS[self.name][2]

    @property
    def even(self) -> bool:
        """Whether its places are values; those of others are logarithms."""
        return _even(self.name)

    @property
    def loosest(self) -> float:
        """The place that every design meets."""
        return self.low if self.at_least else self.high

    def value(self, place: float) -> float | None:
        """The limit at a place, in the metric's own unit; None at the loosest: no limit."""
        loose = place <= self.low if self.at_least else place >= self.high
        return None if loose else float(f"{_from(self.name, place):.4g}")

    def place(self, value: float) -> float:
        """Where a limit stands, within the slider."""
        return min(max(_to(self.name, value), self.low), self.high)

    def words(self, value: float | None) -> str:
        """`at most 2.5 mm²`."""
        if value is None:
            return "any"
        return f"{'at least' if self.at_least else 'at most'} {engineering(value, METRICS[self.name][1], 3)}"


def limits(frame: Frame) -> list[Limit]:
    """A slider for every metric of `LIMITED` that differs between designs."""
    found = []
    for name in (name for name in LIMITED if name in measured(frame)):
        values = np.asarray(frame[name], float)
        known = values[np.isfinite(values) & ((values > 0) | _even(name))]
        if known.size and known.min() < known.max():
            low, high = _to(name, float(known.min())), _to(name, float(known.max()))
            # rounded outwards: every design lies within, and no limit is the loosest by an accident of digits
            found.append(Limit(name, math.floor(low * 1e3) / 1e3, math.ceil(high * 1e3) / 1e3))
    return found


def meets(frame: Frame, asked: Mapping[str, float]) -> NDArray[np.bool_]:
    """Per row, whether it meets every limit; a design without the metric does not."""
    mask = np.ones(len(next(iter(frame.values()), ())), bool)
    for name, value in asked.items():
        if name in frame:
            values = np.asarray(frame[name], float)
            mask &= values >= value if METRICS[name][2] else values <= value
    return mask


def _even(name: str) -> bool:
    return METRICS[name][1] == "-"


def _to(name: str, value: float) -> float:
    return value if _even(name) else math.log10(value)


def _from(name: str, place: float) -> float:
    return place if _even(name) else 10.0**place
