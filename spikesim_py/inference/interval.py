"""Confidence intervals of an accuracy measured on several chips and samples.

Chips and samples are crossed: every chip sees the same samples, so neither a chip's samples nor a sample's
chips are independent. Several chips take a pigeonhole bootstrap (Owen, Annals of Applied Statistics 1(2),
2007: chips and samples are drawn with replacement, independently), corrected where few chips make it narrow:

* the deviations of the chips' means, and of the samples' means, are each scaled so that alone they give
  Student's interval with n - 1 degrees of freedom: a bootstrap of n things has too small a variance, by
  (n - 1) / n, and tails that are too short;
* the interval holds every accuracy p with ``|measured - p| <= q sqrt(p (1 - p))``, q being the bootstrap's
  quantile of ``|deviation| / sqrt(measured (1 - measured))``.

One chip, or a perfect score, takes q = (normal quantile) / sqrt(samples): the interval of Wilson (Journal of
the American Statistical Association 22, 1927), which has a width even then.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from ..errors import InputError

_DRAWS = 4000


def accuracy_interval(
    correct: NDArray[np.bool_], *, seed: int, level: float = 0.95
) -> tuple[float, tuple[float, float]]:
    """The mean accuracy over chips and its confidence interval.

    Args:
        correct: (chips, samples), whether a chip classified a sample rightly.
        seed: of the bootstrap; not used for one chip.
        level: coverage of the interval, at least 0.8, below 1.

    Returns:
        (accuracy, (low, high)).

    Raises:
        InputError: there is no chip or no sample, or the level is out of range.
    """
    if correct.ndim != 2 or not correct.size:
        raise InputError(f"correct: shape {correct.shape}: must be (chips, samples), at least one of each")
    if not 0.8 <= level < 1:
        raise InputError(f"level = {level}: must be at least 0.8 and below 1")
    chips, samples = correct.shape
    value = float(correct.mean())
    spread = value * (1 - value)
    quantile = float(norm.ppf((1 + level) / 2)) / samples**0.5
    if chips > 1 and spread:
        deviation = _deviations(correct, value, np.random.default_rng(seed), level)
        quantile = float(np.quantile(np.abs(deviation), level)) / spread**0.5
    return value, _score_interval(value, quantile)


def _deviations(
    correct: NDArray[np.bool_], value: float, random: np.random.Generator, level: float
) -> NDArray[np.float64]:
    """Bootstrapped deviations of the mean: those of the chips' means plus those of the samples' means.

    The residual of a chip with a sample is part of both, so that it counts twice: on the safe side.
    """
    total = np.zeros(_DRAWS)
    for axis in (1, 0):
        means = correct.mean(axis) - value
        n = len(means)
        if n == 1 or not means.any():  # nothing to draw from, or nothing that differs
            continue
        drawn = means[random.integers(n, size=(_DRAWS, n))].mean(1)
        student = t.ppf((1 + level) / 2, n - 1) * means.std(ddof=1) / n**0.5
        total += student * drawn / np.quantile(np.abs(drawn), level)
    return total


def _score_interval(value: float, quantile: float) -> tuple[float, float]:
    """All p with ``|value - p| <= quantile * sqrt(p (1 - p))``."""
    square = quantile**2
    center = (value + square / 2) / (1 + square)
    half = quantile * (value * (1 - value) + square / 4) ** 0.5 / (1 + square)
    return max(0.0, center - half), min(1.0, center + half)
