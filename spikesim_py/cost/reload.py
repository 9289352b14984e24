"""Networks larger than the chip: layers take its tiles in turn, and every inference reloads all weights.

A round reads its layers' weights from DRAM and writes their cells; data are written as they come, so that the slower
of both counts. All crossbars of a round are written at once: its longest layer counts. A round then runs its layers for
all time-steps; values that a layer of a later round reads wait in DRAM (written once, read by every such layer). On
their way they cross the mesh as if both layers were there. A network that fits is never reloaded.

The functions take numbers, or arrays with one element per design.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from .._arrays import Real, maximum, where
from ..hardware import DramKind
from ..mapping import Mapping, round_indices
from ..network import Network
from ..noc import owners
from .components.dram import Dram, dram
from .parts import Part
from .programming import write_layer
from .technology import Technology


@dataclass(frozen=True)
class LayerLoad:
    """What loading a layer takes.

    Attributes:
        tiles: of the layer. area_um2: of all its parts.
        weight_bits: that DRAM holds of its weights.
        write_pj, write_ns: of all its cells (and buffers), once; see `programming.py`.
    """

    tiles: Real
    area_um2: Real
    weight_bits: Real
    write_pj: Real
    write_ns: Real


@dataclass(frozen=True)
class Kept:
    """Values of one edge: the layer that makes them, the other layers that read them, and their bits per inference."""

    maker: int
    readers: tuple[int, ...]
    bits: Real


@dataclass(frozen=True)
class Reload:
    """Reloading, per inference; zero where everything fits one round.

    Attributes:
        rounds: how many groups of layers take the chip in turn; also how often a cell is written per inference.
        dram_bits: read from and written to DRAM. dram_pj: their energy.
        write_pj: of the cells. time_ns: of all rounds, while nothing computes.
        area_share: the largest round's area over that of all layers: what is on the chip at once.
    """

    rounds: Real
    dram_bits: Real
    dram_pj: Real
    write_pj: Real
    time_ns: Real
    area_share: Real


def reload_cost(layers: Sequence[LayerLoad], edges: Sequence[Kept], max_tiles: Real, memory: Dram) -> Reload:
    """The cost of taking `max_tiles` tiles in turn; every layer must fit them, as `map_network` makes sure."""
    index = round_indices([layer.tiles for layer in layers], max_tiles)
    count = index[-1] + 1
    bits = spilled = write_pj = time_ns = 0.0
    round_bits = round_ns = round_um2 = largest_um2 = total_um2 = 0.0
    for place, layer in enumerate(layers):
        joins = index[place] == index[place - 1] if place else False
        before = where(joins, maximum(memory.time_ns(round_bits), round_ns), 0.0)
        round_bits = where(joins, round_bits, 0.0) + layer.weight_bits
        round_ns = maximum(where(joins, round_ns, 0.0), layer.write_ns)
        round_um2 = where(joins, round_um2, 0.0) + layer.area_um2
        time_ns += maximum(memory.time_ns(round_bits), round_ns) - before
        largest_um2, total_um2 = maximum(largest_um2, round_um2), total_um2 + layer.area_um2
        bits, write_pj = bits + layer.weight_bits, write_pj + layer.write_pj
    for edge in edges:
        later = [where(index[reader] == index[edge.maker], 0.0, 1.0) for reader in edge.readers]
        spilled = spilled + edge.bits * (reduce(maximum, later) + sum(later))
    turns = where(count > 1, 1.0, 0.0)
    traffic = turns * (bits + spilled)
    waiting_ns = turns * (time_ns + memory.time_ns(spilled))
    share = where(count > 1, largest_um2 / total_um2, 1.0)
    return Reload(count, traffic, memory.energy_pj(traffic), turns * write_pj, waiting_ns, share)


def reload_of(mapping: Mapping, tech: Technology, areas_um2: MappingType[str, Real]) -> Reload | None:
    """Reloading a mapped network; None where it fits the chip.

    Args:
        areas_um2: layer to the area of all its parts.

    Raises:
        ConfigError: the chip does not state its device's pulses.
    """
    size, loads = mapping.hardware.chip.max_tiles, []
    if size is None or np.all(np.asarray(mapping.rounds) == 1):
        return None
    for name, plan in mapping.layers.items():
        writing, weight_bits = write_layer(mapping, tech, plan), plan.rows * plan.outputs * plan.weight_bits
        loads.append(LayerLoad(plan.tiles, areas_um2[name], weight_bits, writing.energy_pj, writing.time_ns))
    memory = dram(mapping.hardware.dram.kind, mapping.hardware.dram.channels)
    return reload_cost(loads, kept_edges(mapping.network), size, memory)


def kept_edges(network: Network) -> list[Kept]:
    """Every edge that one layer makes and others read, with all its time-steps; inputs come from the port each time."""
    order, layer_of = {node.name: i for i, node in enumerate(network.layers)}, owners(network)
    readers: dict[str, set[int]] = {}
    for node in network.nodes:
        reader = layer_of[node.name]
        for source in node.inputs:
            if reader is not None and layer_of[source] not in (None, reader):
                readers.setdefault(source, set()).add(order[reader])
    kept = []
    for source, found in readers.items():
        edge, steps = network.edges[source], 1 if network.constant(source) else network.time_steps
        kept.append(Kept(order[str(layer_of[source])], tuple(sorted(found)), edge.size * edge.bits * steps))
    return kept


def memory_parts(mapping: Mapping, reload: Reload | None) -> list[Part]:
    """The memory off the chip, which always takes its background power, and writing what it reloads."""
    chip, parts = mapping.hardware.dram, list[Part]()
    if chip.kind is not DramKind.NONE:
        memory = dram(chip.kind, chip.channels)
        energy_pj = reload.dram_pj if reload else 0.0
        parts.append(Part("dram", memory.grade, memory.source, energy_pj, leakage_pw=memory.background_pw))
    if reload:
        source = "; ".join(
            mapping.hardware.sources.get(f"device.{x}", "given") for x in ("write_energy_pj", "write_ns")
        )
        parts.append(Part("reload", "assumed", source, reload.write_pj, once_ns=reload.time_ns))
    return parts


def memory_notes(mapping: Mapping, reload: Reload | None) -> list[str]:
    """What a reader must know of the memory off the chip, and of a chip that is too small."""
    chip, notes = mapping.hardware, list[str]()
    if chip.dram.kind is not DramKind.NONE:
        notes.append(
            f"dram.kind = {chip.dram.kind.value}: powered and in standby all the time; without controller and PHY"
        )
    if reload:
        notes.append(
            f"chip.max_tiles = {chip.chip.max_tiles}: layers take the chip in {reload.rounds} rounds, each for all "
            f"time-steps; all weights are reloaded in every inference; PEs and crossbars are counted as if all layers "
            f"were on the chip"
        )
    return notes
