"""Parallel coordinates and scatter matrices as data: per axis where each design lies, and what its places mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from plotly.colors import sample_colorscale

from .._units import number
from ..report import METRICS
from .axes import placing
from .columns import Column, Frame, column, is_number
from .pareto import by_logarithm, color_groups

#: values that are few enough to stand evenly spaced, each with its own tick
_FEW = 12
#: steps of a colour scale for values that are many
_STEPS = 24
#: values that are looked at before all are sorted
_GLANCE = 5000


@dataclass(frozen=True)
class LineAxis:
    """One axis.

    Attributes:
        about: the column. kind: how it is spaced: by its `levels`, evenly, by its logarithm, or by that of the error.
        low, high: coordinates of its ends, as `kind` spaces them; of levels, the first and the last place.
        levels: values in their order, as stored; empty for the other kinds.
    """

    about: Column
    kind: Literal["level", "linear", "log", "error"]
    low: float
    high: float
    levels: tuple[Any, ...] = ()

    def places(self, values: np.ndarray) -> np.ndarray:
        """Where stored values lie, 0 to 1 from the worse or lower end up; NaN where there is none."""
        if self.kind == "level":
            at = np.searchsorted(np.array(self.levels), values).astype(float)
        else:
            at = _spaced(np.asarray(values, float) * self.about.factor, self.kind)
        span = self.high - self.low
        return (at - self.low) / span if span else np.where(np.isfinite(at), 0.5, np.nan)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a page."""
        texts = [number(level) if isinstance(level, float) else str(level) for level in self.levels]
        return {
            "name": self.about.name,
            "label": self.about.label,
            "unit": self.about.unit,
            "factor": self.about.factor,
            "larger": self.about.larger_is_better,
            "kind": self.kind,
            "ends": [self.low, self.high],
            "levels": list(self.levels),
            "texts": texts,
        }


def line_axis(frame: Frame, name: str) -> LineAxis | None:
    """The axis of a column over all designs of a frame; None where no design has a value."""
    about, values = column(frame, name), np.asarray(frame[name])
    levels = None if name in METRICS else _levels(values)
    if levels is not None:
        return LineAxis(about, "level", 0.0, float(max(levels.size - 1, 0)), tuple(levels.tolist()))
    shown = values.astype(float) * about.factor
    shown = shown[np.isfinite(shown)]
    if not shown.size:
        return None
    kind = placing(shown, about, None).kind
    placed = _spaced(np.array([shown.min(), shown.max()]), kind)
    return LineAxis(about, kind, float(placed.min()), float(placed.max()))


def _levels(values: np.ndarray) -> np.ndarray | None:
    """The values of a column that has few, or is text; a look at some of them spares sorting a million.

    Switches are 0 and 1, as bulk sweeps store them: JSON and addresses hold their ranges as numbers.
    """
    values = values.astype(np.uint8) if values.dtype.kind == "b" else values
    if values.dtype.kind == "f":
        glance = values[:: values.size // _GLANCE + 1]
        if np.unique(glance[np.isfinite(glance)]).size > _FEW or not np.isfinite(values).all():
            return None
    if values.dtype.kind in "iu" and values.size and int(values.max()) - int(values.min()) < 1 << 16:
        low = int(values.min())
        levels = np.flatnonzero(np.bincount(values.astype(np.int64) - low)) + low
    else:
        levels = np.unique(values)
    return levels if levels.size <= _FEW or values.dtype.kind not in "iuf" else None


def _spaced(shown: np.ndarray, kind: str) -> np.ndarray:
    """Coordinates along an axis; errors grow downwards, so that the better end is up."""
    if kind == "error":
        return -np.log10(np.maximum(100.0 - shown, 0.05))
    return np.log10(shown) if kind == "log" else shown


def line_colors(frame: Frame, color: str) -> tuple[np.ndarray, list[str]]:
    """Per design the number of its colour, uint8, and the colours: as the Pareto figure has them."""
    rows = np.arange(len(frame["report_hash"]))
    codes = np.zeros(rows.size, np.uint8)
    groups = color_groups(frame, rows, color)
    for index, group in enumerate(groups):
        codes[group.members] = index
    if groups:
        return codes, [group.color for group in groups]
    values = np.asarray(frame[color])
    numbers = values.astype(float) if is_number(frame, color) else np.unique(values, return_inverse=True)[1] * 1.0
    if by_logarithm(numbers, column(frame, color)):
        numbers = np.log10(numbers)
    low, high = np.nanmin(numbers), np.nanmax(numbers)
    share = np.nan_to_num((numbers - low) / ((high - low) or 1.0))
    scale = sample_colorscale("Viridis", [step / (_STEPS - 1) for step in range(_STEPS)])
    return (share * (_STEPS - 1)).round().astype(np.uint8), [str(shade) for shade in scale]


def within(frame: Frame, brush: Mapping[str, Sequence[Any]]) -> np.ndarray:
    """Per design, whether it lies in all brushed ranges.

    Args:
        brush: column -> its least and largest value, as stored; None is an open end. What is missing lies in none.
    """
    mask = np.ones(len(next(iter(frame.values()), ())), bool)
    for name, (low, high) in brush.items():
        if name not in frame:
            continue
        values = np.asarray(frame[name])
        if values.dtype.kind == "f":
            mask &= np.isfinite(values)
        if low is not None:
            mask &= values >= low
        if high is not None:
            mask &= values <= high
    return mask
