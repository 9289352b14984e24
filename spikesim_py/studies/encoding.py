"""How spikes travel over the mesh: bitmaps against address events, layer by layer and by rate.

Measured spikes of a trained network on a chip of many small tiles say what each layer's flits are under each code;
VGG9, whose spikes are not known, is costed at rates from 0.5 to 30 %. UniSpike (arXiv 2605.23796) states what it brings
to send the spikes for one destination together; packed address events do the nearest to that here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from ..evaluate import cost
from ..figures.chart import Axis, Series, xy_chart
from ..importers import load_network
from ..noc_report import LayerUse, noc_report
from ..report import Report
from .base import Cell, Claim, Findings, PaperStudy
from .verdicts import at_most_a_trend, ratio_claim

TRAINED, SHAPE, CHIP = "digits-w8", "vgg9-cifar10", "rram_32nm"
#: two crossbars per tile, so that a small network has a mesh at all
SMALL_TILES: Mapping[str, Any] = {"pe.crossbars": 2, "tile.pes": 1}
CODES = ("bitmap", "aer", "packed_aer", "run_length")
RATES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
_SOURCE = "UniSpike, arXiv 2605.23796, abstract"
#: what spikes sent together bring over single ones
TRAFFIC, SPEED, ENERGY = 1.93, 1.77, 1.50


def measured(samples: int) -> dict[str, list[LayerUse]]:
    """Code to what every layer sends as spikes, with spikes of real images."""
    found = {}
    for code in CODES:
        chip = {**SMALL_TILES, "noc.encoding": code}
        report = noc_report(TRAINED, CHIP, samples=samples, overrides=chip, fidelity="event")
        found[code] = [use for use in report.layers if use.encoding is not None]
    return found


def by_rate(rates: tuple[float, ...] = RATES) -> dict[str, list[Report]]:
    """Code to VGG9's report at every rate."""
    return {
        code: [cost(SHAPE, CHIP, activity=rate, overrides={"noc.encoding": code}) for rate in rates] for code in CODES
    }


def noc_energy_pj(report: Report) -> float:
    """Energy of what crosses the mesh, without leakage."""
    return report.tree.components()["noc"].energy_pj


def crossing(found: Mapping[str, list[Report]], code: str, rates: tuple[float, ...] = RATES) -> float | None:
    """The rate at which a code takes as much as bitmaps, linear between those that were tried; None: it never does."""
    over = [noc_energy_pj(a) / noc_energy_pj(b) - 1 for a, b in zip(found[code], found["bitmap"], strict=True)]
    for (low, high), (below, above) in zip(pairwise(rates), pairwise(over), strict=True):
        if below < 0 <= above:
            return low + (high - low) * -below / (above - below)
    return None


def claims(layers: Mapping[str, list[LayerUse]], at_15: Mapping[str, Report]) -> tuple[Claim, ...]:
    """Address events one by one over packed ones."""
    flits = {code: sum(use.flits for use in layers[code]) for code in ("aer", "packed_aer")}
    single, packed = at_15["aer"], at_15["packed_aer"]
    waits = [report.tree.components()["noc"].critical_ns for report in (single, packed)]
    note = "packed by flit within one tile's block of a time-step; their networks and mesh are others"
    of_shape = f"{SHAPE} at 15 % spikes"
    found = (
        ratio_claim(
            f"less traffic, spikes sent together: {TRAINED}",
            TRAFFIC,
            _SOURCE,
            flits["aer"] / flits["packed_aer"],
            note,
        ),
        ratio_claim(
            f"less energy of the mesh: {of_shape}", ENERGY, _SOURCE, noc_energy_pj(single) / noc_energy_pj(packed), note
        ),
        ratio_claim(
            f"less waiting for the mesh: {of_shape}",
            SPEED,
            f"speed, {_SOURCE}",
            waits[0] / waits[1],
            f"of the whole inference it is {single.latency_ns / packed.latency_ns:.3f}x: crossbars take the time",
        ),
    )
    return tuple(map(at_most_a_trend, found))


def _rows(layers: Mapping[str, list[LayerUse]], found: Mapping[str, list[Report]]) -> Iterator[dict[str, Cell]]:
    for code, uses in layers.items():
        for use in uses:
            yield {
                "part": f"{TRAINED}, measured",
                "layer": f"{use.label.layer} to {use.label.target}",
                "code": code,
                "rate": use.rate,
                "break_even_rate": use.break_even_rate,
                "flits": use.flits,
                "noc_energy_nj": use.energy.total_pj * 1e-3,
                "noc_share_of_energy": None,
            }
    for code, reports in found.items():
        for rate, report in zip(RATES, reports, strict=True):
            energy = noc_energy_pj(report)
            yield {
                "part": f"{SHAPE}, at a rate",
                "layer": "all",
                "code": code,
                "rate": rate,
                "break_even_rate": None,
                "flits": None,
                "noc_energy_nj": energy * 1e-3,
                "noc_share_of_energy": energy / report.energy_pj,
            }


def _run(full: bool) -> Findings:
    layers, found = measured(32 if full else 4), by_rate()
    at_15 = {code: reports[RATES.index(0.15)] for code, reports in found.items()}
    series = [
        Series(code, [100 * rate for rate in RATES], [noc_energy_pj(report) * 1e-3 for report in reports])
        for code, reports in found.items()
    ]
    even = [
        f"{code} {'at no rate tried' if rate is None else f'{rate:.1%}'}"
        for code in CODES[1:]
        for rate in [crossing(found, code)]
    ]
    cheapest = {}
    for uses in zip(*layers.values(), strict=True):
        code, use = min(zip(layers, uses, strict=True), key=lambda pair: pair[1].flits)
        cheapest[f"{use.label.layer} to {use.label.target} ({use.rate:.1%} spikes)"] = code
    notes = (
        f"{SHAPE} on {CHIP}: a code takes as much energy of the mesh as bitmaps at {', '.join(even)}. Partial sums and "
        f"pooled values are always dense, and are part of it.",
        f"{TRAINED}, fewest flits: {', '.join(f'{where}: {code}' for where, code in cheapest.items())}.",
        f"{load_network(TRAINED).name} runs on tiles of two crossbars; measured spikes, simulated packet by packet.",
    )
    figure = xy_chart(series, Axis("spikes per unit and time-step (%)"), Axis("energy of the mesh (nJ)", log=True))
    return Findings(tuple(_rows(layers, found)), figure, claims(layers, at_15), notes)


STUDY = PaperStudy(
    name="encoding",
    about="bitmaps against address events on the mesh, by layer and rate",
    sources=("UniSpike (arXiv 2605.23796), abstract",),
    run=_run,
)
