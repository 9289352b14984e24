"""Accuracies drawn at random, without replacement."""

from __future__ import annotations

from itertools import islice

import numpy as np

from .method import Field, Listed, Point


class Random(Listed):
    """The baseline that every other method must beat."""

    def __init__(self, field: Field, seed: int) -> None:
        super().__init__(field, seed)
        self._order = iter(np.random.default_rng(seed).permutation(len(self.open)).tolist())

    def ask(self, count: int) -> list[Point]:
        return self.take(list(islice((arm for arm in self._order if self.open[arm]), count)))
