"""What every sample costs: energy and latency as distributions over the samples that an activity was measured on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .activity import Activity, of_design, spread
from .cost import cost_network
from .cost.batch import QUANTITIES, Group, parametric_batch
from .hardware import Hardware
from .network import Network, build
from .noc import in_closed_form, is_refined

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Distribution:
    """A quantity over samples: `values` (samples,), in the order of the dataset."""

    values: Floats

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value:.6g}" for name, value in self._spread.items())
        return f"Distribution({told}, samples={len(self.values)})"

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
    so that it costs what lies between the two. What trees, moved tiles or a simulated mesh change is what they change
    at the mean activity, in proportion to the time-steps.
    """
    if activity.each is None:
        return None
    if hardware.cost.library == "parametric" and network.arithmetic != "float" and is_refined(hardware):
        plain = in_closed_form(hardware)
        whole, closed = (cost_network(network, chip, activity).tree for chip in (hardware, plain))
        found, share = sample_costs(network, plain, activity), activity.each.steps / network.time_steps
        assert found is not None
        return SampleCosts(
            found.energy_pj + share * (whole.energy_pj - closed.energy_pj),
            found.latency_ns + share * (whole.critical_ns - closed.critical_ns),
        )
    steps, seen = activity.each.steps, activity.by_sample()
    totals = np.zeros((2, len(steps)))
    for t in range(1, network.time_steps + 1):
        share = np.maximum(1 - np.abs(steps - t), 0)
        chosen = np.flatnonzero(share)
        if len(chosen):
            costs = _costs(_with_steps(network, t), hardware, of_design(seen, chosen), len(chosen))
            totals[:, chosen] += share[chosen] * costs
    return SampleCosts(*totals)


def _costs(network: Network, hardware: Hardware, activity: Activity, samples: int) -> Floats:
    """(2, samples) energy in pJ and latency in ns, at activities (samples,)."""
    if network.arithmetic == "float" or hardware.cost.library != "parametric":  # they take no arrays
        trees = [cost_network(network, hardware, of_design(activity, index)).tree for index in range(samples)]
        return np.array([(tree.energy_pj, tree.critical_ns) for tree in trees]).T
    totals = {name: np.empty(samples) for name in QUANTITIES}
    parametric_batch(network, Group(hardware, {}, np.arange(samples), {}), activity, totals, None)
    return np.stack([totals["energy_pj"], totals["latency_ns"]])


def _with_steps(network: Network, steps: int) -> Network:
    """The network, run for another number of time-steps."""
    if steps == network.time_steps:
        return network
    return build(network.model.model_copy(update={"time_steps": steps}), network.arrays)
