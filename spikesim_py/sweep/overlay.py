"""Two studies on one map: whose front dominates more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from .fronts import REFERENCE, Frame, Mask, UnitBox, by_logarithm, front_mask, hypervolume, objectives


@dataclass(frozen=True)
class FrontComparison:
    """The fronts of two studies, A and B, in one box around all designs of both.

    Attributes:
        metrics: what spans the fronts.
        fronts: of A and of B, per row of its frame, whether no design of its own study beats it.
        volumes: hypervolume of each in the box (best at 0, worst at 1, up to `REFERENCE`), as a share of all of it.
        together: that of both.
        beaten: how many designs of A's front B beats, and the other way round.
    """

    metrics: tuple[str, ...]
    fronts: tuple[Mask, Mask]
    volumes: tuple[float, float]
    together: float
    beaten: tuple[int, int]

    @property
    def difference(self) -> float:
        """Volume of B less that of A."""
        return self.volumes[1] - self.volumes[0]


def compare_fronts(a: Frame, b: Frame, metrics: Sequence[str]) -> FrontComparison:
    """Hold the fronts of two frames against each other.

    Raises:
        InputError: a metric is unknown, or one of the studies has no design with all of them.
    """
    for name, frame in zip("AB", (a, b), strict=True):
        missing = [metric for metric in metrics if metric not in frame]
        if missing:
            raise InputError(f"study {name}: no design has {missing[0]}")
    (first, larger), (second, _) = objectives(a, metrics), objectives(b, metrics)
    fronts = front_mask(first, larger), front_mask(second, larger)
    for name, front in zip("AB", fronts, strict=True):
        if not front.any():
            raise InputError(f"study {name}: no design has {' and '.join(metrics)}")
    both = np.vstack([first, second])
    box = UnitBox.around(both, larger, by_logarithm(metrics))
    ideal = REFERENCE ** len(metrics)

    def volume(values: np.ndarray) -> float:
        known = values[np.isfinite(values).all(axis=1)]
        return hypervolume(box.place(known), [False] * len(metrics), [REFERENCE] * len(metrics)) / ideal

    best = front_mask(both, larger)
    kept = best[: len(first)], best[len(first) :]
    beaten = tuple(int((front & ~still).sum()) for front, still in zip(fronts, kept, strict=True))
    return FrontComparison(
        tuple(metrics), fronts, (volume(first), volume(second)), volume(both), (beaten[0], beaten[1])
    )
