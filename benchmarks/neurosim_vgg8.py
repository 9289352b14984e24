"""NeuroSim's "ADC" energy of VGG8, read by read: `python -m benchmarks.neurosim_vgg8 [--padding]`.

One thread: set OMP_NUM_THREADS=1 and NUMBA_NUM_THREADS=1, as `make bench` does.

NeuroSim V1.3 (388f421) was run on synthetic traces; what it printed is in `tests/reference/neurosim_vgg8.csv`. Here
the same traces are drawn, and its array and converter energy is computed from every input bit and every cell. It
reads only (H - k + 1)(W - k + 1) vectors of a padded layer; `--padding` reads all H W of them.

NeuroSim's geometry: cells of 12F x 4F, F = 32 nm; the access transistor is a quarter of Ron; a wire segment of the
row spans 4 and one of the column 12 wire widths; both, and the transistor, lie in series with the cell.
"""

from __future__ import annotations

import argparse
import csv
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.timing import Row, show
from spikesim_py.cost.technology import load_technology
from spikesim_py.cost.trace import CrossbarRead, ReadEnergy, neurosim_sar, planes, trace_energy

REFERENCE = Path(__file__).resolve().parent.parent / "tests" / "reference" / "neurosim_vgg8.csv"
#: seconds of one NeuroSim point on one thread
NEUROSIM_SECONDS = 80
GOAL_SECONDS, TOLERANCE = 4, 1e-3

INPUT_BITS, WEIGHT_BITS, CELL_BITS, MUX = 8, 8, 2, 8
_R_ON, _R_OFF = 6e3, 900e3
_R_ACCESS = _R_ON / 4
_VDD, _READ_VOLT = 0.9, 0.5
#: fF per cell: of a word line (wire and gate), and of a bit line (4 F of 0.2 fF/um)
_WORD_FF, _BIT_FF = 86.414 / 128, 4 * 0.032 * 0.2
#: copper of 56 nm width and aspect ratio 1.8: ohm per width of length
_SQUARE_OHM = 3.70e-8 / (56e-9 * 1.8)
_ROW_OHM, _COL_OHM = 4 * _SQUARE_OHM, 12 * _SQUARE_OHM
_GOAL = f"<= {TOLERANCE:.1%}"
_ROUNDED_GOAL = f"{_GOAL} or 0.0005 uJ"
#: a layer with fewer channels keeps its kernel positions together; no network here has a layer between 3 and 64
_SPLIT_CHANNELS = 64


@dataclass(frozen=True)
class Shape:
    """One layer: a map of `side` x `side` pixels and `channels`, a square kernel, output channels."""

    side: int
    channels: int
    kernel: int
    outputs: int

    @property
    def rows(self) -> int:
        return self.channels * self.kernel**2

    def vectors(self, padding: bool) -> int:
        """Positions of the kernel: all pixels, or those at which it meets no padding."""
        return self.side**2 if padding else (self.side - self.kernel + 1) ** 2


VGG8 = tuple(
    Shape(*shape)
    for shape in (
        (32, 3, 3, 128),
        (32, 128, 3, 128),
        (16, 128, 3, 256),
        (16, 256, 3, 256),
        (8, 256, 3, 512),
        (8, 512, 3, 512),
        (1, 8192, 1, 1024),
        (1, 1024, 1, 10),
    )
)
SMALL = tuple(
    Shape(*shape) for shape in ((32, 3, 3, 64), (16, 64, 3, 64), (8, 64, 3, 128), (1, 2048, 1, 256), (1, 256, 1, 10))
)


@dataclass(frozen=True)
class Layer:
    """A layer's traces: weights (rows, outputs) in [-1, 1), activations (vectors, rows) in [0, 1)."""

    shape: Shape
    weights: NDArray[np.float64]
    activations: NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """A chip of square crossbars with SAR converters, as the reference runs name it."""

    bits: int = 5
    size: int = 128

    @property
    def name(self) -> str:
        return f"sar_{self.bits}b_{self.size}"


POINTS = (Point(), Point(bits=4), Point(bits=7), Point(size=32), Point(size=256))


def traces(shapes: tuple[Shape, ...], density: float = 0.5) -> Iterator[Layer]:
    """The layers' traces, drawn one after the other from one generator."""
    random = np.random.default_rng(0)
    for shape in shapes:
        size = shape.rows, shape.vectors(padding=True)
        drawn = np.round(random.normal(0, 0.25, (shape.rows, shape.outputs)) * 128) / 128
        active = random.random(size) < density
        value = np.minimum(random.exponential(0.25, size), 1 - 2**-7)
        yield Layer(shape, drawn.clip(-1, 1 - 2**-7), np.where(active, value, 0.0).T)


def cells(weights: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(rows, outputs x 4) levels of the 8-bit codes, highest digit first."""
    codes = np.floor(128 * (weights - 1) + 256.5).astype(np.uint8)
    shifts = np.arange(WEIGHT_BITS - CELL_BITS, -1, -CELL_BITS, dtype=np.uint8)
    return ((codes[:, :, None] >> shifts) & (2**CELL_BITS - 1)).reshape(len(codes), -1)


def siemens(levels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Conductances of a crossbar's cells with all that lies in series."""
    rows, columns = levels.shape
    held = np.arange(2**CELL_BITS) / (2**CELL_BITS - 1) * (1 / _R_ON - 1 / _R_OFF) + 1 / _R_OFF
    along_row, along_column = (np.arange(columns) + 1) * _ROW_OHM, (rows - np.arange(rows)) * _COL_OHM
    resistance = (1 / held).astype(np.float32)[levels]
    resistance += (along_row + _R_ACCESS).astype(np.float32)
    resistance += along_column.astype(np.float32)[:, None]
    return np.reciprocal(resistance, out=resistance)


def row_blocks(shape: Shape, size: int) -> Iterator[slice]:
    """Rows of each crossbar: a kernel position has crossbars of its own where its channels fill some."""
    together = shape.channels if shape.channels >= _SPLIT_CHANNELS else shape.rows
    for start in range(0, shape.rows, together):
        for first in range(start, start + together, size):
            yield slice(first, min(first + size, start + together))


def crossbar_read(point: Point) -> CrossbarRead:
    """What a read of one crossbar costs."""
    word = MUX * _WORD_FF * point.size * _VDD**2
    bit = _BIT_FF * point.size * _READ_VOLT**2 * point.size
    return CrossbarRead(word, bit, neurosim_sar(load_technology(32), point.bits, _READ_VOLT))


def conversions(shape: Shape, point: Point, padding: bool) -> int:
    """Of a layer, per inference."""
    blocks, columns = len(list(row_blocks(shape, point.size))), shape.outputs * WEIGHT_BITS // CELL_BITS
    return blocks * columns * shape.vectors(padding) * INPUT_BITS


def layer_energy(
    layer: Layer,
    point: Point,
    *,
    input_bits: int = INPUT_BITS,
    padding: bool = False,
    read: CrossbarRead | None = None,
) -> ReadEnergy:
    """Array and converter energy of a layer on a chip, all its reads being `read` (that of the point if not given).

    Inputs of one bit are spikes, activations above 0.
    """
    values = layer.activations[: layer.shape.vectors(padding)]
    spikes = values > 0 if input_bits == 1 else np.floor(values * 2.0 ** (input_bits - 1))
    active, levels = planes(spikes.astype(np.uint8), input_bits), cells(layer.weights)
    bounds = range(0, levels.shape[1], point.size)
    one, total = read or crossbar_read(point), ReadEnergy()
    abreast = replace(one, word_fj=len(bounds) * one.word_fj, bit_fj=len(bounds) * one.bit_fj)
    for rows in row_blocks(layer.shape, point.size):
        block = np.concatenate([siemens(levels[rows, at : at + point.size]) for at in bounds], axis=1)
        total += trace_energy(block, active[:, rows], abreast)
    return total


def reference() -> dict[tuple[str, str, str], float]:
    """What NeuroSim printed: (run, layer or `chip`, quantity) to value."""
    lines = (line for line in REFERENCE.read_text().splitlines() if not line.startswith("#"))
    return {(row["run"], row["layer"], row["quantity"]): float(row["value"]) for row in csv.DictReader(lines)}


def vgg8_seconds(layers: list[Layer], padding: bool = False) -> tuple[float, list[ReadEnergy]]:
    """CPU seconds of one computation of the reference point, cells and input planes included, and its energies."""
    layer_energy(layers[-1], POINTS[0])  # compiles
    start = time.process_time()
    energies = [layer_energy(layer, POINTS[0], padding=padding) for layer in layers]
    return time.process_time() - start, energies


def compared(what: str, ours: float, theirs: float, unit: str, goal: str) -> Row:
    return (what, f"{ours:,.5g} {unit}, NeuroSim {theirs:,.5g} {unit}", f"{ours / theirs - 1:+.3%}", goal)


def layer_rows(energies: list[ReadEnergy], goal: str) -> list[Row]:
    """Per layer of the reference point."""
    known = reference()
    return [
        compared(f"layer {i}", energy.total_pj * 1e-3, known[POINTS[0].name, str(i), "adc"], "nJ", goal)
        for i, energy in enumerate(energies, 1)
    ]


def point_rows(layers: list[Layer]) -> list[Row]:
    """Shares of the dynamic energy at the chip points; the reference is rounded to whole percents."""
    known, rows = reference(), list[Row]()
    for point in POINTS:
        total = math.fsum(layer_energy(layer, point).total_pj for layer in layers) * 1e-6
        share = total / known[point.name, "chip", "dynamic"] * 100
        printed = known[point.name, "chip", "adc_share"]
        what = f"SAR {point.bits} bits, {point.size} x {point.size}: {total:.1f} uJ"
        rows.append((what, f"{share:.1f} % of dynamic, NeuroSim {printed:.0f} %", f"{share - printed:+.1f}", "<= 0.6"))
    return rows


def spike_rows() -> list[Row]:
    """Inputs of one bit, per time-step."""
    known, rows = reference(), list[Row]()
    for density in ("0", "0.02", "0.1", "0.3"):
        layers = traces(VGG8, float(density))
        total = math.fsum(layer_energy(layer, POINTS[0], input_bits=1).total_pj for layer in layers) * 1e-6
        rows.append(
            compared(
                f"{float(density):.0%} spikes", total, known[f"spikes_{density}", "chip", "adc"], "uJ", _ROUNDED_GOAL
            )
        )
    return rows


def small_energy_uj() -> float:
    """The small network on the reference point."""
    return math.fsum(layer_energy(layer, POINTS[0]).total_pj for layer in traces(SMALL)) * 1e-6


def neurosim_rows() -> list[Row]:
    """For `make bench`: time against NeuroSim's, and the worst layer."""
    known = reference()
    seconds, energies = vgg8_seconds(list(traces(VGG8)))
    printed = [known[POINTS[0].name, str(i), "adc"] for i in range(1, len(energies) + 1)]
    worst = max(abs(energy.total_pj * 1e-3 / nj - 1) for energy, nj in zip(energies, printed, strict=True))
    return [
        ("NeuroSim V1.3, one VGG8 point, trace-exact (published run)", f"{NEUROSIM_SECONDS} s", "1x", ""),
        (
            "array and converter energy of the same traces, read by read",
            f"{seconds:.2f} s",
            f"{NEUROSIM_SECONDS / seconds:.0f}x",
            f"<= {GOAL_SECONDS} s",
        ),
        ("  its worst layer, from NeuroSim's", f"{worst:.3%}", "", _GOAL),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--padding", action="store_true", help="read all H x W vectors of a layer")
    padding = parser.parse_args().padding
    layers = list(traces(VGG8))
    seconds, energies = vgg8_seconds(layers, padding)
    total = math.fsum(energy.total_pj for energy in energies) * 1e-6
    done = sum(conversions(layer.shape, POINTS[0], padding) for layer in layers) * 1e-6
    print(f"VGG8: {total:.2f} uJ, {done:.0f} M conversions in {seconds:.2f} s (NeuroSim: {NEUROSIM_SECONDS} s)")
    if padding:
        show("VGG8, SAR of 5 bits, 128 x 128: all H x W vectors over NeuroSim's", layer_rows(energies, ""))
        return
    show("VGG8, SAR of 5 bits, 128 x 128", layer_rows(energies, _GOAL))
    show("VGG8, chip points", point_rows(layers))
    show("VGG8, spikes, per time-step", spike_rows())
    small = compared("small network", small_energy_uj(), reference()["small", "chip", "adc"], "uJ", _ROUNDED_GOAL)
    show("small network", [small])


if __name__ == "__main__":
    main()
