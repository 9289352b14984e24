"""How sure a front is: accuracies are measured on few chips and samples, costs rest on constants that err.

An accuracy p measured as a on n samples is drawn from the distribution whose middle interval is, at every level, the
score interval of `inference.interval`: the p at which ``(p - a) / sqrt(p (1 - p)) = q z``, z being standard normal
and q the width that the stored interval implies. Designs with one accuracy key were measured once, and share each
draw. Designs with different keys are drawn independently of each other; where they saw the same samples their errors
go together, and the probabilities told here are more cautious than need be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from ..cost.band import METRICS as BAND_METRICS
from ..cost.band import Trees, sample
from ..errors import InputError
from .fronts import Floats, Mask, front_mask, objectives

#: coverage of the intervals that a study stores
_LEVEL = 0.95


def interval_scale(accuracy: Floats, low: Floats, high: Floats, level: float = _LEVEL) -> Floats:
    """The score intervals' widths as q of one standard deviation; 0 where an interval is a point.

    Either end tells it, ``q = |end - a| / sqrt(end (1 - end)) / z``; the one nearer to 1/2 does so better.
    """
    z = norm.ppf((1 + level) / 2)
    end = np.where(np.abs(low - 0.5) < np.abs(high - 0.5), low, high)
    spread = np.sqrt(end * (1 - end))
    return np.asarray(np.abs(end - accuracy) / np.where(spread > 0, spread, np.inf) / z)


def draw_accuracy(accuracy: Floats, scale: Floats, normal: Floats) -> Floats:
    """The accuracies at standard normal numbers; the three broadcast. At +-z they are an interval's ends."""
    q = scale * normal
    root = np.sqrt(accuracy * (1 - accuracy) + q**2 / 4)
    return np.clip((accuracy + q**2 / 2 + q * root) / (1 + q**2), 0.0, 1.0)


def accuracy_draws(frame: Mapping[str, NDArray[Any]], *, draws: int, seed: int) -> tuple[Floats, NDArray[np.intp]]:
    """Draws of every measured accuracy of a study, (draws, keys), and which key each design has, (designs,).

    A key has the same numbers in whatever study it stands. Imported results may state no key, then each design is a
    measurement of its own, and no interval, then their accuracy is taken as exact.
    """
    if draws < 1 or seed < 0:
        raise InputError(f"draws = {draws}, seed = {seed}: there must be a draw, and no seed below 0")
    named = np.asarray(frame["accuracy_key"], dtype=str)
    own = frame["report_hash"] if "report_hash" in frame else np.arange(len(named)).astype(str)
    keys, first, owner = np.unique(np.where(named == "", own, named), return_index=True, return_inverse=True)
    normal = np.stack(
        [np.random.default_rng([seed, *str(key).encode()]).standard_normal(draws) for key in keys], axis=1
    )
    value, low, high = (np.asarray(frame[name], float)[first] for name in ("accuracy", "accuracy_low", "accuracy_high"))
    scale = interval_scale(value, low, high)
    return draw_accuracy(value, np.where(np.isnan(scale), 0.0, scale), normal), owner.reshape(-1)


def front_probability(
    frame: Mapping[str, NDArray[Any]],
    metrics: Sequence[str],
    *,
    draws: int = 1000,
    seed: int = 0,
    costs: Mapping[str, Floats] | None = None,
) -> Floats:
    """Per design, the share of draws in which it is on the front of `metrics`; equal designs are on it together.

    Args:
        frame: columns with the metrics; `accuracy` needs `accuracy_low`, `accuracy_high` and `accuracy_key` too.
        draws, seed: how often, and of which random numbers. The standard error is at most 0.5 / sqrt(draws).
        costs: metric -> its values in every draw, (draws, designs), as `cost_draws` makes them; else costs are exact.
    """
    values, larger = objectives(frame, metrics)
    if not len(values):
        return np.zeros(0)
    drawn = dict(costs or {})
    for name, array in drawn.items():
        if name not in metrics or array.shape != (draws, len(values)):
            raise InputError(
                f"costs[{name!r}], shape {array.shape}: must be of one of the metrics, {(draws, len(values))}"
            )
    if "accuracy" not in metrics and not drawn:
        return front_mask(values, larger).astype(float)
    accuracies, owner = np.empty((draws, 0)), np.zeros(len(values), dtype=np.intp)
    if "accuracy" in metrics:
        accuracies, owner = accuracy_draws(frame, draws=draws, seed=seed)
    rows = np.arange(len(values)) if drawn else np.flatnonzero(_possible(values, larger, metrics, accuracies, owner))
    hits, drawn_values = np.zeros(len(values)), values[rows].copy()
    for draw in range(draws):
        for column, name in enumerate(metrics):
            if name == "accuracy":
                drawn_values[:, column] = accuracies[draw, owner[rows]]
            elif name in drawn:
                drawn_values[:, column] = drawn[name][draw]
        hits[rows] += front_mask(drawn_values, larger)
    return hits / draws


def _possible(
    values: Floats, larger: Sequence[bool], metrics: Sequence[str], accuracies: Floats, owner: NDArray[np.intp]
) -> Mask:
    """Which designs can be on the front in any draw where only accuracies are drawn; the others need no draws.

    Within one accuracy key only costs differ. Between keys, a design whose largest accuracy is below the least of a
    cheaper one never is.
    """
    column = list(metrics).index("accuracy")
    keyed = values.copy()
    keyed[:, column] = np.where(np.isfinite(values[:, column]), 0.0, np.nan)
    mask = np.zeros(len(values), dtype=bool)
    order = np.argsort(owner, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(owner[order])) + 1):
        mask[rows] = front_mask(keyed[rows], larger)
    rows = np.flatnonzero(mask)
    least, most = values[rows].copy(), values[rows].copy()
    least[:, column] = accuracies.min(axis=0)[owner[rows]]
    most[:, column] = accuracies.max(axis=0)[owner[rows]]
    sure = least[front_mask(least, larger)]
    signs = np.where(larger, -1.0, 1.0)
    for row, point in zip(rows, most * signs, strict=True):
        mask[row] = not ((sure * signs <= point).all(axis=1) & (sure * signs < point).any(axis=1)).any()
    return mask


def cost_draws(designs: Sequence[Trees], metrics: Sequence[str], *, draws: int, seed: int = 0) -> dict[str, Floats]:
    """Metric -> its values in every draw of the calibrations, (draws, designs), for `front_probability`.

    All designs err alike in what they share (`cost.band`), so that comparing them within a draw cancels it.

    Args:
        designs: the trees of each design, `Report.cost_inputs.trees`.
        metrics: of them, those that a band tells (energy, area, latency, EDAP) are drawn.
    """
    found = [sample(trees, draws=draws, seed=seed) for trees in designs]
    return {name: np.stack([each[name] for each in found], axis=1) for name in metrics if name in BAND_METRICS}
