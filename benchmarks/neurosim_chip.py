"""NeuroSim's chips of the VGG8 points: area and dynamic energy from our circuits, `python -m benchmarks.neurosim_chip`.

In its hierarchy (`neurosim_tiles.py`) a PE adds the sums of its 4 rows of crossbars, a tile those of its PEs. Inputs
and outputs cross the chip's H-tree; every tile column of a layer gets all inputs through its own H-tree and the buses
of its PEs, and every PE of a tile sends back its partial sum, of ADC bits + input bits - 1. Buffers are register files.

Lengths come from areas. What is fitted is marked so: buses, H-tree and buffers to the areas of `sar_5b_128`,
`sar_5b_32` and `sar_5b_256`; wires and buffers to their energies per layer of `sar_5b_128`. All other numbers follow.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from benchmarks.neurosim_tiles import PE_SPAN, SLICES, TILE_SPAN, Placed
from benchmarks.neurosim_vgg8 import (
    CELL_BITS,
    INPUT_BITS,
    MUX,
    SMALL,
    VGG8,
    Layer,
    Point,
    Shape,
    reference,
    row_blocks,
    traces,
)
from benchmarks.neurosim_vgg8 import layer_energy as adc_energy
from benchmarks.timing import Row, show
from spikesim_py.cost.components import (
    Circuit,
    adder_tree,
    cell_array,
    column_circuits,
    converter,
    input_shift_add,
    row_driver,
    shift_add,
)
from spikesim_py.cost.technology import Technology, load_technology
from spikesim_py.cost.trace import CrossbarRead, linear_law, neurosim_sar
from spikesim_py.hardware import AdcKind, Hardware, load_hardware

TOLERANCE = 0.15
#: fitted: wires of the chip's H-tree, and area of the buses of PEs and tiles per cell of their crossbars at 32 nm
#: (at other nodes with the square of the feature size: assumed)
_CHIP_WIRES, _BUS_UM2 = 1120, 0.169
#: fitted: bits of buffer per input bit of a PE (inputs and partial sums), of a register file
_BUFFER_BITS = 1.8
#: NeuroSim's register file at 32 nm: area of a bit; fitted: reading and writing one (alone, 9.6 and up to 1.3 fJ)
_REGISTER_UM2, _REGISTER_FJ = 2.63, 13.2
#: fitted: share of a layer's inputs that crosses the chip (windows overlap), and length of a PE's bus in its sides
_FRESH_INPUTS, _BUS_SIDES = 0.24, 5.5
#: NeuroSim's ReLU of 8 bits at 32 nm
_RELU_FJ = 76.0


@dataclass(frozen=True)
class Chip:
    """One chip point: a network on crossbars of a kind; areas in mm2, energies in uJ.

    Attributes:
        name: of the reference run.
        padding: whether all positions of a padded layer are read; NeuroSim leaves out those that meet padding.
        input_bits: planes that are read. activity: share of rows that are active in a plane (0.17 in the traces).
    """

    name: str
    hardware: Hardware
    shapes: tuple[Shape, ...] = VGG8
    padding: bool = False
    input_bits: int = INPUT_BITS
    activity: float = 0.17

    @property
    def size(self) -> int:
        return self.hardware.crossbar.rows

    @cached_property
    def tech(self) -> Technology:
        return load_technology(self.hardware.technology.node_nm)

    @cached_property
    def layers(self) -> list[Placed]:
        return [Placed(shape, self.size) for shape in self.shapes]

    @property
    def tiles(self) -> int:
        return sum(layer.tiles for layer in self.layers)

    @cached_property
    def crossbar_um2(self) -> float:
        """One crossbar with all that belongs to it."""
        tech, hardware, bits = self.tech, self.hardware, self.hardware.adc.bits
        array, lanes = cell_array(tech, hardware), self.size // MUX
        behind = [converter(tech, hardware, bits)]
        behind += [law(tech, bits, SLICES, MUX) for law in (shift_add, input_shift_add)]
        around = [array, row_driver(tech, hardware, array), *column_circuits(tech, hardware).values()]
        return sum(part.area_um2 for part in around) + lanes * sum(part.area_um2 for part in behind)

    @cached_property
    def area_parts(self) -> dict[str, float]:
        """Everything but the chip's H-tree."""
        pes = sum(layer.pes for layer in self.layers)
        lanes, shrink = PE_SPAN * self.size // MUX, (self.hardware.technology.node_nm / 32) ** 2
        bits, arrays = self._sum_bits, pes * PE_SPAN**2
        in_pes = pes * lanes * adder_tree(self.tech, PE_SPAN, bits).area_um2
        in_tiles = sum(layer.tiles * layer.lanes(lanes) * self._tile_tree(layer).area_um2 for layer in self.layers)
        buffer_bits = _BUFFER_BITS * PE_SPAN * self.size * INPUT_BITS * pes
        return {
            "crossbars": arrays * self.crossbar_um2 * 1e-6,
            "adders": (in_pes + in_tiles) * 1e-6,
            "buffers": buffer_bits * _REGISTER_UM2 * shrink * 1e-6,
            "buses": arrays * self.size**2 * _BUS_UM2 * shrink * 1e-6,
        }

    @cached_property
    def area_mm2(self) -> float:
        """With the H-tree over all tiles, whose length depends on the whole: side^2 = rest + wires * side."""
        rest = sum(self.area_parts.values())
        per_mm = _CHIP_WIRES * self.tech["htree"]["area"] * 1e-6 * 1.5 * (math.sqrt(self.tiles) - 1)
        return (per_mm / 2 + math.sqrt(per_mm**2 / 4 + rest)) ** 2

    @property
    def _sum_bits(self) -> int:
        """Behind the shift-adds."""
        return self.hardware.adc.bits + SLICES + self.input_bits

    @property
    def read(self) -> CrossbarRead:
        """Of one crossbar: lines, cells and converters."""
        hardware, array = self.hardware, cell_array(self.tech, self.hardware)
        bits = hardware.adc.bits
        if hardware.adc.kind is AdcKind.SAR:
            law = neurosim_sar(self.tech, bits, hardware.device.read_volt)
        else:
            adc = converter(self.tech, hardware, bits)
            law = replace(linear_law(hardware, adc), base_fj=adc.energy_fj, dark_fj=adc.energy_fj)
        return CrossbarRead(MUX * array.word_fj, self.size * array.bit_fj, law)

    def dynamic_parts(self, layer: Placed) -> dict[str, float]:
        """Of one layer, in nJ, but for array and converters."""
        tech, hardware, shape = self.tech, self.hardware, layer.shape
        bits, vectors = hardware.adc.bits, shape.vectors(self.padding)
        reads, column_blocks = vectors * self.input_bits, -(-layer.columns // self.size)
        per_conversion = shift_add(tech, bits, SLICES, MUX).energy_fj
        if self.input_bits > 1:
            per_conversion += input_shift_add(tech, bits, SLICES, MUX).energy_fj / SLICES
        conversions = reads * layer.crossbars * self.size
        inside = len(list(row_blocks(shape, self.size))) - layer.partial_sums  # additions of an output in PEs
        sums_fj = inside * adder_tree(tech, 2, self._sum_bits).energy_fj
        if layer.partial_sums > 1:
            sums_fj += layer.row_tiles * self._tile_tree(layer).energy_fj
        driver = row_driver(tech, hardware, cell_array(tech, hardware))
        active = self.activity * shape.rows * column_blocks
        mux = column_circuits(tech, hardware)["column_mux"].energy_fj
        clocks = layer.crossbars * (driver.clock_fj + mux) + active * driver.active_fj
        fj = {
            "accumulation": conversions * per_conversion + vectors * shape.outputs * sums_fj,
            "drivers": reads * MUX * clocks + vectors * shape.outputs * _RELU_FJ,
            "interconnect": vectors * self._wires_fj(layer),
            "buffers": vectors * self._buffers_fj(layer),
        }
        return {name: energy * 1e-6 for name, energy in fj.items()}

    def _wires_fj(self, layer: Placed) -> float:
        """Per vector."""
        htree, shape = self.tech["htree"], layer.shape
        pe_mm = math.sqrt(PE_SPAN**2 * self.crossbar_um2) * 1e-3
        tile_mm = pe_mm * math.sqrt(layer.pes_per_tile)
        chip, tile = (htree["energy"] * htree["depth"] * side for side in (math.sqrt(self.area_mm2), tile_mm))
        inside = tile + htree["energy"] * _BUS_SIDES * pe_mm
        inputs = shape.rows * self.input_bits * (_FRESH_INPUTS * chip + layer.column_tiles * inside)
        sent = self.input_bits if layer.row_tiles == 1 else layer.row_tiles * self._sent_bits
        return inputs + shape.outputs * (sent * chip + layer.partial_sums * self._sent_bits * tile)

    def _buffers_fj(self, layer: Placed) -> float:
        bits = layer.shape.rows * self.input_bits * layer.column_tiles
        bits += layer.shape.outputs * (layer.partial_sums + 1) * self._sent_bits
        return bits * _REGISTER_FJ * (self.tech["htree"]["energy"] / load_technology(32)["htree"]["energy"])

    @property
    def _sent_bits(self) -> int:
        return self.hardware.adc.bits + self.input_bits - 1

    def _tile_tree(self, layer: Placed) -> Circuit:
        """One adder tree of a tile, over its PEs; a full one."""
        inputs = 2 ** math.ceil(math.log2(layer.pes_per_tile)) if layer.split else TILE_SPAN
        return adder_tree(self.tech, inputs, self._sum_bits + 2)

    def spiking(self, density: float) -> Chip:
        """The same chip, for inputs of one bit of which a share of `density` are spikes."""
        return replace(self, name=f"spikes_{density:g}", input_bits=1, activity=density)

    def dynamic_uj(self, adc_uj: float) -> float:
        return adc_uj + sum(sum(self.dynamic_parts(layer).values()) for layer in self.layers) * 1e-3


def chip(bits: int = 5, size: int = 128, kind: str = "sar", node: int = 32) -> Chip:
    fields: dict[str, Any] = {"technology.node_nm": node, "adc.kind": kind, "adc.bits": bits}
    fields |= {"crossbar.rows": size, "crossbar.cols": size, "crossbar.mux": MUX, "device.cell_bits": CELL_BITS}
    fields |= {"device.r_on_ohm": 6000, "device.on_off_ratio": 150, "device.read_volt": 0.5}
    name = f"{'mlsa' if kind == 'flash' else kind}_{bits}b_{size}" + ("" if node == 32 else f"_{node}nm")
    return Chip(name, load_hardware("rram_32nm", fields))


CHIPS = (
    chip(),
    chip(bits=4),
    chip(bits=7),
    chip(size=32),
    chip(size=256),
    chip(kind="flash"),
    chip(kind="flash", node=22),
    replace(chip(), name="small", shapes=SMALL),
)


def area_rows() -> list[Row]:
    known = reference()
    return [_compared(one.name, one.area_mm2, known[one.name, "chip", "area"], "mm2") for one in CHIPS]


def adc_uj(one: Chip, layers: list[Layer]) -> float:
    """Arrays and converters, read by read."""
    point = Point(size=one.size)
    return sum(adc_energy(layer, point, read=one.read, padding=one.padding).total_pj for layer in layers) * 1e-6


def energy_rows(padding: bool) -> list[Row]:
    known, rows = reference(), list[Row]()
    drawn = {shapes: list(traces(shapes)) for shapes in (VGG8, SMALL)}
    for one in CHIPS:
        chosen = replace(one, padding=padding)
        energy = chosen.dynamic_uj(adc_uj(chosen, drawn[one.shapes]))
        rows.append(_compared(one.name, energy, known[one.name, "chip", "dynamic"], "uJ"))
    return rows


def spike_rows() -> list[Row]:
    """Per time-step; the floor is what is paid without any spike, array and converters left out."""
    known, rows = reference(), list[Row]()
    for density in (0.0, 0.02, 0.1, 0.3):
        one = CHIPS[0].spiking(density)
        parts = [one.dynamic_parts(layer) for layer in one.layers]
        ours = {name: sum(part[name] for part in parts) * 1e-3 for name in parts[0]}
        other = sum(energy for name, energy in ours.items() if name != "accumulation")
        for name, value in (("accumulation", ours["accumulation"]), ("other", other)):
            rows.append(_compared(f"{density:.0%} spikes, {name}", value, known[one.name, "chip", name], "uJ"))
        split = ", ".join(f"{name} {energy:.2f}" for name, energy in ours.items())
        rows.append((f"  {split} uJ", "", "", ""))
    return rows


def part_rows() -> Iterator[Row]:
    """Layer by layer at the reference point."""
    known, one = reference(), chip()
    for number, layer in enumerate(one.layers, 1):
        parts = one.dynamic_parts(layer)
        for ours, theirs in (("accumulation",) * 2, ("interconnect",) * 2, ("buffers", "buffer")):
            value = known[one.name, str(number), theirs]
            yield _compared(f"layer {number}, {ours}", parts[ours], value, "nJ")
        rest = known[one.name, str(number), "other"] - sum(
            known[one.name, str(number), name] for name in ("interconnect", "buffer")
        )
        yield _compared(f"layer {number}, drivers and ReLU", parts["drivers"], rest, "nJ")


def _compared(what: str, ours: float, theirs: float, unit: str) -> Row:
    return (what, f"{ours:,.4g} {unit}, NeuroSim {theirs:,.4g} {unit}", f"{ours / theirs - 1:+.1%}", "")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--padding", action="store_true", help="read all positions of a layer, over NeuroSim's")
    padding = parser.parse_args().padding
    show(
        f"dynamic energy, goal <= {TOLERANCE:.0%}" if not padding else "dynamic energy, padding read",
        energy_rows(padding),
    )
    if padding:
        return
    show(f"area, goal <= {TOLERANCE:.0%}", area_rows())
    show("reference point, layer by layer", part_rows())
    show("one-bit inputs", spike_rows())


if __name__ == "__main__":
    main()
