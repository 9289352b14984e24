"""What follows a layer: neuron unit and membranes, affine, pools, adds, products, readout, buffered pre-activations.

These nodes belong to the layer that they follow. LIF updates take neurons / (lanes x tiles) clocks per
time-step; affine, pools and adds stream in front of them, and show where that takes longer than the layer's reads and
updates. Values that an add takes from another layer wait in a buffer of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .._arrays import Real, ceil
from ..early_exit import ExitOperations
from ..hardware import Hardware
from ..network import Add, Affine, Delay, Lif, Membrane, Network, Pool, Product, Readout
from ..network.base import spread
from ..network.model import AnyNode
from ..network.units import replaced_by_arrays
from ..noc import owners
from .components import Memory, adder, comparator, multiplier, neuron_lane, register
from .components.base import weakest
from .parts import Layer, Part, joined, maps_held, placed

#: bits of an affine multiplier and bias where a workload has no arrays and declares none
_SHAPE_BITS = 16
#: width of the exit unit's lane, and entries of each of its two tables
_EXIT_BITS, _EXIT_ENTRIES = 16, 256


def once_parts(layer: Layer, nodes: Sequence[AnyNode]) -> list[Part]:
    """Behind a layer that is read once: its affine, and the buffer that holds the constant pre-activation."""
    if not layer.network.runs_once(layer.name):
        return []
    affines = [_affine(layer, node, 1) for node in nodes if isinstance(node, Affine) and _acts_once(layer, node)]
    return [_preactivation(layer, nodes), *affines]


def _acts_once(layer: Layer, node: AnyNode) -> bool:
    """Whether a node is the affine of sums that are made once, and the same in every time-step."""
    return layer.network.constant(node.name) and isinstance(node, Affine)


def neuron_parts(layer: Layer, nodes: Sequence[AnyNode]) -> list[Part]:
    """Parts of the nodes that follow the layer in every time-step, in their order."""
    parts: list[Part] = []
    for node in nodes:
        if _acts_once(layer, node):
            continue
        if isinstance(node, Membrane):
            parts += [_neurons(layer, node), _membranes(layer, node), *_parameters(layer, node)]
        elif isinstance(node, Delay):
            parts.append(_delay(layer, node))
        elif isinstance(node, Affine):
            parts.append(_affine(layer, node, layer.steps))
        elif isinstance(node, Pool):
            parts.append(_pool(layer, node))
        elif isinstance(node, Add):
            parts += [_add(layer, node), *_waiting(layer, node)]
        elif isinstance(node, Product):
            parts += [_product(layer, node), *_waiting(layer, node)]
        elif isinstance(node, Readout):
            parts.append(_readout(layer, node))
    return parts


def lanes(layer: Layer) -> Real:
    return layer.hardware.tile.neuron_lanes * layer.plan.tiles


def _neurons(layer: Layer, node: Membrane) -> Part:
    edges, units = layer.network.edges, layer.network.edges[node.name].size
    lane = neuron_lane(layer.tech, node, edges[node.inputs[0]].bits, own_arrays(layer.network, node))
    time = ceil(units / lanes(layer)) * layer.clock_ns
    return placed("neuron_unit", lane, lanes(layer), units * layer.steps, step_ns=time)


def own_arrays(network: Network, node: Membrane) -> list[str]:
    """Numbers that a unit's array replaces; see `Membrane`."""
    return [name for name in replaced_by_arrays(node) if f"{node.name}.{name}" in network.arrays]


def _membranes(layer: Layer, node: Membrane) -> Part:
    """Read and written once per neuron and time-step, beside the update.

    Every tile keeps those of its neurons; where layers take turns (`shared_membranes`), the chip has one memory.
    """
    bits, tiles = membrane_bits(layer.network, node), layer.plan.tiles
    moved = bits * layer.steps
    if shared_membranes(layer.hardware):
        memory = Memory(layer.tech, most_membrane_bits(layer.network))
        return _stored("membrane_memory", memory, 0, moved)
    return _stored("membrane_memory", Memory(layer.tech, bits / tiles), tiles, moved)


def membrane_bits(network: Network, node: Membrane) -> int:
    """What units remember from one time-step to the next: membranes, currents, counters, late spikes."""
    bits = node.membrane_bits + (node.synapse.bits if node.synapse else 0)
    if isinstance(node, Lif):
        bits += node.refractory.bit_length() + (node.max_spikes.bit_length() if node.reset_delay else 0)
    return network.edges[node.name].size * bits


def most_membrane_bits(network: Network) -> int:
    """Membranes of the layer that has most of them."""
    return max((membrane_bits(network, node) for node in network.nodes if isinstance(node, Membrane)), default=0)


def _parameters(layer: Layer, node: Membrane) -> list[Part]:
    """Numbers of their own: per channel in registers of the tiles, per unit in a memory that every update reads.

    Thresholds per channel, and one number for all, are taken as part of the lane (its third register).
    """
    network, tiles, units = layer.network, layer.plan.tiles, layer.network.edges[node.name].size
    channel = unit = 0
    for name in [*own_arrays(network, node), *(["theta"] if isinstance(node, Lif) else [])]:
        array = network.arrays.get(f"{node.name}.{name}")
        if array is None or array.size == 1 or (name == "theta" and array.ndim == 1):
            continue
        bits = int(np.abs(array).max()).bit_length() + int(array.min() < 0)
        if array.ndim == 1:
            channel += bits * array.size
        else:
            unit += bits * units
    parts = []
    if channel:
        parts.append(placed("neuron_parameters", register(layer.tech, channel), 1, 0))
    if unit:
        memory = Memory(layer.tech, unit / tiles)
        stored = _stored("neuron_parameters", memory, tiles, 0)
        parts.append(replace(stored, energy_pj=unit * layer.steps * memory.read_fj * 1e-3))
    return parts


def _delay(layer: Layer, node: Delay) -> Part:
    """A ring of the last values: one is written and one read per value and time-step."""
    edge, tiles = layer.network.edges[node.name], layer.plan.tiles
    memory = Memory(layer.tech, delay_bits(layer.network, node) / tiles)
    return _stored("delay_buffer", memory, tiles, edge.size * edge.bits * layer.steps)


def delay_bits(network: Network, node: Delay) -> float:
    """Values that a delay holds, of each as many as it has steps."""
    edge, array = network.edges[node.name], network.arrays.get(f"{node.name}.steps")
    each = node.steps if array is None else float(np.broadcast_to(spread(array), edge.shape).mean())
    return edge.size * edge.bits * each


def shared_membranes(hardware: Hardware) -> bool:
    """Whether one layer's membranes are stored at a time: all time-steps of a layer before the next one starts."""
    return hardware.schedule.order == "layer_first" and hardware.schedule.pipeline == "none"


def _preactivation(layer: Layer, nodes: Sequence[AnyNode]) -> Part:
    """The first layer's constant pre-activation: written once, read at every time-step."""
    follows = [node for node in nodes if _acts_once(layer, node)]
    edge = layer.network.edges[follows[0].name if follows else layer.name]
    tiles, bits = layer.plan.tiles, edge.size * edge.bits
    memory = Memory(layer.tech, bits / tiles)
    energy = bits * (memory.write_fj + layer.steps * memory.read_fj)
    return Part(
        "preactivation_buffer",
        memory.grade,
        memory.source,
        energy_pj=energy * 1e-3,
        area_um2=tiles * memory.area_um2,
        leakage_pw=tiles * memory.leakage_pw,
    )


def _stored(name: str, memory: Memory, count: Real, bits: Real) -> Part:
    """`count` memories of which `bits` are read and written per inference."""
    return Part(
        name,
        memory.grade,
        memory.source,
        energy_pj=bits * (memory.read_fj + memory.write_fj) * 1e-3,
        area_um2=count * memory.area_um2,
        leakage_pw=count * memory.leakage_pw,
    )


def _affine(layer: Layer, node: Affine, times: int) -> Part:
    """A multiplier and an adder per lane that act `times` per unit; parameters are held per channel, in registers.

    Where every time-step has its own, as many sets are held; switching between them is not charged. Parameters per unit
    are held in a memory, and read each time.
    """
    network = layer.network
    a_bits, b_bits = network.edges[node.inputs[0]].bits, affine_bits(layer, node)
    lane = multiplier(layer.tech, a_bits, b_bits) + adder(layer.tech, a_bits + b_bits)
    units = network.edges[node.name].size
    sets = layer.steps if node.per_step else 1
    part = placed("affine", lane, lanes(layer), units * times, beside_ns=streaming_ns(layer, units))
    if any(_per_unit(network, f"{node.name}.{name}", node.per_step) for name in ("multiplier", "bias")):
        memory = Memory(layer.tech, 2 * b_bits * units * sets / layer.plan.tiles)
        held = replace(
            _stored("affine", memory, layer.plan.tiles, 0), energy_pj=2 * b_bits * units * times * memory.read_fj * 1e-3
        )
        return joined("affine", [part, held])
    stored = register(layer.tech, 2 * b_bits * network.edges[node.name].shape[0] * sets)
    area, leakage = part.area_um2 + stored.area_um2, part.leakage_pw + stored.leakage_pw
    return replace(part, area_um2=area, leakage_pw=leakage)


def _per_unit(network: Network, name: str, per_step: bool) -> bool:
    """Whether an array holds numbers per unit: (C, H, W), with `per_step` behind an axis of time-steps."""
    return name in network.arrays and network.arrays[name].ndim - per_step == 3


def affine_bits(layer: Layer, node: Affine) -> int:
    """Bits of the multipliers: those of the largest, sign included; what a workload declares."""
    array = layer.network.arrays.get(f"{node.name}.multiplier")
    return (node.bits or _SHAPE_BITS) if array is None else int(np.abs(array).max()).bit_length() + 1


def streaming_ns(layer: Layer, units: Real) -> Real:
    return units / lanes(layer) * layer.clock_ns


def _pool(layer: Layer, node: Pool) -> Part:
    """k^2 - 1 additions (or comparisons) per output."""
    edges, window = layer.network.edges, node.kernel[0] * node.kernel[1]
    bits = edges[node.name].bits
    one = adder(layer.tech, bits) if node.kind == "sum" else comparator(layer.tech, edges[node.inputs[0]].bits)
    units = edges[node.name].size * layer.steps
    return placed(
        "pool",
        one.times(max(window - 1, 0)),
        lanes(layer),
        units,
        beside_ns=streaming_ns(layer, edges[node.inputs[0]].size),
    )


def _add(layer: Layer, node: Add) -> Part:
    edge = layer.network.edges[node.name]
    one = adder(layer.tech, edge.bits).times(len(node.inputs) - 1)
    return placed("add", one, lanes(layer), edge.size * layer.steps, beside_ns=streaming_ns(layer, edge.size))


def _product(layer: Layer, node: Product) -> Part:
    """A digital unit: a multiply-accumulator per lane, dense in time, once both operands are there (ours, assumed).

    Multipliers of the operands' bits (of spikes: a full adder's energy where a gate would do), adders and registers of
    the sum's. What the layer itself makes streams in; the other operand waits in a buffer (`_waiting`).
    """
    network, tech = layer.network, layer.tech
    bits, (first, second) = network.edges[node.name].bits, (network.edges[name].bits for name in node.inputs)
    lane = multiplier(tech, first, second) + adder(tech, bits) + register(tech, bits)
    sums = network.edges[node.name].size * network.terms(node)
    time = ceil(sums / lanes(layer)) * layer.clock_ns
    part = placed("product", lane, lanes(layer), sums * layer.steps, step_ns=time)
    return replace(part, grade=weakest(part.grade, "assumed"))


def _waiting(layer: Layer, node: Add | Product) -> list[Part]:
    """What other layers made waits on the tiles that take it: written as it comes, read in every time-step."""
    network, layer_of, tiles = layer.network, owners(layer.network), layer.plan.tiles
    waiting = [source for source in node.inputs if layer_of[source] != layer.name]
    if not waiting:
        return []
    order = {made.name: index for index, made in enumerate(network.layers)}
    bits = {source: network.edges[source].size * network.edges[source].bits for source in waiting}
    stages = {source: max(order[layer.name] - order.get(layer_of[source] or "", -1), 0) for source in waiting}
    held = sum(bits[source] * maps_held(network, layer.hardware, source, stages[source]) for source in waiting)
    memory = Memory(layer.tech, held / tiles)
    written = sum(bits[source] * (1 if network.constant(source) else layer.steps) for source in waiting)
    energy = written * memory.write_fj + sum(bits.values()) * layer.steps * memory.read_fj
    return [
        Part(
            "shortcut_buffer",
            memory.grade,
            memory.source,
            energy_pj=energy * 1e-3,
            area_um2=tiles * memory.area_um2,
            leakage_pw=tiles * memory.leakage_pw,
        )
    ]


def _readout(layer: Layer, node: Readout) -> Part:
    """Accumulators of the answer: an adder and a register per class; `last` only keeps."""
    edge = layer.network.edges[node.inputs[0]]
    bits = edge.bits + (layer.steps - 1).bit_length()
    lane = register(layer.tech, bits)
    if node.mode != "last":
        lane = adder(layer.tech, bits) + lane
    actions = edge.size * (1 if node.mode == "last" else layer.steps)
    time = ceil(edge.size / lanes(layer)) * layer.clock_ns
    return placed("readout", lane, edge.size, actions, step_ns=time)


def exit_part(layer: Layer, operations: ExitOperations) -> Part:
    """The unit that decides after every time-step whether an inference may end; it follows the last layer.

    One lane of 16-bit operations, one per clock; exponentials and logarithms are read from two tables (assumed).
    """
    one, product = adder(layer.tech, _EXIT_BITS), multiplier(layer.tech, _EXIT_BITS, _EXIT_BITS)
    table = Memory(layer.tech, 2 * _EXIT_ENTRIES * _EXIT_BITS)
    sums, looked_up = operations.comparisons + operations.additions, operations.exponentials + operations.logarithms
    energy_fj = sums * one.energy_fj + operations.multiplications * product.energy_fj
    energy_fj += looked_up * _EXIT_BITS * table.read_fj
    clocks = sums + operations.multiplications + looked_up
    return Part(
        "exit_unit",
        weakest(one.grade, table.grade, "assumed"),
        f"{one.source}; {table.source}; {_EXIT_BITS}-bit lane and tables of {_EXIT_ENTRIES} entries assumed",
        energy_pj=layer.steps * energy_fj * 1e-3,
        area_um2=one.area_um2 + product.area_um2 + table.area_um2,
        leakage_pw=one.leakage_pw + product.leakage_pw + table.leakage_pw,
        step_ns=clocks * layer.clock_ns,
    )
