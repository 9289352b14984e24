"""Which axes a metric depends on: main effects, interactions, Sobol indices.

Every level of an axis counts alike, whatever share of the designs has it. Then a metric over the full factorial is a
sum of terms, one per set of axes, that are orthogonal: the decomposition of the analysis of variance, or of Hoeffding
and Sobol' (Sobol', Mathematical Modelling and Computational Experiments 1, 1993). A term's share of the variance is
its Sobol index. An axis' first-order index is its own term's share, its total index that of all terms it is part of
(Homma, Saltelli, Reliability Engineering and System Safety 52, 1996).

* A complete factorial is decomposed exactly, into terms of all orders.
* An incomplete one is fitted by least squares with the terms of one axis and, if there are designs enough, of two, in
  contrasts that are orthonormal over the full factorial: squared coefficients are variances, as in the polynomial
  chaos of Sudret (Reliability Engineering and System Safety 93, 2008). What the fit leaves is `unexplained`.
* A model that can be called at will is sampled (`sampled_indices`): Saltelli's and Jansen's estimators, from SciPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .factors import Factor, cells, factors
from .fronts import objectives
from .regression import Axes, Floats, Regression, contrasts
from .uncertainty import accuracy_draws

Shares = Mapping[Axes, float]

#: an exact decomposition holds so many numbers at most; more axes take the fit
_PARTS = 5e7


@dataclass(frozen=True)
class Sensitivity:
    """Shares of a metric's variance; all are 0 where it does not vary.

    Attributes:
        names: of the axes.
        terms: set of axes -> its share, above 0 or not.
        unexplained: share that no term tells: designs that differ although their axes do not, higher orders of a fit.
        variance: of the metric over the full factorial, in its unit squared.
        exact: whether the factorial was complete; else it is a fit.
        low, high: ends of the first-order and total indices' intervals, (2, axes); equal where nothing is uncertain.
    """

    names: Axes
    terms: Shares
    unexplained: float
    variance: float
    exact: bool
    low: Floats
    high: Floats

    @property
    def first(self) -> Floats:
        """First-order index of each axis, (axes,)."""
        return _indices(self.names, self.terms)[0]

    @property
    def total(self) -> Floats:
        """Total index of each axis, (axes,)."""
        return _indices(self.names, self.terms)[1]

    def interactions(self) -> list[tuple[Axes, float]]:
        """The terms of two axes and more, largest first."""
        found = [(axes, share) for axes, share in self.terms.items() if len(axes) > 1]
        return sorted(found, key=lambda item: -item[1])


@dataclass(frozen=True)
class MainEffect:
    """What one axis does to a metric by itself.

    Attributes:
        name: of the axis. levels: its values.
        means: of the metric at each level, all other axes averaged. mean: over all levels.
    """

    name: str
    levels: NDArray[np.generic]
    means: Floats
    mean: float


def sensitivity(
    values: Floats,
    found: Sequence[Factor],
    *,
    noise: Callable[[int], Floats] | None = None,
    resamples: int = 200,
    seed: int = 0,
    level: float = 0.95,
) -> Sensitivity:
    """The shares of every axis and set of axes in the variance of a metric.

    Intervals are basic bootstrap intervals (Davison, Hinkley, "Bootstrap Methods", 1997, equation 5.6), which undo
    the rise that noise gives to shares: over draws of the measured values, and, for a fit, over designs drawn with
    replacement. A complete factorial of exact values has intervals of no width.

    Args:
        values: the metric, (designs,); designs without one (NaN) are left out, and make a factorial incomplete.
        found: the axes (`factors`).
        noise: from the number of a draw to the metric in that draw of its uncertainty, (designs,).
        resamples, seed: of the bootstrap. level: of the intervals.

    Raises:
        InputError: no design has a value, or fewer have one than a fit of all axes needs.
    """
    known = np.isfinite(values)
    y, kept = values[known], _among(found, known)
    shape = [factor.levels.size for factor in kept]
    complete = _is_complete(kept, shape)
    solve, groups = (_exact(kept, shape), 0) if complete else _fitted(kept)
    terms, unexplained, variance = _shares(*solve(y, None))
    names = tuple(factor.name for factor in kept)
    estimate = np.stack(_indices(names, terms))
    low = high = estimate
    if noise is not None or not complete:
        rng, again = np.random.default_rng(seed), []
        for draw in range(resamples):
            times = rng.multinomial(groups, np.full(groups, 1 / groups)).astype(float) if groups else None
            drawn = y if noise is None else noise(draw)[known]
            again.append(np.stack(_indices(names, _shares(*solve(drawn, times))[0])))
        ends = np.quantile(np.stack(again), ((1 + level) / 2, (1 - level) / 2), axis=0)
        low, high = np.clip(2 * estimate - ends, 0.0, 1.0)
    return Sensitivity(names, terms, unexplained, variance, complete, low, high)


def metric_sensitivity(
    frame: Mapping[str, NDArray[Any]],
    metric: str,
    axes: Sequence[str],
    *,
    log: bool = False,
    draws: int = 200,
    seed: int = 0,
) -> tuple[Sensitivity, list[MainEffect]]:
    """Indices and main effects of a metric of a study; those of accuracy know that it was measured.

    Args:
        frame: columns of a study. metric: of `METRICS`. axes: as in `Space.axes`; one that does not differ is left out.
        log: take the metric's decimal logarithm, so that what multiplies it adds up.
        draws, seed: of the intervals.

    Raises:
        InputError: an unknown metric or axis, a logarithm of what is not above 0, or too few designs.
    """
    values, found = objectives(frame, [metric])[0][:, 0], factors(frame, axes)
    if log and (values <= 0).any():
        raise InputError(f"metric {metric!r}: a logarithm needs values above 0")
    scaled: Callable[[Floats], Floats] = np.log10 if log else np.asarray
    noise = None
    if metric == "accuracy":
        drawn, owner = accuracy_draws(frame, draws=draws, seed=seed)
        least = np.finfo(float).tiny  # a draw can be 0 where a logarithm cannot

        def noise(draw: int) -> Floats:
            return scaled(np.maximum(drawn[draw, owner], least))

    values = scaled(values)
    return sensitivity(values, found, noise=noise, resamples=draws, seed=seed), main_effects(values, found)


def main_effects(values: Floats, found: Sequence[Factor]) -> list[MainEffect]:
    """The mean of a metric at every level of every axis: exact on a complete factorial, else of the fit."""
    known = np.isfinite(values)
    y, kept = values[known], _among(found, known)
    if _is_complete(kept, [factor.levels.size for factor in kept]):
        mean, by_level = float(y.mean()), [np.bincount(f.codes, y) / np.bincount(f.codes) for f in kept]
    else:
        design = Regression.of(kept)
        coefficients, _ = design.fit(y)
        mean = float(coefficients[0])
        by_level = [mean + contrasts(f.levels.size) @ coefficients[design.columns[(f.name,)]] for f in kept]
    return [MainEffect(f.name, f.levels, means, mean) for f, means in zip(kept, by_level, strict=True)]


def sampled_indices(
    function: Callable[[NDArray[np.intp]], Floats],
    levels: Sequence[int],
    *,
    samples: int = 1024,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[Floats, Floats, Floats]:
    """First-order and total Sobol indices of a model that can be called, such as `cost_batch` on a space too large.

    Saltelli's first-order and Jansen's total estimators (Saltelli et al., Computer Physics Communications 181, 2010)
    as `scipy.stats.sobol_indices` has them, on samples x (axes + 2) designs of a scrambled Sobol' sequence.

    Args:
        function: from level indices (axes, designs) to values (designs,).
        levels: how many levels each axis has; all count alike.
        samples: a power of 2. seed: of sequence and bootstrap. level: of the intervals.

    Returns:
        (indices, low, high), each (2, axes): first-order, then total.
    """
    from scipy.stats import randint, sobol_indices

    if samples < 2 or samples & (samples - 1):
        raise InputError(f"samples = {samples}: must be a power of 2")

    def model(at: Floats) -> Floats:
        return np.atleast_2d(function(at.astype(np.intp)))

    rng = np.random.default_rng(seed)
    result = sobol_indices(func=model, n=samples, dists=[randint(0, count) for count in levels], rng=rng)
    spread = result.bootstrap(confidence_level=level, n_resamples=200)
    pair = (spread.first_order.confidence_interval, spread.total_order.confidence_interval)
    return (
        np.stack([result.first_order, result.total_order]),
        np.stack([interval.low for interval in pair]),
        np.stack([interval.high for interval in pair]),
    )


# ------------------------------------------------------------------------------------------------- decompositions

#: variance of each term, and that which no term tells
Parts = tuple[dict[Axes, float], float]
#: from the values, and how often each group of designs counts (`Regression`; None: once)
Solve = Callable[[Floats, Floats | None], Parts]


def _indices(names: Axes, terms: Shares) -> tuple[Floats, Floats]:
    first = np.array([terms.get((name,), 0.0) for name in names])
    total = np.array([sum(share for axes, share in terms.items() if name in axes) for name in names])
    return first, total


def _shares(variances: Mapping[Axes, float], rest: float) -> tuple[Shares, float, float]:
    """Shares of the terms and of the rest; the variance."""
    variance = sum(variances.values()) + rest
    scale = 1 / variance if variance > 0 else 0.0
    return {axes: found * scale for axes, found in variances.items()}, rest * scale, variance


def _among(found: Sequence[Factor], known: NDArray[np.bool_]) -> list[Factor]:
    """The factors of some designs, with the levels that these have; raises `InputError` if there are none."""
    if not known.any():
        raise InputError("metric: no design has it; there is nothing to explain")
    kept = []
    for factor in found:
        levels, codes = np.unique(factor.codes[known], return_inverse=True)
        kept.append(Factor(factor.name, factor.levels[levels], codes.reshape(-1)))
    return kept


def _is_complete(found: Sequence[Factor], shape: Sequence[int]) -> bool:
    """Whether every combination of levels stands there, all equally often, and they are few enough to decompose."""
    if math.prod(count + 1 for count in shape) > _PARTS or not len(found[0].codes) >= math.prod(shape):
        return False
    times = np.bincount(cells(found), minlength=math.prod(shape))
    return bool((times == times[0]).all())


def _exact(found: Sequence[Factor], shape: Sequence[int]) -> Solve:
    """Split the table of means axis by axis into its mean along the axis and what differs from it."""
    index, size = cells(found), math.prod(shape)

    def solve(y: Floats, times: Floats | None) -> Parts:
        apart = y - y.mean()
        apart[np.abs(apart) <= 1e-13 * np.abs(y).max()] = 0.0  # what rounding leaves of values that do not vary
        means = np.bincount(index, apart, size) / np.bincount(index, minlength=size)
        parts: dict[Axes, Floats] = {(): means.reshape(shape)}
        for axis, factor in enumerate(found):
            split = {}
            for axes, part in parts.items():
                split[axes] = part.mean(axis=axis, keepdims=True)
                split[(*axes, factor.name)] = part - split[axes]
            parts = split
        within = apart - means[index]
        return {axes: float(np.mean(part**2)) for axes, part in parts.items() if axes}, float(np.mean(within**2))

    return solve


def _fitted(found: Sequence[Factor]) -> tuple[Solve, int]:
    """The fit, and how many groups of designs a bootstrap draws."""
    design = Regression.of(found)

    def solve(y: Floats, times: Floats | None) -> Parts:
        coefficients, rest = design.fit(y, times)
        return {axes: float((coefficients[at] ** 2).sum()) for axes, at in design.columns.items()}, rest

    return solve, len(design.squares)
