"""What silicon takes beyond the circuits of the model: a factor on energy and one on area, from development chips.

A macro has clocks, timing, references, input converters, guard rings and wires between its circuits, of which the
model has none. All of that is one factor: over the development chips, measured over predicted has a mean and a standard
deviation s on logarithms; for a new chip that is a log-normal factor of that mean and ``s sqrt(1 + 1/n)``. A chip is
never part of its own factor: those that are scored are predicted from the others. Chips with converters and chips
without have factors of their own.

One chip (of area, and of chips without converters, there is no other) tells no s, so a factor of 2 at one sigma is
assumed; so it is around 1 where no chip tells anything.
"""

from __future__ import annotations

import hashlib
import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: spread of a factor that a single chip tells, or none, at one sigma (assumed)
SINGLE = 2.0


@dataclass(frozen=True)
class Factor:
    """A log-normal factor: mean and standard deviation of its logarithm."""

    mean: float = 0.0
    sigma: float = 0.0

    @property
    def median(self) -> float:
        return math.exp(self.mean)

    def sample(self, name: str, draws: int) -> NDArray[np.float64]:
        """(draws,) values that belong to a name."""
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16])
        normal = np.random.Generator(np.random.Philox(key=key)).standard_normal(draws)
        return np.asarray(np.exp(self.mean + self.sigma * normal))


def fitted(ratios: Mapping[str, Iterable[float]], without: str = "") -> Factor:
    """The factor of measured over predicted.

    Args:
        ratios: development chip to its ratios, one per condition, which count as one together.
        without: the chip that it is for, if it is one of them.
    """
    logs = [statistics.fmean(map(math.log, found)) for chip, found in ratios.items() if chip != without]
    if len(logs) < 2:
        return Factor(sum(logs), math.log(SINGLE))
    return Factor(statistics.fmean(logs), statistics.stdev(logs) * math.sqrt(1 + 1 / len(logs)))
