"""What the model says of a chip with a band, from nothing that was measured on it.

Between fitted nodes every component's energy, area and time is interpolated on logarithms of the node. Beyond 65 nm
areas go with F^2, charges and times with F, at the supply of 65 nm; what is found so is graded `assumed`. At a supply
V instead of the node's V0, energies go with (V / V0)^2 and times with the alpha-power law of Sakurai and Newton (JSSC
25, 1990)::

    t ~ V / (V - Vt)^alpha,  alpha = 1.3,  Vt = 0.4 V (both assumed for every chip)

What no circuit in scope is (clocks, timing, references, wiring, input converters) is a factor on energy and on area,
`factors.py`.

The current of resistive cells flows at their read voltage, whatever the supply. Leakage is scaled like the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...activity import resolve_activity
from ...cost import CostNode, branch
from ...cost.band import ENDS, CostInputs, sample
from ...cost.components.base import weakest
from ...cost.resources import resource_of
from ...cost.technology import load_technology
from ...hardware import AdcAnchor, DeviceKind, Hardware, load_hardware
from .chips import SCOPES, Chip, Condition
from .factors import Factor

#: nodes with a technology file
NODES = (7, 10, 14, 22, 32, 45, 65)
#: of the alpha-power law
ALPHA, THRESHOLD_V = 1.3, 0.4
#: of the band
DRAWS, SEED = 2000, 0
#: how far a published time may be off, as a factor at one sigma (rounding; assumed)
PUBLISHED = 1.05
#: shares of the energy: what the parts of a macro are called in publications
SPLITS = {
    "array": ("crossbar", "buffer"),
    "adc": ("adc",),
    "logic": ("shift_add", "mac"),
}

Trees = dict[AdcAnchor | None, CostNode]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Prediction:
    """One number: the median over the draws, and the ends of the middle 90 %."""

    chip: str
    condition: str
    metric: str
    value: float
    low: float
    high: float
    unit: str


def predict(chip: Chip, factors: Mapping[str, Factor], draws: int = DRAWS) -> list[Prediction]:
    """Everything that is predicted of a chip; `factors`: of `energy` and `area`, what silicon takes of the model's."""
    return [line for condition in chip.conditions for line in _predicted(chip, condition, factors, draws)]


def _predicted(chip: Chip, condition: Condition, factors: Mapping[str, Factor], draws: int) -> Iterator[Prediction]:
    trees = condition_trees(chip, condition)
    drawn = sample(trees, draws=draws, seed=SEED)
    energy = drawn["energy_pj"] * factors["energy"].sample("energy", draws)
    area_mm2 = drawn["area_um2"] * factors["area"].sample("area", draws) * chip.macros * 1e-6

    def line(metric: str, values: Floats, unit: str) -> Prediction:
        value, low, high = (float(found) for found in np.quantile(values, (0.5, *ENDS)))
        return Prediction(chip.name, condition.name, metric, value, low, high, unit)

    yield line("TOPS/W", condition.counted / energy, "TOPS/W")
    yield line("area", area_mm2, "mm2")
    if chip.scope != "sram":  # there time goes with the publication's clock: nothing is predicted
        tops = condition.counted * chip.macros / _read_ns(condition, drawn["latency_ns"], draws) * 1e-3
        yield line("latency", drawn["latency_ns"], "ns")
        yield line("TOPS", tops, "TOPS")
        yield line("TOPS/mm2", tops / area_mm2, "TOPS/mm2")
    for split, resources in SPLITS.items():
        if not any(resource_of(leaf.name) in resources for tree in trees.values() for leaf in tree.children):
            continue
        parts = _part(trees, resources, draws)
        for quantity, name in (("energy", "energy_pj"), ("area", "area_um2")):
            yield line(f"{quantity} share {split}", parts[name] / drawn[name], "-")


def _read_ns(condition: Condition, circuits_ns: Floats, draws: int) -> Floats:
    """Time of a read: as published, somewhere between the sources, each within `PUBLISHED`; else of the circuits."""
    if not condition.cycle_ns:
        return circuits_ns
    ends = np.log([min(condition.cycle_ns), max(condition.cycle_ns)])
    spread = Factor(0.0, math.log(PUBLISHED)).sample("cycle", draws)
    return np.asarray(np.exp(ends[0] + (ends[1] - ends[0]) * (np.arange(draws) + 0.5) / draws) * spread)


def _part(trees: Trees, resources: tuple[str, ...], draws: int) -> dict[str, Floats]:
    """Some of the components, in the draws of the whole."""
    only = {anchor: _leaves(tree, lambda leaf: resource_of(leaf.name) in resources) for anchor, tree in trees.items()}
    return sample(only, draws=draws, seed=SEED)


def condition_trees(chip: Chip, condition: Condition) -> Trees:
    """The components in the scope of the published numbers, at the chip's node and supply, for every ADC anchor."""
    low, high, weight = between(chip.node_nm)
    nominal = _mean(load_technology(low).vdd_volt, load_technology(high).vdd_volt, weight)
    first, second = (_fitted(chip, condition, node, nominal) for node in (low, high))
    supply = nominal if condition.supply_v is None else condition.supply_v
    feature = max(chip.node_nm / NODES[-1], 1.0)
    scale = _Scale(feature, (supply / nominal) ** 2, delay(supply) / delay(nominal), chip.hardware.device.kind)
    return {
        anchor: branch(chip.name, [scale(leaf) for leaf in _pairs(tree, second[anchor], weight)])
        for anchor, tree in first.items()
    }


def _fitted(chip: Chip, condition: Condition, node_nm: int, nominal_v: float) -> Trees:
    """The components in scope at a fitted node."""
    fields: dict[str, object] = {"technology.node_nm": node_nm}
    if chip.hardware.device.kind is DeviceKind.SRAM:  # cells are read at the supply
        fields["device.read_volt"] = nominal_v
    hardware: Hardware = load_hardware(chip.hardware, fields)
    network = condition.network()
    activity = resolve_activity(condition.activity, tuple(layer.name for layer in network.layers), {}, 0.0)
    scope = SCOPES[chip.scope]
    trees = CostInputs(network, hardware, activity).trees
    return {anchor: _leaves(tree, lambda leaf: leaf.name in scope) for anchor, tree in trees.items()}


def _leaves(tree: CostNode, chosen: Callable[[CostNode], bool]) -> CostNode:
    """Some of the components, side by side."""
    return branch(tree.name, [node for _, node in tree.walk() if not node.children and chosen(node)])


def between(node_nm: float) -> tuple[int, int, float]:
    """The fitted nodes around a node, and how far it is from the first to the second, on logarithms."""
    node = min(node_nm, NODES[-1])
    low, high = next(pair for pair in pairwise(NODES) if node <= pair[1])
    return low, high, math.log(node / low) / math.log(high / low)


def _mean(first: float, second: float, weight: float) -> float:
    """Geometric, weighted; 0 stays 0."""
    return first ** (1 - weight) * second**weight if first > 0 and second > 0 else 0.0


def _pairs(first: CostNode, second: CostNode, weight: float) -> Iterator[CostNode]:
    """Components between two nodes."""
    for one, other in zip(first.children, second.children, strict=True):
        grades = [node.grade for node in (one, other) if node.grade]
        yield replace(
            one,
            energy_pj=_mean(one.energy_pj, other.energy_pj, weight),
            area_um2=_mean(one.area_um2, other.area_um2, weight),
            critical_ns=_mean(one.critical_ns, other.critical_ns, weight),
            busy_ns=_mean(one.busy_ns, other.busy_ns, weight),
            grade=weakest(*grades),
        )


def delay(supply_v: float) -> float:
    """The alpha-power law, in arbitrary units; raises `ValueError` at or below the threshold."""
    if supply_v <= THRESHOLD_V:
        raise ValueError(f"supply_v = {supply_v:g}: the law holds above the threshold, {THRESHOLD_V:g} V")
    return float(supply_v / (supply_v - THRESHOLD_V) ** ALPHA)


@dataclass(frozen=True)
class _Scale:
    """What a larger feature and another supply make of a component; 1 where nothing changes."""

    feature: float
    energy: float
    time: float
    kind: DeviceKind

    def __call__(self, leaf: CostNode) -> CostNode:
        own = leaf.name == "crossbar" and self.kind is not DeviceKind.SRAM  # at the read voltage
        assert leaf.grade  # it is a component
        return replace(
            leaf,
            energy_pj=leaf.energy_pj * self.feature * (1.0 if own else self.energy),
            area_um2=leaf.area_um2 * self._area(leaf),
            critical_ns=leaf.critical_ns * self.feature * self.time,
            busy_ns=leaf.busy_ns * self.feature * self.time,
            grade=leaf.grade if self.feature == 1.0 else "assumed",
        )

    def _area(self, leaf: CostNode) -> float:
        """Cells have the area that the chip's file gives them, at its own node."""
        return 1.0 if leaf.name == "crossbar" else self.feature**2
