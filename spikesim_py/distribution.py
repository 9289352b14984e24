"""What every sample costs: energy and latency as distributions over the samples that an activity was measured on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .activity import Activity, spread
from .cost import cost_network
from .hardware import Hardware
from .network import Network, build

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Distribution:
    """A quantity over samples: `values` (samples,), in the order of the dataset."""

    values: Floats

    @cached_property
    def _spread(self) -> Mapping[str, float]:
        return spread(self.values)

    @property
    def mean(self) -> float:
        return self._spread["mean"]

    @property
    def p5(self) -> float:
        """5th percentile, linear between samples; so are `p50` and `p95`."""
        return self._spread["p5"]

    @property
    def p50(self) -> float:
        return self._spread["p50"]

    @property
    def p95(self) -> float:
        return self._spread["p95"]

    def to_dict(self) -> dict[str, Any]:
        """Mean and percentiles; the values themselves stay in memory."""
        return dict(self._spread)


@dataclass(frozen=True, eq=False)
class SampleCosts:
    """Cost of one inference of each sample: (samples,) each.

    Leakage is charged as if every inference were like this one: over its own interval.
    """

    energy_pj: Floats
    latency_ns: Floats


def sample_costs(network: Network, hardware: Hardware, activity: Activity) -> SampleCosts | None:
    """What each sample of an activity costs; None if single samples were not kept.

    A sample costs what a network of its time-steps costs at its activity. Where chips let it run for different
    numbers of them, their mean lies between two whole numbers: energy and latency are affine in T at fixed activity,
    so that it costs what lies between the two.
    """
    if activity.each is None:
        return None
    runs = {t: _with_steps(network, t) for t in _whole(activity.each.steps)}
    # one evaluation per sample: the place of a call that costs all samples at once
    costs = [
        _between(steps, {t: _cost(runs[t], hardware, activity.of_sample(index)) for t in _whole([steps])})
        for index, steps in enumerate(activity.each.steps.tolist())
    ]
    energy_pj, latency_ns = np.array(costs).T
    return SampleCosts(energy_pj, latency_ns)


def _cost(network: Network, hardware: Hardware, activity: Activity) -> tuple[float, float]:
    tree = cost_network(network, hardware, activity).tree
    return tree.energy_pj, tree.critical_ns


def _whole(steps: Any) -> set[int]:
    """The whole numbers around each of `steps`."""
    return {whole(value) for value in steps for whole in (math.floor, math.ceil)}


def _between(steps: float, at: Mapping[int, tuple[float, float]]) -> Floats:
    low, high = np.array(at[math.floor(steps)]), np.array(at[math.ceil(steps)])
    made: Floats = low + (steps - math.floor(steps)) * (high - low)
    return made


def _with_steps(network: Network, steps: int) -> Network:
    """The network, run for another number of time-steps."""
    if steps == network.time_steps:
        return network
    return build(network.model.model_copy(update={"time_steps": steps}), network.arrays)
