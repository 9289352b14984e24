"""How often one design dominates another, over samples, device instances and calibrations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from spikesim_py.report import Report
from spikesim_py.sweep import cost_draws

from .settings import Held

#: costs that a design must not exceed to dominate
COSTS = ("energy_pj", "latency_ns", "area_um2")
DRAWS = 2000
#: cost to its value in every draw
Draws = Mapping[str, NDArray[np.float64]]


def drawn_costs(report: Report) -> Draws:
    """What a design costs in every draw of the calibrations."""
    assert report.cost_inputs is not None
    drawn = cost_draws([report.cost_inputs.trees], COSTS, draws=DRAWS)
    return {name: values[:, 0] for name, values in drawn.items()}


def dominations(
    designs: Sequence[Held],
    others: Sequence[Held],
    costs: Sequence[str] = COSTS,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> NDArray[np.bool_]:
    """(draws, designs, others): at least as accurate, and no more of any cost.

    A draw takes samples and device instances with replacement, the same ones for all, and one calibration.
    """
    every = [*designs, *others]
    random, (chips, samples) = np.random.default_rng(seed), every[0].correct.shape
    by_chip = random.multinomial(chips, np.full(chips, 1 / chips), draws) / chips
    by_sample = random.multinomial(samples, np.full(samples, 1 / samples), draws) / samples
    right = [one.correct if len(one.correct) == chips else np.repeat(one.correct, chips, 0) for one in every]
    accuracy = np.stack([np.einsum("dc,cs,ds->d", by_chip, each, by_sample, optimize=True) for each in right], axis=1)
    inputs = [one.report.cost_inputs for one in every]
    drawn = cost_draws([each.trees for each in inputs if each], costs, draws=draws, seed=seed)
    split = len(designs)
    better = accuracy[:, :split, None] >= accuracy[:, None, split:] - 1e-12
    for values in drawn.values():
        better &= values[:, :split, None] <= values[:, None, split:]
    return better
