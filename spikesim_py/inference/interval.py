"""Confidence intervals of an accuracy measured on several chips and samples.

Chips and samples are crossed: every chip sees the same samples, so neither a chip's samples nor a sample's
chips are independent. Several chips take a pigeonhole bootstrap (Owen, Annals of Applied Statistics 1(2),
2007: chips and samples are drawn with replacement, independently), corrected where few chips make it narrow:

* the deviations of the chips' means, and of the samples' means, are each scaled so that alone they give
  Student's interval with n - 1 degrees of freedom: a bootstrap of n things has too small a variance, by
  (n - 1) / n, and tails that are too short;
* the interval holds every accuracy p with ``|measured - p| <= q sqrt(p (1 - p))``, q being the bootstrap's
  quantile of ``|deviation| / sqrt(measured (1 - measured))``.

One chip, a perfect score, or chips and samples whose means are all alike, take q = (normal quantile) /
sqrt(samples): the interval of Wilson (Journal of the American Statistical Association 22, 1927), which has a
width even then.
"""

from __future__ import annotations

from typing import Any

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
    check_correct("correct", correct, level)
    chips, samples = correct.shape
    value = float(correct.mean())
    spread = value * (1 - value)
    quantile = normal_quantile(samples, level)
    if chips > 1 and spread:
        quantile = bootstrap_quantile(correct, seed=seed, level=level) / spread**0.5 or quantile
    return value, score_interval(value, quantile)


def bootstrap_quantile(values: NDArray[Any], *, seed: int, level: float) -> float:
    """The `level` quantile of the bootstrapped |deviation| of the mean of `values` (chips, samples).

    A deviation is that of the chips' means plus that of the samples' means. The residual of a chip with a sample
    is part of both, so that it counts twice: on the safe side. It is 0 where neither chips nor samples differ.
    """
    random, total = np.random.default_rng(seed), np.zeros(_DRAWS)
    for axis in (1, 0):
        means = values.mean(axis)
        # n draws with replacement, by how often each of the few different means comes
        n, (different, counts) = len(means), np.unique(means, return_counts=True)
        if len(different) == 1:
            continue
        drawn = random.multinomial(n, counts / n, _DRAWS) @ (different - values.mean()) / n
        student = t.ppf((1 + level) / 2, n - 1) * means.std(ddof=1) / n**0.5
        total += student * drawn / np.quantile(np.abs(drawn), level)
    return float(np.quantile(np.abs(total), level))


def normal_quantile(samples: int, level: float) -> float:
    """What replaces the bootstrap where there is one chip, or nothing that differs."""
    return float(norm.ppf((1 + level) / 2) / samples**0.5)


def check_correct(name: str, correct: NDArray[np.bool_], level: float) -> None:
    """Raises `InputError` unless `correct` is (chips, samples), at least one of each, and the level in range."""
    if correct.ndim != 2 or not correct.size:
        raise InputError(f"{name}: shape {correct.shape}: must be (chips, samples), at least one of each")
    if not 0.8 <= level < 1:
        raise InputError(f"level = {level}: must be at least 0.8 and below 1")


def score_interval(value: float, quantile: float) -> tuple[float, float]:
    """All p with ``|value - p| <= quantile * sqrt(p (1 - p))``."""
    square = quantile**2
    center = (value + square / 2) / (1 + square)
    half = quantile * (value * (1 - value) + square / 4) ** 0.5 / (1 + square)
    return max(0.0, center - half), min(1.0, center + half)
