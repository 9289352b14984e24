"""Accuracies drawn at random, without replacement."""

from __future__ import annotations

import numpy as np

from .method import Field, Listed, Point


class Random(Listed):
    """The baseline that every other method must beat."""

    def __init__(self, field: Field, seed: int) -> None:
        super().__init__(field, seed)
        self._order = np.random.default_rng(seed).permutation(len(self.points))

    def ask(self, count: int) -> list[Point]:
        return self.take(self._order[self.open[self._order]][:count].tolist())
