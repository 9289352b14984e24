"""The same conductances, inputs and ADC thresholds give the column codes of other simulators, without parasitics.

CrossSim is not on PyPI and was not run: its codes are those of the formula that its source states (`QuantizerADC` and
`SignMagnitudeADC` of simulator/circuits/adc/quantizer_adc.py at 20c408a, github.com/sandialabs/cross-sim, range
`CALIBRATED`; a column is the dot product of simulator/cores/numeric_core.py). aihwkit was run:
`benchmarks/column_codes.py` froze its codes, the conductances and the inputs in `configs/studies/column_codes.csv`.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._resources import config_dir
from ..crossbar import Adc, column_siemens, program
from ..crossbar.effective import level_siemens
from ..figures.chart import Axis, Series, xy_chart
from ..hardware import Hardware, load_hardware
from ..mapping import Cells, map_network
from ..network import Network, build
from .base import Cell, Claim, Findings, PaperStudy

#: rows of the crossbar, outputs of the layer, read vectors
ROWS, OUTPUTS, VECTORS = 32, 4, 40
#: sums this near a threshold, in LSBs, are ties, which both peers round to the even code and this engine up
TIE = 1e-5
CHIP = "rram_32nm"
_BASE: Mapping[str, Any] = {"crossbar.rows": ROWS, "crossbar.cols": 32, "mapping.baseline": "none"}
_ERRORS: Mapping[str, Any] = {"device.program_sigma": 0.1, "device.stuck_on_rate": 0.02, "device.stuck_off_rate": 0.02}


@dataclass(frozen=True)
class Case:
    """A layer on one crossbar. `overrides`: of the chip, over `_BASE`."""

    name: str
    overrides: Mapping[str, Any] = field(default_factory=dict)
    weight_bits: int = 4

    @property
    def hardware(self) -> Hardware:
        return load_hardware(CHIP, {**_BASE, **self.overrides})

    def network(self) -> Network:
        """One linear layer of one-bit inputs, with weights over the whole range."""
        half = 2 ** (self.weight_bits - 1)
        weights = np.random.default_rng(0).integers(1 - half, half, (OUTPUTS, ROWS)).astype(np.int16)
        nodes = [
            {"op": "flatten", "name": "flat", "inputs": ["input"]},
            {"op": "linear", "name": "fc", "inputs": ["flat"], "in_features": ROWS, "out_features": OUTPUTS}
            | {"weight_bits": self.weight_bits},
            {"op": "readout", "name": "out", "inputs": ["fc"]},
        ]
        spec = {"shape": (ROWS, 1, 1), "bits": 1}
        about = {"name": "one", "arithmetic": "integer", "time_steps": 1, "input": spec, "nodes": nodes}
        return build(about, {"fc.weight": weights})


PAIRS = Case(
    "pairs subtracted as currents",
    {**_ERRORS, "device.cell_bits": 3, "mapping.subtract": "analog", "adc.bits": 7},
)
CASES = (
    Case("whole cells, a slice per bit, range of all rows", {"device.ideal": True, "adc.bits": 4}),
    Case("whole cells, 4 bits each, offset", {"device.ideal": True, "device.cell_bits": 4, "mapping.signs": "offset"}),
    Case("cells with errors, a slice per bit", {**_ERRORS, "adc.bits": 4}),
    Case("cells with errors, 3 bits each", {**_ERRORS, "device.cell_bits": 3, "adc.bits": 6}),
    PAIRS,
    Case("an LSB of one cell, sums cut off", {**_ERRORS, "adc.bits": 3, "adc.range": "granular"}),
    Case(
        "whole cells, a calibrated range: sums on thresholds",
        {"device.ideal": True, "adc.bits": 4, "adc.range": "percentile", "adc.full_scales": {"fc": (30,)}},
    ),
    Case("an LSB below one cell's spread", {**_ERRORS, "device.on_off_ratio": 3.0, "adc.bits": 8}),
)


@dataclass(frozen=True, eq=False)
class Columns:
    """What this engine's columns hold, and how its codes become outputs.

    Attributes:
        levels: (rows, kinds, outputs) conductance in levels of one cell; of a pair that is subtracted, the difference.
        adc: the converter. weights: (kinds,) of the codes in an output. offset: subtracted per active input.
        signed: whether codes have a sign.
    """

    levels: NDArray[np.float64]
    adc: Adc
    weights: NDArray[np.int64]
    offset: int
    signed: bool

    @property
    def lsb(self) -> NDArray[np.float64]:
        """(kinds, 1) levels per code."""
        return np.asarray(np.array(self.adc.ranges)[:, None] / self.adc.steps)

    def sums(self, inputs: NDArray[np.int64]) -> NDArray[np.float64]:
        """(vectors, kinds, outputs): what every column carries."""
        return np.asarray(np.einsum("vr,rko->vko", inputs, self.levels))

    def outputs(self, codes: NDArray[np.int64], inputs: NDArray[np.int64]) -> NDArray[np.int64]:
        """(vectors, outputs): digital sums of codes, rounded once, less the offset."""
        total = np.einsum("vko,k->vo", codes, self.weights * np.array(self.adc.ranges))
        rounded = (2 * total + self.adc.steps) // (2 * self.adc.steps)
        return np.asarray(rounded - self.offset * inputs.sum(1)[:, None])


def columns(case: Case) -> Columns:
    """The columns of a case as this engine stores them."""
    hardware = case.hardware
    mapping = map_network(case.network(), hardware)
    cells: Cells = mapping.cells("fc")
    levels = column_siemens(cells, hardware, seed=0, chip=0)[0] / level_siemens(hardware)
    weights = cells.columns.coefficient
    if hardware.signed_sums:
        levels, weights = levels[:, ::2] - levels[:, 1::2], weights[::2]
    adc = program(mapping, "fc").adc
    return Columns(levels, adc, np.asarray(weights, np.int64), cells.offset, hardware.signed_sums)


def outputs_here(case: Case, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
    """(vectors, outputs) of the crossbar engine for (vectors, rows) of ones and zeros."""
    layer = program(map_network(case.network(), case.hardware), "fc")
    return layer.multiply(inputs.astype(np.uint8)[:, :, None, None])[0][:, :, 0, 0].astype(np.int64)


def crosssim_codes(held: Columns, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
    """(vectors, kinds, outputs) by CrossSim's published formula: clip, scale to whole codes, round half to even.

    `QuantizerADC` has 2^bits codes from the lowest to the highest input; `SignMagnitudeADC` one code less, around 0.
    """
    high = held.adc.high
    low = -high if held.signed else 0
    least, most = low * held.lsb, high * held.lsb
    step = (high - low) / (most - least)
    return (np.rint((held.sums(inputs).clip(least, most) - least) * step) + low).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Vectors:
    """Frozen: `cells` as `Columns.levels`, `inputs` (vectors, rows), codes of `aihwkit` (vectors, kinds, outputs)."""

    cells: NDArray[np.float64]
    inputs: NDArray[np.int64]
    aihwkit: NDArray[np.int64]


@cache
def frozen() -> dict[str, Vectors]:
    """Every case of `configs/studies/column_codes.csv`."""
    lines: dict[tuple[str, str], list[list[float]]] = {}
    with (config_dir("studies") / "column_codes.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(line for line in stream if not line.startswith("#")):
            lines.setdefault((row["case"], row["what"]), []).append([float(value) for value in row["values"].split()])
    found = {}
    for name in dict.fromkeys(case for case, _ in lines):
        cells, inputs, codes = (np.array(lines[name, what]) for what in ("cells", "input", "aihwkit"))
        shape = (-1, cells.shape[1] // OUTPUTS, OUTPUTS)
        found[name] = Vectors(cells.reshape(shape), inputs.astype(np.int64), codes.reshape(shape).astype(np.int64))
    return found


def compare(case: Case, vectors: Vectors) -> dict[str, Cell]:
    """One row: how many outputs are the same, and how many of the others hang on a tie."""
    held = columns(case)
    spread = float(np.abs(held.levels - vectors.cells).max())
    here = outputs_here(case, vectors.inputs)
    theirs = {"crosssim": crosssim_codes(held, vectors.inputs), "aihwkit": vectors.aihwkit}
    above = held.sums(vectors.inputs) / held.lsb + 0.5
    tied = (np.abs(above - np.rint(above)) < TIE).any(1)
    row: dict[str, Cell] = {"case": case.name, "conversions": vectors.aihwkit.size, "outputs": here.size}
    row |= {"adc_bits": case.hardware.adc.bits, "lsb_levels": float(held.lsb[0, 0]), "tied_outputs": int(tied.sum())}
    for peer, codes in theirs.items():
        same = held.outputs(codes, vectors.inputs) == here
        row |= {f"{peer}_same": int(same.sum()), f"{peer}_other_tied": int((~same & tied).sum())}
    return row | {"cells_off_levels": spread}


def claims(rows: Sequence[Mapping[str, Cell]]) -> tuple[Claim, ...]:
    """For each peer: whether all outputs without a tie are the same, and what ties do."""
    total = sum(int(row["outputs"] or 0) for row in rows)
    made = []
    for peer, name, source in (
        ("crosssim", "CrossSim", "formula of CrossSim as published (quantizer_adc.py at 20c408a), not CrossSim run"),
        ("aihwkit", "aihwkit", "aihwkit 1.1.0, run: analog_mvm.py, torch tile, out_res and out_bound"),
    ):
        same, ties = (sum(int(row[f"{peer}_{what}"] or 0) for row in rows) for what in ("same", "other_tied"))
        made.append(
            Claim(
                f"outputs of {len(rows)} layers are those of {name}, sums that lie on a threshold aside",
                source,
                f"{same} of {total} the same; {ties} others lie on a threshold",
                "reproduced" if same + ties == total else "not reproduced",
                f"{name} rounds a sum on a threshold to the even code, this engine up" if ties else "",
            )
        )
    return tuple(made)


def staircase(case: Case, vectors: Vectors) -> str:
    """Codes against column sums, of a layer with one conversion per output."""
    held, inputs = columns(case), vectors.inputs
    sums = held.sums(inputs).ravel()
    ran = {
        "this engine": np.rint(outputs_here(case, inputs) / held.lsb[0, 0]),
        "CrossSim's formula": crosssim_codes(held, inputs),
        "aihwkit, run": vectors.aihwkit,
    }
    order = np.argsort(sums, kind="stable")
    # one of three points each, so that all are seen
    series = [
        Series(name, sums[order][n::3].tolist(), codes.ravel()[order][n::3].tolist(), False)
        for n, (name, codes) in enumerate(ran.items())
    ]
    return xy_chart(series, Axis("column sum (levels of one cell)"), Axis("code"))


def _run(full: bool) -> Findings:
    vectors = frozen()
    rows = tuple(compare(case, vectors[case.name]) for case in CASES)
    notes = (
        f"{ROWS} rows, {OUTPUTS} outputs, {VECTORS} vectors of ones and zeros; no wires, no noise. Conductances, "
        "inputs and aihwkit's codes are frozen in configs/studies/column_codes.csv; --full computes the same.",
        "Outputs are sums of codes over slices and signs, after each column's conversion. The figure shows a third "
        f"of each one's points, of: {PAIRS.name}.",
        "CrossSim's own ranges differ: MAX has no LSB of at least one cell, GRANULAR stretches with the bits of the "
        "input; CALIBRATED takes the same thresholds. Its circuit ADCs (SAR, ramp) place codes half an LSB off, around "
        "zero, and were not compared.",
    )
    return Findings(rows, staircase(PAIRS, vectors[PAIRS.name]), claims(rows), notes)


STUDY = PaperStudy(
    name="crosssim",
    about="column codes against those of CrossSim and aihwkit, without parasitics",
    sources=(
        "CrossSim (Sandia National Laboratories, github.com/sandialabs/cross-sim, 3.2), its source",
        "aihwkit 1.1.0 (IBM, PyPI; Rasch et al., AICAS 2021, arXiv 2104.02184)",
    ),
    run=_run,
)
