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


#: what an accuracy's error is raised by before its logarithm is taken: a perfect score has a place too
_LEAST_ERROR = 1e-3
#: what a key moves a slider by, 1.2 % of a value or of an error. Its ends are whole steps on the looser side: the best
#: design meets even the strictest limit, and every design the loosest
STEP = 0.005
#: errors are told to two digits, none finer than this
_FINEST_ERROR = 1e-4


@dataclass(frozen=True)
class Limit:
    """The slider of one metric.

    An accuracy moves by the logarithm (base 10) of its error, which gives room to what is near 100 %; everything else
    by its own logarithm.

    Attributes:
        name: the metric. low, high: places of its smallest and largest value in the study, whole multiples of `STEP`.
    """

    name: str
    low: float
    high: float

    @property
    def at_least(self) -> bool:
        """Whether it bounds the metric from below."""
        return METRICS[self.name][2]

    @property
    def by_error(self) -> bool:
        """Whether its places are of errors; those of others are of values."""
        return _by_error(self.name)

    @property
    def loosest(self) -> float:
        """The place that every design meets."""
        return self.low if self.at_least else self.high

    def at(self, place: float) -> float:
        """The value at a place, in the metric's own unit, rounded as it is told."""
        if self.by_error:
            return round(1.0 - _rounded_error(10.0**-place - _LEAST_ERROR), 6)
        return float(f"{10.0**place:.4g}")

    def value(self, place: float) -> float | None:
        """The limit at a place; None at the loosest: no limit."""
        loose = place <= self.low if self.at_least else place >= self.high
        return None if loose else self.at(place)

    def place(self, value: float) -> float:
        """Where a limit stands, within the slider."""
        return min(max(_place(self.name, value), self.low), self.high)

    def words(self, value: float | None) -> str:
        """`at most 2.5 mm²`."""
        if value is None:
            return "any"
        digits = 4 if self.by_error and value > 0.99 else 3  # errors below 1 % have two decimals
        return f"{'at least' if self.at_least else 'at most'} {engineering(value, METRICS[self.name][1], digits)}"


def limits(frame: Frame) -> list[Limit]:
    """A slider for every metric of `LIMITED` that differs between designs."""
    found = []
    for name in (name for name in LIMITED if name in measured(frame)):
        values = np.asarray(frame[name], float)
        known = values[np.isfinite(values) & ((values > 0) | _by_error(name))]
        ends = [float(known.min()), float(known.max())] if known.size else [0.0, 0.0]
        if _by_error(name):  # to two digits, towards the looser side, as all places are
            ends = [1.0 - _rounded_error(1.0 - end, up=True) for end in ends]
        if ends[0] < ends[1]:
            looser = math.floor if METRICS[name][2] else math.ceil
            low, high = (round(looser(_place(name, end) / STEP) * STEP, 6) for end in ends)
            limit = Limit(name, low, high)
            if not meets({name: known}, {name: limit.at(high if limit.at_least else low)}).any():  # by its four digits
                low, high = (low, round(high - STEP, 6)) if limit.at_least else (round(low + STEP, 6), high)
            found += [Limit(name, low, high)] if low < high else []
    return found


def meets(frame: Frame, asked: Mapping[str, float]) -> NDArray[np.bool_]:
    """Per row, whether it meets every limit; a design without the metric does not."""
    mask = np.ones(len(next(iter(frame.values()), ())), bool)
    for name, value in asked.items():
        if name in frame:
            values = np.asarray(frame[name], float)
            mask &= values >= value if METRICS[name][2] else values <= value
    return mask


def _by_error(name: str) -> bool:
    return METRICS[name][1] == "-"


def _place(name: str, value: float) -> float:
    return -math.log10(max(1.0 - value, 0.0) + _LEAST_ERROR) if _by_error(name) else math.log10(value)


def _rounded_error(error: float, *, up: bool = False) -> float:
    """An error to two digits."""
    if error <= 0:
        return 0.0
    step = max(10.0 ** (math.floor(math.log10(error)) - 1), _FINEST_ERROR)
    return step * (math.ceil(error / step - 1e-9) if up else round(error / step))
