"""Where tiles lie on the mesh: in their order, as a snake, and moved so that flits pass the fewest links.

SpiNeMap (IEEE TVLSI 2020, arXiv 1909.01843) and SNEAP (arXiv 2004.01639) partition a network and then place its
clusters; here the mapping has decided what a tile holds, and only its place is free.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..evaluate import cost
from ..figures.chart import Axis, Series, xy_chart
from .base import Cell, Claim, Findings, PaperStudy
from .verdicts import at_most_a_trend, change_claim

CHIP, PLACEMENTS = "rram_32nm", ("row_major", "snake", "optimized")
#: network to what its chip has other than `CHIP`
NETWORKS: Mapping[str, Mapping[str, Any]] = {
    "digits-w8": {"pe.crossbars": 2, "tile.pes": 1},
    "vgg9-cifar10": {},
    "vgg16-cifar10": {},
    "resnet19-cifar10": {},
}
#: (what is published, change of energy, of latency, source)
PUBLISHED: tuple[tuple[str, float, float, str], ...] = (
    ("SpiNeMap against its baseline", -0.45, -0.21, "SpiNeMap, TVLSI 2020, abstract"),
    ("SNEAP against SpiNeMap", -0.23, -0.51, "SNEAP, arXiv 2004.01639, abstract"),
)


@dataclass(frozen=True)
class Placed:
    """One network under one placement: energy of an inference's transfers, and what it waits for them."""

    network: str
    placement: str
    tiles: int
    noc_pj: float
    wait_ns: float
    energy_pj: float
    latency_ns: float

    def row(self) -> dict[str, Cell]:
        return {
            "network": self.network,
            "placement": self.placement,
            "tiles": self.tiles,
            "noc_energy_nj": self.noc_pj * 1e-3,
            "noc_wait_us": self.wait_ns * 1e-3,
            "energy_nj": self.energy_pj * 1e-3,
            "latency_us": self.latency_ns * 1e-3,
        }


def placed(network: str, placement: str, fidelity: str) -> Placed:
    chip = {**NETWORKS[network], "noc.placement": placement, "noc.fidelity": fidelity}
    report = cost(network, CHIP, overrides=chip)
    noc = report.tree.components()["noc"]
    tiles = int(report.cost.tiles)
    return Placed(network, placement, tiles, noc.energy_pj, noc.critical_ns, report.energy_pj, report.latency_ns)


def changes(found: Mapping[tuple[str, str], Placed], quantity: str) -> dict[str, float]:
    """Network to the relative change from row by row to optimized."""
    return {
        network: getattr(found[network, "optimized"], quantity) / getattr(found[network, "row_major"], quantity) - 1
        for network in NETWORKS
    }


def mean_change(each: Mapping[str, float]) -> float:
    """The geometric mean of what is left, less 1."""
    return math.exp(sum(math.log1p(change) for change in each.values()) / len(each)) - 1


def claims(found: Mapping[tuple[str, str], Placed]) -> tuple[Claim, ...]:
    made = []
    for what, energy, latency, source in PUBLISHED:
        for label, published, quantity in (("energy", energy, "noc_pj"), ("latency", latency, "wait_ns")):
            each = changes(found, quantity)
            note = f"row by row to optimized, mean of {', '.join(f'{n} {v:+.0%}' for n, v in each.items())}; "
            note += "places only: what a tile holds is not changed, and the baselines differ"
            claim = change_claim(f"{label} of the mesh: {what}", published, source, mean_change(each), note)
            made.append(at_most_a_trend(claim))
    return tuple(made)


def _run(full: bool) -> Findings:
    fidelity = "cycle" if full else "analytic"
    found = {(network, how): placed(network, how, fidelity) for network in NETWORKS for how in PLACEMENTS}
    series = [
        Series(
            network, [0, 1, 2], [found[network, how].noc_pj / found[network, "row_major"].noc_pj for how in PLACEMENTS]
        )
        for network in NETWORKS
    ]
    whole = {network: changes(found, "energy_pj")[network] for network in NETWORKS}
    notes = (
        f"Of the whole chip's energy the best places save {', '.join(f'{n} {-v:.1%}' for n, v in whole.items())}.",
        f"Waits are those of the {fidelity} model; spikes at the stored or assumed rates.",
        "digits-w8 runs on tiles of two crossbars, so that it has a mesh at all.",
    )
    names = ("row by row", "snake", "optimized")
    figure = xy_chart(series, Axis("places of tiles", names=names), Axis("energy of transfers, over row by row"))
    return Findings(tuple(one.row() for one in found.values()), figure, claims(found), notes)


STUDY = PaperStudy(
    name="placement",
    about="what the places of tiles on the mesh do to its energy and latency",
    sources=(
        "SpiNeMap (Balaji et al., IEEE TVLSI 2020, arXiv 1909.01843), abstract",
        "SNEAP (arXiv 2004.01639), abstract",
    ),
    run=_run,
)
