"""MD-SNN's hardware ratios: a quantized (W, U, BN) network against the same network at full precision.

MD-SNN (DATE 2026) states, with SpikeSim and at equal accuracy on N-Caltech101: 14.85x lower EDAP, 2.64x TOPS/W, 6.19x
TOPS/mm2. SpikeSim as released knows no bit widths, and the paper's model was not at hand; so the widths, the cells, the
mapping and what full precision is on the chip are assumptions, which this study states and searches for the
closest. At equal operations the ratio of EDAP is the product of the other two; the published three miss that by 9 %.

The network is the shape of MS-ResNet-18 on 48 x 48 x 2 frames, T = 6 (a reconstruction): no weights, no accuracy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from ..batch import CostBatch, cost_batch, grid
from ..figures.chart import Axis, Series, xy_chart
from ..importers import load_network
from ..network import Network, full_precision, with_precision
from ..precision import precision_ratio
from .base import Cell, Claim, Findings, PaperStudy
from .verdicts import ratio_claim

NETWORK, CHIP = "msresnet18-ncaltech101", "rram_32nm"
_SOURCE = "MD-SNN, DATE 2026, abstract"
#: how many times better the quantized network is
PUBLISHED: Mapping[str, float] = {"edap": 14.85, "tops_per_watt": 2.64, "tops_per_mm2": 6.19}
_LABELS = {"edap": "EDAP", "tops_per_watt": "TOPS/W", "tops_per_mm2": "TOPS/mm²"}
#: half a unit of the last published digit
_ROUNDING = 0.005

#: bits of weights, membranes and batch norms with which the question is first asked; the paper's are not known
FIRST = (4, 4, 4)
#: what a search tries: see `networks` and `chips`
WEIGHTS, MEMBRANES, AFFINES = (1, 2, 4, 8), (4, 8, 16), (8, 16)
FULL: tuple[tuple[str, int], ...] = (("32-bit slices", 32), ("16-bit slices", 16))
#: what saves energy where nothing spikes
_GATES = ("crossbar.event_driven", "crossbar.row_gating", "adc.zero_skip")
_DIGITAL = "FP32 in digital logic"


@dataclass(frozen=True)
class Design:
    """One set of assumptions, and how many times better the quantized network is then."""

    chip: str
    signs: str
    gated: bool
    rows: int
    cell_bits: int
    activity: float
    full: str
    bits: tuple[int, int, int]
    gains: Mapping[str, float]

    @property
    def distance(self) -> float:
        """The largest of the three factors by which the ratios are off."""
        return math.exp(max(abs(math.log(self.gains[name] / PUBLISHED[name])) for name in PUBLISHED))

    def row(self) -> dict[str, Cell]:
        weight, membrane, affine = self.bits
        return {
            "chip": self.chip,
            "mapping.signs": self.signs,
            "gated": int(self.gated),
            "crossbar.rows": self.rows,
            "device.cell_bits": self.cell_bits,
            "activity": self.activity,
            "full_precision": self.full,
            "weight_bits": weight,
            "membrane_bits": membrane,
            "affine_bits": affine,
            **{f"{name}_gain": self.gains[name] for name in PUBLISHED},
            "off_by": self.distance,
        }


def inconsistency() -> float:
    """EDAP over TOPS/W times TOPS/mm2, of the published ratios; 1 at equal operations."""
    return PUBLISHED["edap"] / (PUBLISHED["tops_per_watt"] * PUBLISHED["tops_per_mm2"])


def nearest_possible() -> float:
    """The least `Design.distance` of any model with equal operations: the gap, spread over the three."""
    return math.exp(abs(math.log(inconsistency())) / 3)


def networks(shape: Network) -> tuple[dict[str, Network], dict[tuple[int, int, int], Network]]:
    """The network at full precision, by each model, and with all widths that are tried."""
    whole = {name: with_precision(shape, weight_bits=bits, membrane_bits=bits, affine_bits=bits) for name, bits in FULL}
    whole[_DIGITAL] = full_precision(shape, "digital")
    tried = [(w, u, b) for w in WEIGHTS for u in MEMBRANES for b in AFFINES]
    return whole, {
        bits: with_precision(shape, weight_bits=bits[0], membrane_bits=bits[1], affine_bits=bits[2]) for bits in tried
    }


def chips(full: bool) -> Iterator[tuple[str, str, bool, dict[str, np.ndarray]]]:
    """(chip, signs, gated, axes): square crossbars, bits per cell and activities, all combined."""
    sizes, rates = ((64, 128, 256), (0.05, 0.1, 0.15, 0.3)) if full else ((64, 128), (0.05, 0.15))
    for chip, cells in (("rram_32nm", (1, 2, 4)), ("sram_32nm", (1,))):
        for signs, gated in product(("differential", "offset"), (False, True)):
            axes = grid({"crossbar.rows": sizes, "device.cell_bits": cells, "activity": rates})
            fixed = dict.fromkeys(_GATES, gated) | {"mapping.signs": signs}
            axes |= {"crossbar.cols": axes["crossbar.rows"]} | {name: np.array([v]) for name, v in fixed.items()}
            yield chip, signs, gated, axes


def search(full: bool) -> list[Design]:
    """All designs, the closest first."""
    whole, quantized = networks(load_network(NETWORK))
    found = []
    for chip, signs, gated, axes in chips(full):
        before = {name: cost_batch(network, chip, axes) for name, network in whole.items()}
        for bits, network in quantized.items():
            after = cost_batch(network, chip, axes)
            for name, costs in before.items():
                gains = _gains(costs, after)
                for index in range(len(after)):
                    rows, cells = int(axes["crossbar.rows"][index]), int(axes["device.cell_bits"][index])
                    each = {metric: float(values[index]) for metric, values in gains.items()}
                    rate = float(axes["activity"][index])
                    found.append(Design(chip, signs, gated, rows, cells, rate, name, bits, each))
    return sorted(found, key=lambda design: design.distance)


def _gains(before: CostBatch, after: CostBatch) -> dict[str, np.ndarray]:
    """The ratios per inference of the same operations."""
    energy = before.energy_pj / after.energy_pj
    place = before.latency_ns * before.area_um2 / (after.latency_ns * after.area_um2)
    return {"edap": energy * place, "tops_per_watt": energy, "tops_per_mm2": place}


def claims(first: Mapping[str, float], closest: Design) -> tuple[Claim, ...]:
    """The published three among themselves, at the first assumptions, and at the closest."""
    gap, slack = inconsistency(), sum(_ROUNDING / value for value in PUBLISHED.values())
    bits = "/".join(map(str, FIRST))
    where = f"{CHIP}, W/U/BN of {bits} bits against 32-bit slices"
    return (
        Claim(
            "the three ratios belong to one comparison at equal operations",
            f"EDAP {PUBLISHED['edap']}x ({_SOURCE})",
            f"TOPS/W x TOPS/mm² = {PUBLISHED['edap'] / gap:.4g}x",
            "reproduced" if abs(gap - 1) <= slack else "not reproduced",
            f"inconsistent by {abs(gap - 1):.1%}, rounding explains {slack:.1%}: definitions or operations differ",
        ),
        *(ratio_claim(f"{_LABELS[n]}: {where}", v, _SOURCE, first[n]) for n, v in PUBLISHED.items()),
        *(
            ratio_claim(f"{_LABELS[n]}: closest assumptions", v, _SOURCE, closest.gains[n], _described(closest))
            for n, v in PUBLISHED.items()
        ),
    )


def _described(design: Design) -> str:
    weight, membrane, affine = design.bits
    return (
        f"{design.chip}{' gated' * design.gated}, {design.signs}, {design.rows} rows, {design.cell_bits}-bit cells, "
        f"W/U/BN of {weight}/{membrane}/{affine} bits against {design.full}, activity {design.activity:g}"
    )


def _run(full: bool) -> Findings:
    widths = dict(zip(("weight_bits", "membrane_bits", "affine_bits"), FIRST, strict=True))
    first = precision_ratio(with_precision(load_network(NETWORK), **widths), CHIP).gains
    found = search(full)
    series = [
        _points(name, [design for design in found if design.full == name])
        for name in dict.fromkeys(design.full for design in found)
    ]
    point = Series("published", [PUBLISHED["tops_per_watt"]], [PUBLISHED["tops_per_mm2"]], line=False)
    figure = xy_chart(
        [*series, point], Axis("TOPS/W, quantized over full precision", log=True), Axis("TOPS/mm²", log=True)
    )
    published, most = (
        gains["tops_per_mm2"] / gains["tops_per_watt"]
        for gains in (PUBLISHED, max((d.gains for d in found), key=lambda g: g["tops_per_mm2"] / g["tops_per_watt"]))
    )
    notes = (
        f"shape only: {NETWORK} has no weights here and N-Caltech101 is not at hand, so equal accuracy is the paper's.",
        f"{len(found)} sets of assumptions; no model with equal operations comes closer than a factor of "
        f"{nearest_possible():.3f} to all three; the closest is off by {found[0].distance:.2f}.",
        f"Published, TOPS/mm² gains {published:.2f} times as much as TOPS/W; in this model at most {most:.2f} times.",
        "Rows are the sets of assumptions in order of the largest factor by which one of the three ratios is off.",
    )
    return Findings(tuple(design.row() for design in found), figure, claims(first, found[0]), notes)


def _points(name: str, designs: list[Design]) -> Series:
    """Designs that would be one dot on the figure are drawn once."""
    dots = {tuple(round(math.log10(d.gains[n]), 2) for n in ("tops_per_watt", "tops_per_mm2")) for d in designs}
    watt, place = zip(*sorted(dots), strict=True)
    return Series(name, [10**value for value in watt], [10**value for value in place], line=False)


STUDY = PaperStudy(
    name="md-snn-hardware",
    about="quantized against full precision: EDAP, TOPS/W and TOPS/mm² on the shape of N-Caltech101's network",
    sources=("MD-SNN: Membrane-aware Distillation on Quantized Spiking Neural Network (DATE 2026), abstract",),
    run=_run,
)
