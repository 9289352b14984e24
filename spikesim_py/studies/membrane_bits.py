"""Membranes of 2 to 16 bits: what accuracy is left, and what memory and area they take.

A trained network's membranes are stored in b bits in place of n without training again, in two ways: the word keeps
its range and drops the n - b low bits (`store_shift`), or keeps its step and saturates earlier. MINT (ASP-DAC 2024) and
Q-SNNs (2024) state what quantizing weights and membranes saves of memory; their accuracy needs their training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from ..cost.neuron_parts import membrane_bits
from ..datasets import load_dataset
from ..evaluate import cost
from ..figures.chart import Axis, Series, xy_chart
from ..figures.panels import panels
from ..importers import load_network
from ..inference import PairedDifference, accuracy_interval, paired_difference
from ..network import Lif, Membrane, Network, build, with_precision
from ..report import Report
from .base import Cell, Claim, Findings, PaperStudy
from .released_defects import forgetful
from .verdicts import change_claim

TRAINED, SHAPE, CHIP = "digits-w4", "vgg9-cifar10", "rram_32nm"
BITS = (2, 3, 4, 5, 6, 7, 8, 10, 12, 16)
#: words of SpikeSim's script (c2627bc)
SPIKESIM_BITS = 22
#: (workload, bits of weights, of membranes, published change of memory against 32-bit words, source)
MEMORY: tuple[tuple[str, int, int, float, str], ...] = (
    ("vgg16-cifar10", 2, 2, -0.938, "MINT, ASP-DAC 2024, abstract"),
    ("resnet19-cifar10", 1, 2, -0.96, "up to; Q-SNNs, arXiv 2406.13672, abstract"),
)
#: what becomes of a unit whose word loses so many bits
WAYS: Mapping[str, Callable[[int], dict[str, Any]]] = {
    "drops low bits": lambda lost: {"store_shift": max(lost, 0)},
    "saturates earlier": lambda lost: {},
}


@dataclass(frozen=True)
class Stored:
    """The trained network with membranes of so many bits: its accuracy, and its difference from the given one."""

    bits: int
    way: str
    accuracy: float
    interval: tuple[float, float]
    change: PairedDifference


def stored_in(network: Network, bits: int, way: str) -> Network:
    """An integer network whose LIF units store membranes of so many bits; wider words change nothing."""
    model = network.model.model_dump(mode="python")
    lost = {node.name: node.membrane_bits - bits for node in network.nodes if isinstance(node, Lif)}
    nodes = [
        node | {"membrane_bits": bits} | WAYS[way](lost[node["name"]]) if node["name"] in lost else node
        for node in model["nodes"]
    ]
    return build(model | {"nodes": nodes, "name": f"{network.name}, {bits}-bit membranes"}, network.arrays)


def accuracies() -> Iterator[Stored]:
    """Accuracy of the network in exact arithmetic at every width, both ways."""
    data, given = load_dataset("digits", "report"), load_network(TRAINED)
    right = given.run(data.images).predictions == data.labels
    for way in WAYS:
        for bits in BITS:
            correct = stored_in(given, bits, way).run(data.images).predictions == data.labels
            value, interval = accuracy_interval(correct[None], seed=0)
            yield Stored(bits, way, value, interval, paired_difference(correct[None], right[None], seed=0))


def fewest(found: Sequence[Stored]) -> int:
    """The fewest bits from which on, one way or the other, no accuracy is measurably lost."""
    fine = {bits: any(s.change.interval[1] >= 0 for s in found if s.bits == bits) for bits in BITS}
    return min(bits for bits in BITS if all(ok for other, ok in fine.items() if other >= bits))


def memory_bits(network: Network) -> int:
    """Weights and membranes of a workload that declares its widths."""
    weights = sum(prod(node.weight_shape) * (node.weight_bits or 0) for node in network.layers)
    return weights + sum(membrane_bits(network, node) for node in network.nodes if isinstance(node, Membrane))


def memory_claims() -> Iterator[Claim]:
    for name, weights, membranes, published, source in MEMORY:
        shape = load_network(name)
        whole, small = (
            memory_bits(with_precision(shape, weight_bits=w, membrane_bits=u))
            for w, u in ((32, 32), (weights, membranes))
        )
        what = f"memory of {name}, weights of {weights} and membranes of {membranes} bits against 32"
        yield change_claim(what, published, source, small / whole - 1, "weights and membranes; no batch norms")


def _row(one: Stored, report: Report) -> dict[str, Cell]:
    memory = report.tree.components()["membrane_memory"]
    return {
        "membrane_bits": one.bits,
        "way": one.way,
        "accuracy": one.accuracy,
        "accuracy_low": one.interval[0],
        "accuracy_high": one.interval[1],
        "change_points": 100 * one.change.value,
        "membrane_area_mm2": memory.area_um2 * 1e-6,
        "membrane_energy_uj": memory.energy_pj * 1e-6,
        "area_mm2": report.area_um2 * 1e-6,
        "energy_uj": report.energy_pj * 1e-6,
    }


def _run(full: bool) -> Findings:
    found = list(accuracies())
    reports = {bits: cost(SHAPE, CHIP, overrides={"network.membrane_bits": bits}) for bits in (*BITS, SPIKESIM_BITS)}
    least, words = fewest(found), reports[SPIKESIM_BITS]
    memory = {bits: report.tree.components()["membrane_memory"].area_um2 for bits, report in reports.items()}
    small = reports[least]
    data = load_dataset("digits", "report")
    without = float((forgetful(load_network(TRAINED)).run(data.images).predictions == data.labels).mean())
    notes = (
        f"{TRAINED} loses nothing measurable from {least} bits on, without training again; it was trained with 10. But "
        f"its task needs little memory: units that forget everything at every step still reach {without:.1%}.",
        f"{SHAPE} with {least} in place of SpikeSim's {SPIKESIM_BITS} bits: "
        f"membrane memory {memory[least] / memory[SPIKESIM_BITS] - 1:+.0%}, "
        f"chip area {small.area_um2 / words.area_um2 - 1:+.1%}, energy {small.energy_pj / words.energy_pj - 1:+.1%}.",
        f"Accuracy is of {TRAINED} in exact arithmetic (600 digits); area and energy are of {SHAPE} on {CHIP}.",
        "Memory counts weights and membranes as stored; the accuracies of MINT and Q-SNNs take their training.",
    )
    rows = tuple(_row(one, reports[one.bits]) for one in found)
    return Findings(rows, _figure(found, memory), tuple(memory_claims()), notes)


def _figure(found: Sequence[Stored], memory_um2: Mapping[int, float]) -> str:
    series = [
        Series(way, [one.bits for one in of_way], [one.accuracy for one in of_way])
        for way in WAYS
        for of_way in [[one for one in found if one.way == way]]
    ]
    area = Series(SHAPE, list(memory_um2), [value * 1e-6 for value in memory_um2.values()])
    bits = Axis("bits of a membrane")
    return panels(
        [
            (f"{TRAINED}, not trained again", xy_chart(series, bits, Axis("accuracy", zero=False))),
            (f"{CHIP}", xy_chart([area], bits, Axis("membrane memory (mm²)"))),
        ]
    )


STUDY = PaperStudy(
    name="membrane-bits",
    about="accuracy, memory and area against the precision of membranes",
    sources=(
        "MINT (Yin et al., ASP-DAC 2024, arXiv 2305.09850), abstract",
        "Q-SNNs (Wei et al., ACM MM 2024, arXiv 2406.13672), abstract",
    ),
    run=_run,
)
