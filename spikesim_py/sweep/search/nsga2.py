"""NSGA-II (Deb et al., IEEE Transactions on Evolutionary Computation 6(2), 2002), for spaces too large to list.

Uniform crossover, and mutation that steps along an axis of numbers or draws anew. Designs that a constraint forbids
are never proposed: costs are known beforehand.
"""

from __future__ import annotations

import moocore
import numpy as np
from numpy.typing import NDArray

from .method import Field, Floats, Method, Point, Told, losses

#: designs that breed; drawings before a generation gives up finding new ones
PARENTS, TRIES = 24, 60


class Nsga2(Method):
    """Steady state: every answer competes at once, so that parallel workers need not wait for a generation."""

    def __init__(self, field: Field, seed: int) -> None:
        self._field, self._random = field, np.random.default_rng(seed)
        self._sizes = np.array([len(values) for values in field.space.axes.values()])
        self._seen: set[Point] = set()
        self._losses: dict[Point, Floats] = {}
        self._known: dict[Point, float] = {}

    def tell(self, told: Told) -> None:
        if told.point not in self._losses:
            self._losses[told.point] = losses(self._field.costed(np.array([told.point], np.int32)))[0]
        self._seen.add(told.point)
        self._known[told.point] = told.accuracy

    def ask(self, count: int) -> list[Point]:
        chosen: list[Point] = []
        parents = self._parents()
        for _ in range(TRIES):
            bred = self._bred(parents, 4 * count) if len(parents) >= 2 else self._drawn(4 * count)
            allowed = self._field.costed(bred)
            for point, loss in zip(map(tuple, allowed.codes.tolist()), losses(allowed), strict=True):
                if len(chosen) < count and point not in self._seen:
                    self._seen.add(point)
                    self._losses[point] = loss
                    chosen.append(point)
            if len(chosen) == count:
                break
        return chosen

    def _drawn(self, count: int) -> NDArray[np.int32]:
        return self._random.integers(0, self._sizes, (count, len(self._sizes)), dtype=np.int32)

    def _parents(self) -> NDArray[np.int32]:
        """The best, front by front; of the last one the loneliest."""
        if len(self._known) < PARENTS:
            return np.zeros((0, len(self._sizes)), np.int32)
        points = list(self._known)
        values = np.array([[*self._losses[point], -self._known[point]] for point in points])
        rank = moocore.pareto_rank(values)
        order = np.lexsort((-_crowding(values, rank), rank))[:PARENTS]
        return np.array([points[i] for i in order], np.int32)

    def _bred(self, parents: NDArray[np.int32], count: int) -> NDArray[np.int32]:
        pairs = self._random.integers(0, len(parents), (2, count, 2)).min(axis=2)  # tournaments: the better of two
        swap = self._random.random((count, len(self._sizes))) < 0.5
        children = np.maximum(np.where(swap, parents[pairs[0]], parents[pairs[1]]), 0)
        changed = self._random.random(children.shape) < 1 / len(self._sizes)
        changed[np.arange(count), self._random.integers(0, len(self._sizes), count)] = True  # no child is its parent
        stepped = np.clip(children + self._random.choice([-1, 1], children.shape), 0, self._sizes - 1)
        fresh = self._drawn(count)
        return np.where(changed, np.where(self._random.random(children.shape) < 0.5, stepped, fresh), children).astype(
            np.int32
        )


def _crowding(values: Floats, rank: NDArray[np.int64]) -> Floats:
    """Distance between the neighbours within a front, over all objectives; infinite at its ends."""
    distance = np.zeros(len(values))
    for front in np.unique(rank):
        members = np.flatnonzero(rank == front)
        for column in values[members].T:
            order = members[np.argsort(column, kind="stable")]
            sorted_ = np.sort(column)
            distance[order[[0, -1]]] = np.inf
            distance[order[1:-1]] += (sorted_[2:] - sorted_[:-2]) / (np.ptp(column) or 1.0)
    return distance
