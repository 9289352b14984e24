"""Expected hypervolume improvement where all costs are known and only one objective, the score, is not.

The volume that a design adds is an integral over the score t: at each t, the volume of costs that it dominates and no
known design with a score above t does. That is constant between the scores of the known designs, so that for a
normal score the expectation is a sum, exactly::

    sum over levels j of  V_j (E[(s - l_j)+] - E[(s - l_(j+1))+]),   V_j = volume of costs gained in (l_j, l_(j+1))

with ``E[(s - l)+] = sd (z Phi(z) + phi(z))``, ``z = (mean - l) / sd``: for one level, the expected improvement of Jones
et al. (Journal of Global Optimization 13, 1998); for sums of boxes, Emmerich et al. (IEEE CEC 2011).
"""

from __future__ import annotations

from collections.abc import Sequence

import moocore
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]
#: with two costs or more, designs whose volumes are formed one by one
SCREEN = 24


class Front:
    """Known designs that no other beats.

    Args:
        losses: (n, costs), to be made small. scores: (n,), to be made large.
        reference: (costs,) losses, and score, that are worth nothing.
    """

    def __init__(self, losses: Floats, scores: Floats, reference: Floats, floor: float) -> None:
        worth = (losses < reference).all(1) & (scores > floor)
        losses, scores = losses[worth], scores[worth]
        if len(scores):
            kept = moocore.is_nondominated(np.column_stack([losses, -scores]))
            losses, scores = losses[kept], scores[kept]
        order = np.argsort(scores, kind="stable")
        self.losses, self.scores = losses[order], scores[order]
        self.reference, self.floor = reference, floor
        self.levels = np.unique(np.append(self.scores, floor))

    def volume(self) -> float:
        """Hypervolume of losses and score."""
        if not len(self.scores):
            return 0.0
        points = np.column_stack([self.losses, -self.scores])
        return float(moocore.hypervolume(points, ref=[*self.reference, -self.floor]))

    def expected_gains(self, sets: Sequence[Floats], mean: Floats, sd: Floats) -> Floats:
        """(m,) expected growth of the volume, one per set of designs that share a normal score.

        Args:
            sets: losses (n, costs) of each set. mean, sd: of its score.

        With two costs or more it is formed for the `SCREEN` sets that promise most by single costs; others get 0.
        """
        shares = self._shares(mean, sd)
        best = np.stack([losses.min(axis=0) for losses in sets])
        rough = sum((shares * self._widths(best[:, k], k)).sum(1) for k in range(best.shape[1]))
        if best.shape[1] == 1:
            return np.asarray(rough)
        gains = np.zeros(len(sets))
        for index in np.argsort(rough)[-SCREEN:]:
            gains[index] = shares[index] @ self._volumes(sets[index])
        return gains

    def _shares(self, mean: Floats, sd: Floats) -> Floats:
        """(m, levels): expected length of the score between a level and the next."""
        sd = np.maximum(sd, 1e-12)[:, None]
        z = (mean[:, None] - self.levels) / sd
        above = sd * (z * ndtr(z) + np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi))
        return np.asarray(np.maximum(above - np.append(above[:, 1:], np.zeros((len(mean), 1)), axis=1), 0.0))

    def _widths(self, losses: Floats, cost: int) -> Floats:
        """(m, levels): how much less one cost is than that of any known design with a score above the level."""
        first = np.searchsorted(self.scores, self.levels, side="right")
        least = np.minimum.accumulate(np.append(self.losses[:, cost], self.reference[cost])[::-1])[::-1]
        return np.maximum(least[first] - losses[:, None], 0.0)

    def _volumes(self, losses: Floats) -> Floats:
        """(levels,): volume of costs that a set of designs gains at each level."""
        losses = losses[(losses < self.reference).all(1)]
        if not len(losses):
            return np.zeros(len(self.levels))
        first = np.searchsorted(self.scores, self.levels, side="right")
        return np.array([self._area(np.vstack([self.losses[i:], losses])) - self._area(self.losses[i:]) for i in first])

    def _area(self, losses: Floats) -> float:
        return float(moocore.hypervolume(losses, ref=self.reference)) if len(losses) else 0.0
