"""The band around a cost: what the disagreement of calibrations, and the trust in each number, leave open.

A draw picks one of the ADC anchors that have figures for the chip, and multiplies energy, area and critical time of
every component by a log-normal error of median 1, whose width follows from the grade of the component's numbers
(`configs/calibrations/spread.yaml`). The errors are those of a model, not of a design: in the same draw every layer
and every design has the same error in a component of the same source, and takes the same anchor where it can. So two
designs are compared in pairs, within one calibration, and what they share cancels; a SAR and a flash converter, or
cells of two nodes, err apart.

What is not drawn: the correlation between the errors of components, of energy and area, and a latency error's
effect on leakage.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from ..activity import Activity
from ..errors import InputError, did_you_mean
from ..hardware import AdcAnchor, Hardware, load_hardware
from ..network import Network
from .result import cost_network
from .technology import load_calibration
from .tree import CostNode

#: one cost per ADC anchor; None stands for all of them where a design has no converters
Trees = Mapping[AdcAnchor | None, CostNode]
#: grade -> log-normal sigma of energy, area, time
Spread = Mapping[str, tuple[float, float, float]]

#: what a band tells, and what two designs can be ordered by
METRICS = ("energy_pj", "area_um2", "latency_ns", "edap")
#: share of the draws in which two designs must have one order; else they are tied
STABLE = 0.9
#: probabilities of a band's two ends
ENDS = (0.05, 0.95)


@dataclass(frozen=True)
class CostInputs:
    """What a cost was made of: enough to make it again in another calibration."""

    network: Network
    hardware: Hardware
    activity: Activity

    @cached_property
    def trees(self) -> Trees:
        """The cost in the figures of every ADC anchor that has some for this chip."""
        if self.network.arithmetic == "float" or self.hardware.digital_crossbar:
            return {None: cost_network(self.network, self.hardware, self.activity).tree}
        anchors = AdcAnchor.of(self.hardware.adc)
        chips = {anchor: load_hardware(self.hardware, {"cost.adc_anchor": anchor}) for anchor in anchors}
        return {anchor: cost_network(self.network, chip, self.activity).tree for anchor, chip in chips.items()}


@dataclass(frozen=True)
class Interval:
    """A distribution: its median, and the ends of its middle 90 %."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Band:
    """What is known of a design's cost.

    The median is over all anchors: where they disagree it is not the design's own cost, which is in one of them.

    Attributes:
        energy_pj, area_um2, latency_ns, edap: over the draws.
        assumed_energy_share, assumed_area_share: what rests on assumed constants, in the chip's own calibration.
        anchors: ADC calibrations that were drawn; none for a design without converters. draws, seed: of the draws.
    """

    energy_pj: Interval
    area_um2: Interval
    latency_ns: Interval
    edap: Interval
    assumed_energy_share: float
    assumed_area_share: float
    anchors: tuple[str, ...]
    draws: int
    seed: int


@dataclass(frozen=True)
class Order:
    """How often one design has less of a metric than another, over paired draws."""

    metric: str
    first_less: float
    second_less: float
    equal: float

    @property
    def tied(self) -> bool:
        """Whether neither is less in 90 % of the draws."""
        return max(self.first_less, self.second_less) < STABLE


def band(trees: Trees, own: CostNode, *, draws: int = 1000, seed: int = 0, spread: Spread | None = None) -> Band:
    """The band of a cost.

    Args:
        trees: the cost in every ADC calibration. own: in the one that the chip names.
        draws, seed: of the calibrations.
        spread: sigma of energy, area and time by grade; None reads `configs/calibrations/spread.yaml`.
    """
    values = sample(trees, draws=draws, seed=seed, spread=spread)
    ends = {name: Interval(*map(float, np.quantile(found, (0.5, *ENDS)))) for name, found in values.items()}
    return Band(
        energy_pj=ends["energy_pj"],
        area_um2=ends["area_um2"],
        latency_ns=ends["latency_ns"],
        edap=ends["edap"],
        assumed_energy_share=own.share("assumed", "energy_pj"),
        assumed_area_share=own.share("assumed", "area_um2"),
        anchors=tuple(anchor.value for anchor in trees if anchor),
        draws=draws,
        seed=seed,
    )


def order(
    first: Trees, second: Trees, metric: str = "edap", *, draws: int = 1000, seed: int = 0, spread: Spread | None = None
) -> Order:
    """Which of two designs has less of a metric, over paired draws.

    Two designs with converters are held against each other in the calibrations that have figures for both; one
    without, against all calibrations of the other.

    Raises:
        InputError: a metric that a band does not tell.
    """
    if metric not in METRICS:
        raise InputError(f"metric = {metric!r}{did_you_mean(metric, METRICS)} (known: {', '.join(METRICS)})")
    shared = first.keys() & second.keys()
    if shared:
        first, second = ({key: trees[key] for key in trees if key in shared} for trees in (first, second))
    a, b = (sample(trees, draws=draws, seed=seed, spread=spread)[metric] for trees in (first, second))
    return Order(metric, float(np.mean(a < b)), float(np.mean(b < a)), float(np.mean(a == b)))


def sample(trees: Trees, *, draws: int, seed: int, spread: Spread | None = None) -> dict[str, NDArray[np.float64]]:
    """Metric -> its value in every draw, (draws,).

    Raises:
        InputError: no draws, or a seed below 0.
    """
    for name, given, least in (("draws", draws, 1), ("seed", seed, 0)):
        if isinstance(given, bool) or not isinstance(given, int) or given < least:
            raise InputError(f"{name} = {given!r}: must be a whole number, at least {least}")
    sigmas = default_spread() if spread is None else spread
    # every anchor has a rank in every draw, and a design takes the highest of those that it can
    ranks = np.stack([_normal(f"adc_anchor {anchor}", draws, seed)[:, 0] for anchor in trees])
    taken = ranks.argmax(axis=0)
    totals = np.empty((3, draws))
    for index, tree in enumerate(trees.values()):
        chosen = np.flatnonzero(taken == index)
        totals[:, chosen] = _totals(tree, sigmas, draws, seed)[:, chosen]
    energy, area, latency = totals
    return dict(zip(METRICS, (energy, area, latency, energy * latency * area * 1e-27), strict=True))


def _totals(tree: CostNode, sigmas: Spread, draws: int, seed: int) -> NDArray[np.float64]:
    """Energy, area and latency in every draw, (3, draws): leaves of one component and source share their errors."""
    sums: dict[tuple[str, str], NDArray[np.float64]] = {}
    for _, node in tree.walk():
        if not node.children:
            key = (f"{node.name}: {node.source}", str(node.grade))
            sums.setdefault(key, np.zeros(3))
            sums[key] += np.array((node.energy_pj, node.area_um2, node.critical_ns))
    values = np.stack(list(sums.values()))
    sigma = np.array([sigmas[grade] for _, grade in sums])
    errors = np.stack([_normal(name, draws, seed) for name, _ in sums])
    return np.asarray((values[:, None] * np.exp(sigma[:, None] * errors)).sum(axis=0).T)


@lru_cache(maxsize=1)
def default_spread() -> Spread:
    """The sigmas of `configs/calibrations/spread.yaml`."""
    groups = load_calibration("spread")
    return {
        grade: (math.log(group["energy"]), math.log(group["area"]), math.log(group["time"]))
        for grade, group in groups.items()
    }


@lru_cache(maxsize=512)
def _normal(name: str, draws: int, seed: int) -> NDArray[np.float64]:
    """(draws, 3) standard normal numbers that belong to a name, whatever other names there are."""
    key = hashlib.sha256(f"{seed} {name}".encode()).digest()[:16]
    found = np.random.Generator(np.random.Philox(key=int.from_bytes(key))).standard_normal((draws, 3))
    found.setflags(write=False)
    return found
