"""Accuracies spread evenly over the axes: Sobol's sequence, scrambled by Owen's method (scipy.stats.qmc)."""

from __future__ import annotations

import numpy as np
from scipy.stats import qmc

from .features import features
from .method import Field, Floats, Listed, Point

_BLOCK = 64


class Sobol(Listed):
    """Proposes the nearest open accuracy to each point of the sequence."""

    def __init__(self, field: Field, seed: int) -> None:
        super().__init__(field, seed)
        self._places = features(*field.listed())
        width = max(1, self._places.shape[1])
        self._sequence = qmc.Sobol(width, rng=np.random.default_rng(seed))
        self._waiting: list[Floats] = []

    def ask(self, count: int) -> list[Point]:
        chosen: list[Point] = []
        while len(chosen) < count and self.open.any():
            chosen += self.take([self._nearest(self._next())])
        return chosen

    def _next(self) -> Floats:
        if not self._waiting:
            self._waiting = list(self._sequence.random(_BLOCK))
        return self._waiting.pop(0)

    def _nearest(self, place: Floats) -> int:
        open_ = np.flatnonzero(self.open)
        return int(open_[np.argmin(np.abs(self._places[open_] - place).sum(axis=1))])
