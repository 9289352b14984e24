"""The nearest front design to a given one, and what there is to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .factors import Factor, cells, factors
from .fronts import front_mask, objectives


@dataclass(frozen=True)
class Change:
    """One axis in which two designs differ.

    Attributes:
        axis: its name. before, after: its values.
        metrics: of the design that differs in this axis alone from the given one; None if it is not stored.
    """

    axis: str
    before: Any
    after: Any
    metrics: Mapping[str, float] | None


@dataclass(frozen=True)
class Advice:
    """From a design to the front.

    Attributes:
        row, target: rows of the given design and of the front design; the same where it is on the front.
        changes: axes that differ, in their order.
        before, after: metrics of the two.
    """

    row: int
    target: int
    changes: tuple[Change, ...]
    before: Mapping[str, float]
    after: Mapping[str, float]


def nearest_front_design(
    frame: Mapping[str, NDArray[Any]], row: int, metrics: Sequence[str], axes: Sequence[str]
) -> Advice:
    """The front design that is nowhere worse than a given one and takes the fewest changes to reach.

    Of those with as few axes to change, the one with the fewest steps along the levels of axes of numbers; then the
    first. A design that lacks one of the metrics is compared in the others by nobody: every front design is a target.

    Args:
        frame: columns of a study. row: of the given design.
        metrics: of the front. axes: what can be changed, as in `Space.axes`.

    Raises:
        InputError: an unknown metric or axis, or no design has all of the metrics.
    """
    values, larger = objectives(frame, metrics)
    found = factors(frame, axes)
    mask = front_mask(values, larger)
    if mask[row]:
        return _advice(frame, row, row, metrics, found)
    signs = np.where(larger, -1.0, 1.0)
    no_worse = (values * signs <= values[row] * signs).all(axis=1)
    targets = np.flatnonzero(mask & no_worse if np.isfinite(values[row]).all() else mask)
    if not targets.size:
        return _advice(frame, row, row, metrics, found)
    away = np.stack([_steps(factor, targets, row) for factor in found])
    nearest = np.lexsort((targets, away.sum(axis=0), np.count_nonzero(away, axis=0)))[0]
    return _advice(frame, row, int(targets[nearest]), metrics, found)


def _steps(factor: Factor, rows: NDArray[np.intp], row: int) -> NDArray[np.intp]:
    """How many levels lie between; names are all one step apart."""
    away = np.abs(factor.codes[rows] - factor.codes[row])
    return np.asarray(away if factor.levels.dtype.kind in "iuf" else np.minimum(away, 1), dtype=np.intp)


def _advice(
    frame: Mapping[str, NDArray[Any]], row: int, target: int, metrics: Sequence[str], found: Sequence[Factor]
) -> Advice:
    def numbers(of: int) -> dict[str, float]:
        return {name: float(frame[name][of]) for name in metrics}

    index, changes = cells(found), []
    shape = [factor.levels.size for factor in found]
    for factor in found:
        before, after = (factor.levels[factor.codes[of]].item() for of in (row, target))
        if before != after:
            codes = [int(other.codes[target if other is factor else row]) for other in found]
            stored = np.flatnonzero(index == int(np.ravel_multi_index(codes, shape)))
            changes.append(Change(factor.name, before, after, numbers(int(stored[0])) if stored.size else None))
    return Advice(row, target, tuple(changes), numbers(row), numbers(target))
