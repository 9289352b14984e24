"""A front with everything that is known of it, for terminals, pages and the explorer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .fronts import REFERENCE, Floats, Mask, UnitBox, by_logarithm, front_mask, hypervolume, knee, objectives
from .study import Study
from .uncertainty import front_probability


@dataclass(frozen=True)
class FrontSummary:
    """A front of a study.

    Attributes:
        name: of the space. axes: what its designs differ in.
        frame: columns of all designs. metrics: what spans the front.
        front: (designs,), whether no other one beats a design. probability: (designs,), share of draws in which.
        knee: row of the knee; None where the front has none.
        hypervolume: of the front in the box of all designs, best at 0 and worst at 1, up to 1.1; of 1.1^metrics.
    """

    name: str
    axes: tuple[str, ...]
    frame: Mapping[str, NDArray[Any]]
    metrics: tuple[str, ...]
    front: Mask
    probability: Floats
    knee: int | None
    hypervolume: float

    def rows(self, least: float = 0.1) -> NDArray[np.intp]:
        """The front and the designs that are on it with at least such a probability, best in the first metric first."""
        values, larger = objectives(self.frame, self.metrics)
        rows = np.flatnonzero(self.front | (self.probability >= least))
        keys = np.where(larger, -1.0, 1.0) * values[rows]
        return rows[np.lexsort(keys.T[::-1])]


def front_summary(study: Study, metrics: Sequence[str], *, draws: int = 1000, seed: int = 0) -> FrontSummary:
    """The front of a study in some metrics, its certainty over `draws` of the accuracies, its knee and its volume.

    Raises:
        InputError: an unknown metric, or no design has all of them.
    """
    frame = study.frame()
    values, larger = objectives(frame, metrics)
    front, log = front_mask(values, larger), by_logarithm(metrics)
    if not front.any():
        raise InputError(f"{study.path}: no design has {' and '.join(metrics)}")
    placed = UnitBox.around(values, larger, log).place(values)
    space = study.space
    return FrontSummary(
        space.name,
        tuple(space.axes),
        frame,
        tuple(metrics),
        front,
        front_probability(frame, metrics, draws=draws, seed=seed),
        knee(values, larger, log),
        hypervolume(placed, [False] * len(metrics), [REFERENCE] * len(metrics)),
    )
