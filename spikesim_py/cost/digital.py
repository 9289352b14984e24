"""Float networks: what they cost on a digital FP32 array, so that "quantized against full precision" is a ratio.

The design (ours): one array of 32 x 32 lanes, each with an FP32 multiplier and adder (Horowitz, ISSCC 2014: 3.7
and 0.9 pJ, 7700 and 4184 um2 at 45 nm), output-stationary: a weight is read once per row of lanes that share it,
an input once per column. Layers run one after the other, at one multiply-accumulate per lane and clock, dense in
time. Energy is gated by spikes: one that is absent costs nothing, one that is there an addition; any other value,
zero or not, costs a multiply-accumulate. Weights and membranes are 32-bit SRAM.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..activity import Activity
from ..hardware import Hardware
from ..network import Add, Affine, Lif, Network, Pool, Readout
from ..network.model import AnyNode, Conv, Linear
from ..noc import owners
from .components import Memory
from .components.base import weakest
from .parts import Counts, Part, Staged, joined
from .result import CostResult
from .schedule import schedule
from .technology import Technology, load_technology
from .tree import branch

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
        parts = [*_products(network, tech, layer, rate, clock_ns)]
        parts += [part for node in follows for part in _after(network, tech, node, clock_ns)]
        once = network.runs_once(layer.name)
        passes = 1 if once else network.time_steps
        staged.append(Staged(layer.name, _merge(parts), Counts(passes, network.time_steps), once))
    timing = schedule(staged, "none")
    nodes = [
        branch(layer.name, [part.node(timing.latency_ns, layer.full, layer.full) for part in layer.parts])
        for layer in staged
    ]
    array = _array(tech).node(timing.latency_ns, Counts(0, 0), Counts(0, 0))
    return CostResult(
        tree=branch("chip", [*nodes, branch("shared", [array])]),
        interval_ns=timing.interval_ns,
        critical_stage=timing.critical_stage,
        crossbars=0,
        pes=1,
        tiles=1,
        utilization=0.0,
        macs=network.macs,
        notes=_notes(tech, hardware, activity),
    )


def _lanes(tech: Technology) -> int:
    return int(tech["fp32"]["side"]) ** 2


def _array(tech: Technology) -> Part:
    """The lanes; they leak as the node's registers do, area for area."""
    law, logic = tech["fp32"], tech["digital"]
    area = _lanes(tech) * (law["multiply_area"] + law["add_area"])
    leakage = area * logic["register_leakage"] / logic["register_area"]
    return Part("fp32_array", weakest(law.grade, "assumed"), law.source, area_um2=area, leakage_pw=leakage)


def _products(network: Network, tech: Technology, layer: Conv | Linear, rate: float, clock_ns: float) -> list[Part]:
    """Multiply-accumulates of a layer, its weights and its inputs."""
    law, source = tech["fp32"], network.edges[layer.inputs[0]]
    passes = 1 if network.runs_once(layer.name) else network.time_steps
    weights = math.prod(layer.weight_shape)
    macs = network.macs[layer.name]
    spikes = spiking(network, layer.inputs[0])
    active = macs * passes * (rate if spikes else 1.0)
    operation_fj = law["add"] + (0.0 if spikes else law["multiply"])
    memory = Memory(tech, weights * FLOAT_BITS)
    fetched = active / law["side"] * FLOAT_BITS
    inputs = Memory(tech, source.size * (1 if spikes else FLOAT_BITS))
    moved = source.size * (1 if spikes else FLOAT_BITS) * passes
    read = active / law["side"] * (1 if spikes else FLOAT_BITS)
    return [
        Part(
            "fp32_mac",
            law.grade,
            law.source,
            energy_pj=active * operation_fj * 1e-3,
            read_ns=math.ceil(macs / _lanes(tech)) * clock_ns,
        ),
        _memory("weight_memory", memory, fetched * memory.read_fj),
        _memory("input_buffer", inputs, moved * inputs.write_fj + read * inputs.read_fj),
    ]


def spiking(network: Network, node: str) -> bool:
    """Whether an edge carries spikes only: LIF outputs, and max pools of them."""
    if node == "input":
        return network.model.input.coding == "events" and network.model.input.bits == 1
    made = network.by_name[node]
    if isinstance(made, Pool) and made.kind == "max":
        return spiking(network, made.inputs[0])
    if made.op == "flatten":
        return spiking(network, made.inputs[0])
    return isinstance(made, Lif)


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
    multiplies, adds = _operations(node)
    if not multiplies + adds:
        return []
    name = "neuron_unit" if isinstance(node, Lif) else node.op
    operations = Part(
        name,
        law.grade,
        law.source,
        energy_pj=units * steps * (multiplies * law["multiply"] + adds * law["add"]) * 1e-3,
        step_ns=math.ceil(units * max(multiplies, adds) / _lanes(tech)) * clock_ns,
    )
    if not isinstance(node, Lif):
        return [operations]
    memory = Memory(tech, units * FLOAT_BITS)
    traffic = units * FLOAT_BITS * steps * (memory.read_fj + memory.write_fj)
    return [operations, _memory("membrane_memory", memory, traffic)]


def _operations(node: AnyNode) -> tuple[int, int]:
    """(multiplications, additions) per output and time-step."""
    if isinstance(node, Lif):  # leak; integrate, compare, reset by subtraction
        return int(node.leak.multiplier not in (0, 1)), 2 + (node.reset == "subtract")
    if isinstance(node, Affine):
        return 1, 1
    if isinstance(node, Pool):
        return 0, node.kernel[0] * node.kernel[1] - 1
    if isinstance(node, Add):
        return 0, len(node.inputs) - 1
    return (0, int(node.mode != "last")) if isinstance(node, Readout) else (0, 0)


def _merge(parts: Sequence[Part]) -> tuple[Part, ...]:
    names = dict.fromkeys(part.name for part in parts)
    return tuple(joined(name, [part for part in parts if part.name == name]) for name in names)


def _notes(tech: Technology, hardware: Hardware, activity: Activity) -> tuple[str, ...]:
    return (
        f"float network: costed as a digital FP32 MAC array of {_lanes(tech)} lanes at "
        f"{hardware.technology.node_nm} nm (Horowitz, ISSCC 2014); only technology.* of the chip counts",
        "float network: a spike costs additions, any other input a MAC whatever its value; time is dense; no NoC; "
        "utilization is 0: there are no crossbars",
        f"activity: {activity.origin}",
    )
