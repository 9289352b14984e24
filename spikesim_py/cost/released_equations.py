"""The equations of SpikeSim's released estimator over a list of layers, each known defect a switch.

Equations (SpikeSim c2627bc, ela_spikesim.py), for X x X crossbars, k x k kernels, layer i::

    PEs_i   = ceil(Cin / X) * ceil(Cout / X)              tiles = ceil(sum PEs_i / PEs per tile)
    E_cycle = Htree + fetch + neuron + X/8 * (k^2 * xbar + X/8 * (ADC + mux)) + X/8 * 16 * DIFF + X/8 * temp + tile
    E_i     = PEs_i * positions_i * E_cycle * T
    A_tile  = X/8 * DIFF + temp + tile + PEs per tile * (k^2 * xbar + X/8 * (ADC + mux)) + Htree
    A       = A_tile * tiles + 22 bits * inputs of all layers + 22 bits * outputs of the first five
    latency = (sum_{i<L} int(0.75 * positions_i * Cout_i) * T  +  positions_L * Cout_L * T) * PE cycle

Energy, area and latency are evaluated in this order of operations, which is the script's: they equal its numbers to the
last bit. The parts of the tree are rounded to the last bit of these totals, so that they still add up (`summing_to`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .._arrays import ceil_div
from ..hardware import Defects
from .released_constants import Corrected, constants
from .result import CostResult
from .tree import CostNode, branch, component

#: layers whose outputs the script charges as neuron memory (defect 6), columns per ADC
NEURON_MEMORY_LAYERS, RELEASED_MUX = 5, 8
#: entries of the script's overlap list (defect 5), subtractors of a DIFF module, crossbar that the constants are of
_OVERLAP_ENTRIES, _SUBTRACTORS, _REFERENCE_X = 12, 16, 64


@dataclass(frozen=True)
class Layer:
    """One layer as the script sees it.

    Attributes:
        taps: kernel positions, each with its own crossbar in a PE.
        weights: cells that hold one, on the crossbars of all kernel positions.
        pes, exact_pes: PEs, and what they are before rounding up.
        positions: output pixels that are billed.
        reads: of the crossbars per output pixel, planes x time-steps.
        input_bits, stored_bits: what the input buffer and the neuron memory hold.
    """

    name: str
    taps: int
    weights: int
    pes: int
    exact_pes: float
    positions: int
    outputs: int
    reads: int
    input_bits: int
    stored_bits: int


@dataclass(frozen=True)
class Chip:
    """A chip as the script sees it: X = `crossbar`; as released X / 8 is the converters and the mux phases of a PE."""

    name: str
    crossbar: int
    mux: int
    sram: bool
    pes_per_tile: int
    clock_mhz: float
    defects: Defects

    @property
    def phases(self) -> float:
        """Mux phases of a PE cycle."""
        return self.crossbar / RELEASED_MUX if self.defects.adc_count_is_mux_phases else self.mux

    @property
    def adcs(self) -> float:
        """Converters of a PE."""
        return self.phases if self.defects.adc_count_is_mux_phases else ceil_div(self.crossbar, self.mux)

    @property
    def scale(self) -> float:
        """A crossbar's energy and area over those of 64 x 64: 1 as released, whatever X."""
        return 1.0 if self.defects.adc_count_is_mux_phases else (self.crossbar / _REFERENCE_X) ** 2

    def turns(self, layer: Layer) -> int:
        """Turns that the crossbars of all kernel positions take at the converters (defect 9: one, for free)."""
        return 1 if self.defects.taps_share_adcs_free else layer.taps

    def tiles(self, layers: Sequence[Layer]) -> int:
        """Tiles of all layers, which share them as released."""
        if self.defects.layers_share_tiles:
            return int(ceil_div(sum(layer.pes for layer in layers), self.pes_per_tile))
        return sum(int(ceil_div(layer.pes, self.pes_per_tile)) for layer in layers)


def cost_layers(layers: Sequence[Layer], chip: Chip, notes: Sequence[str] = ()) -> CostResult:
    """Cost of a list of layers; `notes` come after those on what the released script does with the list."""
    memories, shared = _areas(layers, chip)
    nodes = [
        branch(layer.name, [*_energies(layer, chip), *memory, time])
        for layer, memory, time in zip(layers, memories, _times(layers, chip), strict=True)
    ]
    tree = branch(chip.name, [*nodes, branch("shared", shared)])
    crossbars = sum(layer.pes * layer.taps for layer in layers)
    return CostResult(
        tree=tree,
        interval_ns=tree.critical_ns,
        critical_stage=max(nodes, key=lambda node: node.busy_ns).name,
        crossbars=crossbars,
        pes=sum(layer.pes for layer in layers),
        tiles=chip.tiles(layers),
        utilization=sum(layer.weights for layer in layers) / (crossbars * chip.crossbar**2),
        macs={layer.name: layer.positions * layer.weights for layer in layers},
        notes=(*_script_notes(layers, chip.defects), *notes),
    )


def summing_to(total: float, parts: Sequence[float]) -> list[float]:
    """The parts in whole units of the total's last bit, of which the largest takes what rounding leaves.

    They add up to the total exactly, in any order and grouping. `parts` must add up to it but for rounding.
    """
    unit = math.ulp(total)
    counts = [round(part / unit) for part in parts]
    counts[counts.index(max(counts))] += round(total / unit) - sum(counts)
    return [count * unit for count in counts]


def _energies(layer: Layer, chip: Chip) -> Iterator[CostNode]:
    """Energy per inference: PE cycles x what each component takes per cycle."""
    published, defects = constants(), chip.defects
    unit, phases = published.energy_pj, chip.phases
    conversions = chip.adcs * chip.turns(layer)
    xbar_fix = published.corrected.crossbar_sram_pj if chip.sram and not defects.sram_energy_is_area else None
    diff_fix = None if defects.diff_energy_unit else published.corrected.diff_pj
    released_pj = unit.crossbar_sram if chip.sram else unit.crossbar_rram
    crossbars_pj = layer.taps * (xbar_fix.value if xbar_fix else released_pj) * chip.scale
    diff_pj = diff_fix.value if diff_fix else unit.diff
    rows: list[tuple[str, float, Corrected | None]] = [
        ("htree", unit.htree, None),
        ("mem_fetch", unit.mem_fetch, None),
        ("neuron", unit.neuron, None),
        ("crossbar", phases * crossbars_pj, xbar_fix),
        ("adc", phases * conversions * unit.adc, None),
        ("mux", phases * conversions * unit.mux, None),
        ("diff", phases * _SUBTRACTORS * diff_pj, diff_fix),
        ("temp_buffer", phases * unit.temp_buffer, None),
        ("tile_buffer", unit.tile_buffer, None),
    ]
    pe_pj = crossbars_pj + conversions * (unit.adc + unit.mux)
    cycle_pj = unit.htree + unit.mem_fetch + unit.neuron + phases * pe_pj
    cycle_pj = cycle_pj + phases * _SUBTRACTORS * diff_pj + phases * unit.temp_buffer + unit.tile_buffer
    cycles = layer.pes * layer.positions
    energy_pj = summing_to(cycles * cycle_pj * layer.reads, [cycles * layer.reads * value for _, value, _ in rows])
    for (name, _, fix), value in zip(rows, energy_pj, strict=True):
        grade, source = (fix.grade, fix.source) if fix else ("sourced", published.source)
        yield component(name, energy_pj=value, grade=grade, source=source)


def _areas(layers: Sequence[Layer], chip: Chip) -> tuple[list[list[CostNode]], list[CostNode]]:
    """The two memories of each layer, and the parts of the tiles, whose PEs are sized for the largest kernel."""
    published, tiles, taps = constants(), chip.tiles(layers), max(layer.taps for layer in layers)
    unit, bits = published.area_um2, published.bits_per_value
    crossbar = (unit.crossbar_sram if chip.sram else unit.crossbar_rram) * chip.scale
    spared = 0  # crossbars, once each layer's PEs have its own kernel; empty PEs keep the largest
    if not chip.defects.taps_share_adcs_free:
        spared = sum(layer.pes * (taps - layer.taps) for layer in layers)
    slots = tiles * chip.pes_per_tile
    shared = {
        "htree": tiles * unit.htree,
        "crossbar": (slots * taps - spared) * crossbar,
        "adc": slots * chip.adcs * unit.adc,
        "mux": slots * chip.adcs * unit.mux,
        "diff": tiles * chip.adcs * unit.diff,
        "temp_buffer": tiles * unit.temp_buffer,
        "tile_buffer": tiles * unit.tile_buffer,
    }
    pe = taps * crossbar + chip.adcs * (unit.adc + unit.mux)
    tile = chip.adcs * unit.diff + unit.temp_buffer + unit.tile_buffer + chip.pes_per_tile * pe + unit.htree
    inputs, stored = sum(layer.input_bits for layer in layers), sum(layer.stored_bits for layer in layers)
    total = tile * tiles - spared * crossbar + inputs / bits * unit.memory_bit * bits
    total += stored / bits * unit.memory_bit * bits
    memories = [held * unit.memory_bit for layer in layers for held in (layer.input_bits, layer.stored_bits)]
    named = zip(
        ["input_buffer", "neuron_memory"] * len(layers) + list(shared),
        summing_to(total, [*memories, *shared.values()]),
        strict=True,
    )
    parts = [component(name, area_um2=area, grade="sourced", source=published.source) for name, area in named]
    count = 2 * len(layers)
    return [parts[i : i + 2] for i in range(0, count, 2)], parts[count:]


def _times(layers: Sequence[Layer], chip: Chip) -> Iterator[CostNode]:
    """Each layer's PE cycles; all but the last layer hide a quarter of them behind the next."""
    published, channels = constants(), chip.defects.latency_counts_channels
    cycle_ns = published.clocks_per_pe_cycle * (1000 / chip.clock_mhz)
    busy = [layer.positions * chip.turns(layer) * (layer.outputs if channels else 1) for layer in layers]
    critical = [*(int(published.overlap * cycles) for cycles in busy[:-1]), busy[-1]]
    cycles = [count * layer.reads for count, layer in zip(critical, layers, strict=True)]
    critical_ns = summing_to(sum(cycles) * cycle_ns, [count * cycle_ns for count in cycles])
    for layer, count, value in zip(layers, busy, critical_ns, strict=True):
        yield component(
            "pe_cycles",
            critical_ns=value,
            busy_ns=max(count * layer.reads * cycle_ns, value),  # the last bit of `value` may be rounded up
            grade="assumed" if chip.turns(layer) > 1 else "sourced",  # that the whole cycle repeats is our reading
            source=published.source,
        )


def _script_notes(layers: Sequence[Layer], defects: Defects) -> Iterator[str]:
    """What the released script does with this list where it does not answer, and what it miscounts without effect."""
    pes, exact = [layer.pes for layer in layers], [layer.exact_pes for layer in layers]
    floors = [int(count) for count in exact]
    if defects.latency_floor_pes and floors != pes:
        yield (
            f"the released latency loop counts {sum(floors)} of {sum(pes)} PEs, without effect on its result (defect 3)"
        )
    if defects.ordered_pes_required and pes != sorted(pes):
        yield "the released script stops here with a TypeError: PE counts decrease from layer to layer (defect 4)"
    elif defects.ordered_pes_required and exact != sorted(exact):
        yield "the released script prints no latency here: unrounded PE counts decrease from layer to layer (defect 4)"
    elif defects.latency_loop_hangs and not any(floors):
        yield "the released script hangs here: its latency loop waits for a PE count that stays 0 (defect 2)"
    elif defects.overlap_for_twelve_layers and len(layers) > _OVERLAP_ENTRIES:
        yield f"the released script stops here with an IndexError: more than {_OVERLAP_ENTRIES} layers (defect 5)"
