"""The default: a Gaussian process on accuracy alone, exact hypervolume improvement over the list of accuracies.

What a design costs is known of all of them; what is uncertain is one number per accuracy, however many designs have it.
Each proposal is the accuracy whose measurement is expected to enlarge the front's volume most. Accuracies a enter as
``arcsin(sqrt(a))``, whose error is the same at every accuracy (Bartlett, Biometrics 3, 1947), costs as logarithms.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .features import features
from .gaussian import GaussianProcess
from .improvement import Front
from .method import Field, Listed, Point, Told, losses

Floats = NDArray[np.float64]
#: accuracies that are spread over the space before there is a model
START = 8
#: accuracies that one proposal looks at, at most
POOL = 4096


class Gp(Listed):
    """Proposals count on each other: each takes those under way as measured, with what the model expects of them."""

    def __init__(self, field: Field, seed: int) -> None:
        super().__init__(field, seed)
        designs, arms = field.listed()
        self._random = np.random.default_rng(seed)
        self._places = features(designs, arms)
        found = losses(designs)
        order = np.argsort(arms.of, kind="stable")
        self._bounds = np.append(np.searchsorted(arms.of[order], np.arange(len(arms))), len(designs))
        self._losses = found[order]  # accuracy by accuracy
        self._least = np.minimum.reduceat(self._losses, self._bounds[:-1])
        self._reference = found.max(axis=0) + 0.05 * (np.ptp(found, axis=0) + 1e-9)
        self._model, self._fitted = GaussianProcess(self._places.shape[1]), 0
        self._known: dict[int, tuple[float, float]] = {}
        self._pending: list[int] = []
        self._start = self._spread()

    def tell(self, told: Told) -> None:
        super().tell(told)
        score = score_of(told.accuracy)
        arm = self.field.arm(told.point)
        self._known[arm] = (score, score_error(told.accuracy, told.error))
        self._pending = [other for other in self._pending if other != arm]

    def ask(self, count: int) -> list[Point]:
        chosen: list[Point] = []
        while len(chosen) < count and self.open.any():
            arm = self._begin()
            self._pending.append(self._best() if arm is None else arm)
            chosen += self.take(self._pending[-1:])
        return chosen

    def _begin(self) -> int | None:
        """The next of those that are spread over the space, until there is enough for a model."""
        while self._start and len(self._known) < START:
            arm = self._start.pop(0)
            if self.open[arm]:
                return arm
        return None

    def _spread(self) -> list[int]:
        """Far from each other: each is the farthest from those before it (Gonzalez 1985), among a seeded sample."""
        sample = self._sample(np.arange(len(self.open)))
        places, chosen = self._places[sample], [0]
        distance = np.full(len(sample), np.inf)
        while len(chosen) < min(START, len(sample)):
            distance = np.minimum(distance, ((places - places[chosen[-1]]) ** 2).sum(1))
            chosen.append(int(distance.argmax()))
        return [int(sample[i]) for i in dict.fromkeys(chosen)]

    def _best(self) -> int:
        """What promises most, if those that are under way turn out as expected."""
        if not self._known:
            return int(self._random.choice(np.flatnonzero(self.open)))
        known = dict(self._known)
        if self._pending:
            mean, _ = self._predict(known, np.array(self._pending))
            known |= {arm: (float(value), 0.0) for arm, value in zip(self._pending, mean, strict=True)}
        front = self._front(known)
        pool = self._pool(front)
        mean, sd = self._predict(known, pool)
        gains = front.expected_gains([self._set(arm) for arm in pool], mean, sd)
        if not gains.max() > 0:  # nothing can be gained any more: what is least known
            return int(pool[sd.argmax()])
        return int(pool[gains.argmax()])

    def _front(self, known: dict[int, tuple[float, float]]) -> Front:
        sets = [self._set(arm) for arm in known]
        costs, scores = np.concatenate(sets), np.repeat([score for score, _ in known.values()], [len(s) for s in sets])
        return Front(costs, scores, self._reference, 0.0)

    def _pool(self, front: Front) -> NDArray[np.int64]:
        """Open accuracies that would be on the front if they were perfect; a sample where they are many."""
        open_ = np.flatnonzero(self.open)
        perfect = front.losses[front.scores >= score_of(1.0)]
        beaten = (perfect[:, None] <= self._least[open_]).all(2).any(0) if len(perfect) else np.zeros(len(open_), bool)
        pool = open_[~beaten] if not beaten.all() else open_
        return np.sort(self._sample(pool))

    def _sample(self, arms: NDArray[np.int64]) -> NDArray[np.int64]:
        """At most `POOL` of them, in random order."""
        if len(arms) <= POOL:
            return self._random.permutation(arms)
        drawn = np.unique(self._random.integers(0, len(arms), POOL))  # far cheaper than to shuffle millions
        return self._random.permutation(arms[drawn])

    def _set(self, arm: int | np.int64) -> Floats:
        """Losses of the designs that have an accuracy."""
        return self._losses[self._bounds[arm] : self._bounds[arm + 1]]

    def _predict(self, known: dict[int, tuple[float, float]], arms: NDArray[np.int64]) -> tuple[Floats, Floats]:
        places = self._places[list(known)]
        scores, errors = np.array(list(known.values())).T
        if len(self._known) >= START and len(self._known) >= self._fitted + max(1, self._fitted // 10):
            self._model.fit(places, scores, errors)
            self._fitted = len(self._known)
        else:
            self._model.condition(places, scores, errors)
        return self._model.predict(self._places[arms])


def score_of(accuracy: float) -> float:
    """``arcsin(sqrt(accuracy))``, 0 to pi/2."""
    return float(np.arcsin(np.sqrt(np.clip(accuracy, 0.0, 1.0))))


def score_error(accuracy: float, error: float) -> float:
    """Standard error of the score, by its slope; next to 0 and 1, where that has none, by that of the error itself."""
    spread = max(accuracy * (1 - accuracy), error * error)
    return 0.5 * error / spread**0.5 if spread else 0.0
