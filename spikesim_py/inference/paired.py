"""Two designs on the same chips and samples: the difference of their accuracies, and how sure it is.

Device errors are keyed by the weight that a cell stores, so that chip n of one design is chip n of another, at any
crossbar size; what the two share cancels in the difference.

Per chip and sample the difference is 1 (only the first is right), -1 (only the second) or 0. Its interval is made
as that of one accuracy (see `interval`), with the variance of a paired difference in the place of p (1 - p): it
holds every D with ``|measured - D| <= q sqrt(discordant(D) - D^2)``, where discordant(D) is the most likely share
of pairs that differ if the difference is D. For one chip, q = (normal quantile) / sqrt(samples), this is the score
interval of Tango (Statistics in Medicine 17, 1998); for several, q comes from the crossed bootstrap.

Where no pair differs, no variance can be estimated. A difference of size d needs a share d of pairs that differ,
and n samples without one are as likely as (1 - d)^n: the interval is that of Clopper and Pearson (Biometrika 26,
1934) for none of n, on both sides.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import binomtest

from ..errors import InputError
from .interval import bootstrap_quantile, check_correct, normal_quantile


@dataclass(frozen=True)
class PairedDifference:
    """How much more accurate the first of two designs is.

    Attributes:
        value: accuracy of the first less that of the second.
        interval: (low, high) of it.
        only_first, only_second: share of (chip, sample) pairs that only the first, or the second, has right.
        p_value: of McNemar's exact test (Psychometrika 12, 1947) that neither is better; None where the chips
            differ in the pairs that they have right, so that pairs are not independent: look at the interval.
    """

    value: float
    interval: tuple[float, float]
    only_first: float
    only_second: float
    p_value: float | None

    @property
    def significant(self) -> bool:
        """Whether the interval excludes 0."""
        return self.interval[0] > 0 or self.interval[1] < 0


def paired_difference(
    first: NDArray[np.bool_], second: NDArray[np.bool_], *, seed: int, level: float = 0.95
) -> PairedDifference:
    """Compare two designs that classified the same samples on the same chips.

    Args:
        first, second: (chips, samples), whether a chip of the design classified a sample rightly.
        seed: of the bootstrap; not used where the chips agree.
        level: coverage of the interval, at least 0.8, below 1.

    Raises:
        InputError: the shapes differ, there is no chip or no sample, or the level is out of range.
    """
    check_correct("first", first, level)
    if first.shape != second.shape:
        raise InputError(f"second: shape {second.shape}: must be that of first, {first.shape}")
    difference = first.astype(np.int8) - second.astype(np.int8)
    if (difference == difference[0]).all():  # chips that agree are one
        difference = difference[:1]
    chips, samples = difference.shape
    wins, losses = int((difference > 0).sum()), int((difference < 0).sum())
    value = (wins - losses) / difference.size
    only_first, only_second = wins / difference.size, losses / difference.size
    p_value = float(binomtest(wins, wins + losses).pvalue) if chips == 1 and wins + losses else None
    if not wins + losses:
        bound = 1 - ((1 - level) / 2) ** (1 / samples)
        return PairedDifference(0.0, (-bound, bound), 0.0, 0.0, 1.0)
    spread = only_first + only_second - value**2
    quantile = normal_quantile(samples, level)
    if chips > 1 and spread:
        quantile = bootstrap_quantile(difference, seed=seed, level=level) / spread**0.5 or quantile
    low = -_upper(-value, only_first, quantile)
    return PairedDifference(value, (low, _upper(value, only_second, quantile)), only_first, only_second, p_value)


def packed(correct: NDArray[np.bool_]) -> str:
    """(chips, samples) right answers as text: a bit each, chip by chip, in base64."""
    return base64.b64encode(np.packbits(correct).tobytes()).decode()


def reported_difference(first: Mapping[str, Any], second: Mapping[str, Any]) -> PairedDifference | None:
    """How much more accurate one report's design is than another's, from the accuracies of their plain data.

    None where they do not tell: the answers were not kept, or are of other samples, chips or seeds.
    """
    shapes = [(len(found["chips"]), found["samples"]) for found in (first, second)]
    runs = [(found["data"], found.get("seed", 0)) for found in (first, second)]
    if shapes[0] != shapes[1] or runs[0] != runs[1]:
        return None
    answers = [_unpacked(found.get("answers", ""), *shapes[0]) for found in (first, second)]
    if answers[0] is None or answers[1] is None:
        return None
    return paired_difference(answers[0], answers[1], seed=runs[0][1])


def _unpacked(text: str, chips: int, samples: int) -> NDArray[np.bool_] | None:
    """What `packed` has packed; None if that is not of this many."""
    try:
        bits = np.unpackbits(np.frombuffer(base64.b64decode(text, validate=True), np.uint8))
    except (binascii.Error, ValueError):
        return None
    count = chips * samples
    return bits[:count].reshape(chips, samples).astype(bool) if bits.size == -(-count // 8) * 8 > 0 else None


def _upper(value: float, against: float, quantile: float) -> float:
    """The largest D with ``D - value <= quantile * sqrt(discordant(D) - D^2)``; `against`: share that lowers D."""

    def excess(difference: float) -> float:
        return difference - value - quantile * math.sqrt(_variance(difference, value, against))

    # where all pairs are against, D = value solves the equation too
    return 1.0 if value >= 1 else float(brentq(excess, value + 1e-9, 1.0, xtol=1e-12))


def _variance(difference: float, value: float, against: float) -> float:
    """Variance of one pair's difference, with the most likely shares whose difference is `difference`.

    The share x of pairs against solves ``2 x^2 + b x - against * D (1 - D) = 0`` with
    ``b = (2 - value) D - discordant`` (Tango 1998); pairs in favour are x + D.
    """
    b = (2 - value) * difference - (value + 2 * against)
    c = -against * difference * (1 - difference)
    share = (math.sqrt(max(0.0, b * b - 8 * c)) - b) / 4
    return max(0.0, 2 * share + difference * (1 - difference))
