"""Digital multiply-accumulators: what float networks cost on them, and integer layers that are declared digital.

The FP32 array makes "quantized against full precision" a ratio.

The design (ours): one array of 32 x 32 lanes, each with an FP32 multiplier and adder (Horowitz, ISSCC 2014: 3.7
and 0.9 pJ, 7700 and 4184 um2 at 45 nm), output-stationary: a weight is read once per row of lanes that share it,
an input once per column. Layers run one after the other, at one multiply-accumulate per lane and clock, dense in
time. Energy is gated by spikes: one that is absent costs nothing, one that is there an addition; any other value,
zero or not, costs a multiply-accumulate. Weights and membranes are 32-bit SRAM.

A digital layer of an integer network has an array of the same kind on a tile of its own, cut to the layer's outputs
and positions: array multipliers of weight by input, ripple adders and registers as wide as its sums. (At 45 nm an
8-bit product takes 0.22 pJ and a 32-bit sum 0.13 pJ so; Horowitz gives 0.2 and 0.1 pJ.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..activity import Activity
from ..hardware import Hardware
from ..network import Add, Affine, Delay, Flatten, Lif, Membrane, Network, Pool, Product, Readout
from ..network.model import AnyNode, Conv, Linear
from ..noc import owners
from .components import Memory, adder, multiplier, register
from .components.base import weakest
from .parts import Counts, Part, Staged, maps_held, merged
from .result import CostResult
from .schedule import critical_stage, schedule
from .technology import Technology, load_technology
from .tree import Grade, branch

FLOAT_BITS = 32


def digital_cost(network: Network, hardware: Hardware, activity: Activity) -> CostResult:
    """Energy, latency and area of a float network on the digital array of the chip's node and clock.

    Of the hardware only `technology.node_nm` and `technology.clock_mhz` count; the notes say so.
    """
    tech = load_technology(hardware.technology.node_nm)
    clock_ns, layer_of = 1e3 / hardware.technology.clock_mhz, owners(network)
    staged = []
    for layer in network.layers:
        follows = [node for node in network.nodes if layer_of[node.name] == layer.name and node is not layer]
        rate = activity.layers[layer.name].rate
        parts = _products(network, tech, layer, rate, clock_ns, _fp32(tech))
        parts += [part for node in follows for part in _after(network, tech, node, clock_ns)]
        once = network.runs_once(layer.name)
        passes = 1 if once else network.time_steps
        staged.append(Staged(layer.name, tuple(merged(parts)), Counts(passes, network.time_steps), once))
    timing = schedule(staged, "none")
    nodes = [
        branch(layer.name, [part.node(timing.latency_ns, layer.full, layer.full) for part in layer.parts])
        for layer in staged
    ]
    array = _array(tech).node(timing.latency_ns, Counts(0, 0), Counts(0, 0))
    return CostResult(
        tree=branch("chip", [*nodes, branch("shared", [array])]),
        interval_ns=timing.interval_ns,
        critical_stage=critical_stage(staged),
        crossbars=0,
        pes=1,
        tiles=1,
        utilization=0.0,
        macs=network.macs,
        notes=_notes(tech, hardware, activity),
    )


@dataclass(frozen=True)
class _Macs:
    """An array of multiply-accumulators; so many lanes share one weight, or one input, that is read."""

    name: str
    lanes: int
    multiply_fj: float
    add_fj: float
    weight_bits: int
    value_bits: int
    weight_lanes: float
    input_lanes: float
    grade: Grade
    source: str
    area_um2: float = 0.0
    leakage_pw: float = 0.0


def _lanes(tech: Technology) -> int:
    return int(tech["fp32"]["side"]) ** 2


def _array(tech: Technology) -> Part:
    """The lanes of a float network; they leak as the node's registers do, area for area."""
    law, logic = tech["fp32"], tech["digital"]
    area = _lanes(tech) * (law["multiply_area"] + law["add_area"])
    leakage = area * logic["register_leakage"] / logic["register_area"]
    return Part("fp32_array", weakest(law.grade, "assumed"), law.source, area_um2=area, leakage_pw=leakage)


def _fp32(tech: Technology) -> _Macs:
    """All layers share the array: its area stands apart."""
    law, bits = tech["fp32"], FLOAT_BITS
    energies = law["multiply"], law["add"]
    return _Macs("fp32_mac", _lanes(tech), *energies, bits, bits, law["side"], law["side"], law.grade, law.source)


def _integer(network: Network, tech: Technology, layer: Conv | Linear) -> _Macs:
    edge, inputs, side = network.edges[layer.name], network.edges[layer.inputs[0]], int(tech["fp32"]["side"])
    assert layer.weight_bits is not None  # checked by `build`
    product = multiplier(tech, layer.weight_bits, inputs.bits)
    total = adder(tech, edge.bits) + register(tech, edge.bits)
    outputs, positions = min(side, edge.shape[0]), min(side, edge.shape[1] * edge.shape[2])
    lanes, lane = outputs * positions, product + total
    return _Macs(
        "integer_mac",
        lanes,
        product.energy_fj,
        total.energy_fj,
        layer.weight_bits,
        inputs.bits,
        positions,
        outputs,
        total.grade,
        total.source,
        lanes * lane.area_um2,
        lanes * lane.leakage_pw,
    )


def integer_parts(
    network: Network, hardware: Hardware, tech: Technology, layer: Conv | Linear, rate: float
) -> list[Part]:
    """Multiply-accumulators of a layer that is declared digital, its weights and its inputs.

    Args:
        rate: ones per input line and time-step; only one-bit inputs are gated by it.
    """
    maps = maps_held(network, hardware, layer.inputs[0])
    clock_ns = 1e3 / hardware.technology.clock_mhz
    return _products(network, tech, layer, rate, clock_ns, _integer(network, tech, layer), maps)


def _products(
    network: Network, tech: Technology, layer: Conv | Linear, rate: float, clock_ns: float, macs: _Macs, maps: int = 1
) -> list[Part]:
    """Multiply-accumulates of a layer, its weights and its inputs (`maps` of them are held)."""
    source, passes = network.edges[layer.inputs[0]], 1 if network.runs_once(layer.name) else network.time_steps
    dense, spikes = network.macs[layer.name], spiking(network, layer.inputs[0])
    bits = 1 if spikes else macs.value_bits
    active = dense * passes * (rate if spikes else 1.0)
    weights = Memory(tech, math.prod(layer.weight_shape) * macs.weight_bits)
    inputs = Memory(tech, maps * source.size * bits)
    fetched = active / macs.weight_lanes * macs.weight_bits
    moved, read = source.size * bits * passes, active / macs.input_lanes * bits
    return [
        Part(
            macs.name,
            macs.grade,
            macs.source,
            energy_pj=active * (macs.add_fj + (0.0 if spikes else macs.multiply_fj)) * 1e-3,
            area_um2=macs.area_um2,
            leakage_pw=macs.leakage_pw,
            read_ns=math.ceil(dense / macs.lanes) * clock_ns,
        ),
        _memory("weight_memory", weights, fetched * weights.read_fj),
        _memory("input_buffer", inputs, moved * inputs.write_fj + read * inputs.read_fj),
    ]


def spiking(network: Network, node: str) -> bool:
    """Whether an edge carries spikes only: LIF outputs, and max pools of them."""
    if node == "input":
        return network.model.input.coding == "events" and network.model.input.bits == 1
    made = network.by_name[node]
    if isinstance(made, Pool) and made.kind == "max":
        return spiking(network, made.inputs[0])
    if isinstance(made, Flatten | Delay):
        return spiking(network, made.inputs[0])
    return isinstance(made, Lif) and made.max_spikes == 1


def _memory(name: str, memory: Memory, energy_fj: float) -> Part:
    return Part(
        name,
        memory.grade,
        memory.source,
        energy_pj=energy_fj * 1e-3,
        area_um2=memory.area_um2,
        leakage_pw=memory.leakage_pw,
    )


def _after(network: Network, tech: Technology, node: AnyNode, clock_ns: float) -> list[Part]:
    """Multiplications and additions of the nodes behind a layer, on the same lanes, every time-step."""
    law, steps, units = tech["fp32"], network.time_steps, network.edges[node.name].size
    multiplies, adds = _operations(network, node)
    if isinstance(node, Delay):
        bits = _value_bits(network, node)
        memory = Memory(tech, delay_bits(network, node))
        return [_memory("delay_buffer", memory, units * bits * steps * (memory.read_fj + memory.write_fj))]
    if not multiplies + adds:
        return []
    name = "neuron_unit" if isinstance(node, Membrane) else node.op
    operations = Part(
        name,
        law.grade,
        law.source,
        energy_pj=units * steps * (multiplies * law["multiply"] + adds * law["add"]) * 1e-3,
        step_ns=math.ceil(units * max(multiplies, adds) / _lanes(tech)) * clock_ns,
    )
    if not isinstance(node, Membrane):
        return [operations]
    bits = membrane_bits(network, node)
    memory = Memory(tech, bits)
    traffic = bits * steps * (memory.read_fj + memory.write_fj)
    return [operations, _memory("membrane_memory", memory, traffic)]


def _operations(network: Network, node: AnyNode) -> tuple[int, int]:
    """(multiplications, additions) per output and time-step."""
    if isinstance(node, Membrane):
        return _updates(node)
    if isinstance(node, Affine):
        return 1, 1
    if isinstance(node, Pool):
        return int(node.kind == "average"), node.kernel[0] * node.kernel[1] - 1
    if isinstance(node, Add):
        return 0, len(node.inputs) - 1
    if isinstance(node, Product):
        return network.terms(node), network.terms(node)
    return (0, int(node.mode != "last")) if isinstance(node, Readout) else (0, 0)


def _updates(node: Membrane) -> tuple[int, int]:
    """(multiplications, additions) of one update; comparisons count as additions, a division as a multiplication."""
    multiplies = int(node.leak.multiplier not in (0, 1))
    adds = 1 + 2 * bool(node.v_leak) + (node.v_min is not None)
    if isinstance(node, Lif):  # compare, reset by subtraction; several spikes are a quotient, and a product to subtract
        adds += 1 + (node.reset == "subtract") + bool(node.refractory)
        multiplies += 2 * (node.max_spikes > 1)
    if node.synapse:
        multiplies, adds = multiplies + int(node.synapse.leak.multiplier not in (0, 1)), adds + 1
    return multiplies, adds


def membrane_bits(network: Network, node: Membrane) -> int:
    """What units remember, in words of 32 bits: membranes, currents, and counters or late spikes."""
    counts = isinstance(node, Lif) and (node.refractory > 0 or node.reset_delay)
    return network.edges[node.name].size * FLOAT_BITS * (1 + (node.synapse is not None) + counts)


def delay_bits(network: Network, node: Delay) -> int:
    """Values that a delay holds: all of its units for as many steps as the longest of them."""
    return network.edges[node.name].size * node.steps * _value_bits(network, node)


def _value_bits(network: Network, node: Delay) -> int:
    return network.edges[node.name].bits if spiking(network, node.name) else FLOAT_BITS


def _notes(tech: Technology, hardware: Hardware, activity: Activity) -> tuple[str, ...]:
    return (
        f"float network: costed as a digital FP32 MAC array of {_lanes(tech)} lanes at "
        f"{hardware.technology.node_nm} nm (Horowitz, ISSCC 2014); only technology.* of the chip counts",
        "float network: a spike costs additions, any other input a MAC whatever its value; time is dense; no NoC; "
        "utilization is 0: there are no crossbars",
        f"activity: {activity.origin}",
        *(tech.notes if tech.scaled_from_nm else ()),
    )
