"""Fronts: which designs no other one beats, how much of the objectives' space they dominate, and where they bend.

Everything here works on plain arrays: `values` is (designs, objectives), `larger` says per objective whether large
values are good. A design with a value that is not finite is on no front and adds no volume.

Dominance and hypervolumes are those of moocore (López-Ibáñez, Paquete, Stützle, "Exploratory analysis of stochastic
local search algorithms in biobjective optimization", 2010, and its successors): exact, for any number of objectives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import moocore
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, did_you_mean
from ..report import METRICS

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Frame = Mapping[str, NDArray[Any]]

#: a reference point lies this far beyond the worst values, as a share of their range, so that a front's ends count too
#: (Ishibuchi et al., Evolutionary Computation 26(3), 2018, discuss the choice; 1.1 is the usual one)
REFERENCE = 1.1
#: with more designs than this, most are first dropped by what the front of about this few of them beats
_MANY, _FEW, _JUDGES = 100_000, 4000, 12
#: how many comparisons of objectives are held in memory at once
_COMPARISONS = 1 << 22


def objectives(frame: Frame, metrics: Sequence[str]) -> tuple[Floats, tuple[bool, ...]]:
    """The values (designs, metrics) of a frame, and per metric whether larger is better.

    Raises:
        InputError: no metric, or an unknown one.
    """
    if not metrics:
        raise InputError("metrics = []: a front needs at least one")
    for name in metrics:
        if name not in METRICS:
            hint = did_you_mean(name.lower(), METRICS)
            raise InputError(f"metric {name!r}: unknown{hint} (known: {', '.join(METRICS)})")
    if len(set(metrics)) < len(metrics):
        raise InputError(f"metrics = {', '.join(metrics)}: one stands twice")
    values = np.stack([np.asarray(frame[name], dtype=float) for name in metrics], axis=1)
    return values, tuple(METRICS[name][2] for name in metrics)


def by_logarithm(metrics: Sequence[str]) -> tuple[bool, ...]:
    """Per metric, whether ratios count in it: those that have a unit. Shares and accuracies are placed as they are."""
    return tuple(METRICS[name][1] != "-" for name in metrics)


def nondominated(frame: Frame, metrics: Sequence[str]) -> Mask:
    """Per row of a frame, whether no other row is at least as good in all metrics and better in one."""
    return front_mask(*objectives(frame, metrics))


def front_mask(values: Floats, larger: Sequence[bool]) -> Mask:
    """Per design, whether it is on the front; equal designs all are."""
    rows = np.flatnonzero(np.logical_and.reduce([np.isfinite(column) for column in values.T]))
    mask = np.zeros(len(values), dtype=bool)
    if rows.size > _MANY:
        rows = rows[_contenders(_costs(values[rows], larger))]
    if rows.size:
        mask[rows] = moocore.is_nondominated(values[rows], maximise=list(larger), keep_weakly=True)
    return mask


def _contenders(costs: Floats) -> NDArray[np.intp]:
    """Rows that a few good designs leave over: of a million, mostly some thousand. All others are beaten."""
    few = costs[np.random.default_rng(0).integers(len(costs), size=_FEW)]  # even steps would miss levels of a grid
    good = few[moocore.is_nondominated(few)]
    balanced = np.argsort((few[:, None] > good).mean(axis=0).min(axis=1))  # the one that beats most comes first
    rows, columns = np.arange(len(costs)), [np.ascontiguousarray(column) for column in costs.T]
    for point in good[balanced[::-1][:_JUDGES]]:
        parts = list(zip(columns, point, strict=True))
        kept = np.logical_or.reduce([column < bound for column, bound in parts])
        kept |= np.logical_and.reduce([column == bound for column, bound in parts])
        rows, columns = rows[kept], [column[kept] for column in columns]
    return rows


@dataclass(frozen=True)
class UnitBox:
    """Objectives without units: the best value seen lies at 0, the worst at 1.

    Attributes:
        best, worst: (objectives,), logarithms where `log`; equal where all designs are.
        log: objectives that are placed by their logarithm, as ratios count in them.
    """

    best: Floats
    worst: Floats
    log: tuple[bool, ...]

    @staticmethod
    def around(values: Floats, larger: Sequence[bool], log: Sequence[bool] | None = None) -> UnitBox:
        """The box of the designs whose values are all finite; raises `InputError` if there is none."""
        logs = tuple(log) if log is not None else (False,) * values.shape[1]
        known = values[np.isfinite(values).all(axis=1)]
        if not len(known):
            raise InputError("objectives: no design has all of them")
        if (known[:, list(logs)] <= 0).any():
            raise InputError("objectives: one that is placed by its logarithm must be above 0")
        placed = _logarithms(known, logs)
        least, most = placed.min(axis=0), placed.max(axis=0)
        return UnitBox(np.where(larger, most, least), np.where(larger, least, most), logs)

    def place(self, values: Floats) -> Floats:
        """(designs, objectives), small is good; 0 in an objective that does not differ in the box."""
        span = self.worst - self.best
        return np.asarray((_logarithms(values, self.log) - self.best) / np.where(span, span, np.inf))


def _logarithms(values: Floats, log: Sequence[bool]) -> Floats:
    placed = np.array(values, dtype=float)
    placed[:, list(log)] = np.log10(placed[:, list(log)])
    return placed


def hypervolume(values: Floats, larger: Sequence[bool], reference: Sequence[float] | Floats) -> float:
    """The volume that the designs dominate, up to the reference point, in the product of the objectives' units.

    With `UnitBox.place`, all `larger` false and a reference of `REFERENCE`, it is without unit and weighs all
    objectives alike.
    """
    costs, bound = _costs(values, larger), _costs(np.asarray([reference], dtype=float), larger)[0]
    inside = costs[(costs < bound).all(axis=1)]
    return float(moocore.hypervolume(inside, ref=bound)) if len(inside) else 0.0


def hypervolume_history(values: Floats, larger: Sequence[bool], reference: Sequence[float] | Floats) -> Floats:
    """The hypervolume after each design, in the order given: (designs,), never falling."""
    costs, bound = _costs(values, larger), _costs(np.asarray([reference], dtype=float), larger)[0]
    inside = (costs < bound).all(axis=1)
    archive, volumes, start = np.empty((0, costs.shape[1])), np.zeros(len(costs)), 0
    while start < len(costs):
        stop = start + max(1, _COMPARISONS // (archive.size + costs.shape[1]))
        block = costs[start:stop]
        for row in start + np.flatnonzero(inside[start:stop] & ~_beaten(block, archive)):
            point = costs[row]
            if not _beaten(point[None], archive)[0]:  # by one of its own block
                archive = np.vstack([archive[~_beaten(archive, point[None])], point])
                volumes[row] = moocore.hypervolume(archive, ref=bound)
        start = stop
    return np.maximum.accumulate(volumes)


def _costs(values: Floats, larger: Sequence[bool]) -> Floats:
    """Every objective as one to minimize."""
    return np.asarray(np.where(larger, -1.0, 1.0) * values)


def _beaten(points: Floats, archive: Floats) -> Mask:
    """Per point, whether one of the archive is nowhere worse."""
    no_worse = np.ones((len(points), len(archive)), dtype=bool)
    for mine, theirs in zip(points.T, archive.T, strict=True):
        no_worse &= theirs <= mine[:, None]
    return np.asarray(no_worse.any(axis=1))


def knee(values: Floats, larger: Sequence[bool], log: Sequence[bool] | None = None) -> int | None:
    """The design where the front bends most: leaving it costs much of one objective for little of another.

    With the front's own best and worst values at 0 and 1, it is the design that lies farthest on the good side of the
    plane through the corners where one objective is best and all others are worst (sum of coordinates = objectives
    - 1). For two objectives that is the line through the front's ends, as Das defines the knee (Structural
    Optimization 18, 1999); for three, the corners stand for the best designs of each objective, which may coincide.
    A front that is one point is its own knee. The first of equal designs is named.

    Returns:
        Its row; None where the front is empty, or where no design lies on the good side.
    """
    rows = np.flatnonzero(front_mask(values, larger))
    if not rows.size:
        return None
    box = UnitBox.around(values[rows], larger, log)
    differing = int(np.count_nonzero(box.worst != box.best))
    depth = differing - 1 - box.place(values[rows]).sum(axis=1)
    deepest = int(np.argmax(depth))
    return int(rows[deepest]) if not differing or depth[deepest] > 1e-9 else None
