"""The parametric library: circuits of a node, counted by the plan, driven by the activity.

Energy per inference = actions x energy per action, and leakage x the interval between inferences of every
component (without overlap that is the latency). The tree is chip ->
layer (and `shared`) -> component; its critical times sum to the latency.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from ..activity import Activity, LayerActivity
from ..hardware import AdcKind, DeviceKind, Hardware, RowMapping, TapSum
from ..mapping import LayerPlan, Mapping, code_bits, largest_sum
from ..network import Conv, Linear
from ..noc import ZeroLoad, owners, traffic, zero_load
from .components.adc import FITTED_BITS
from .components.base import weakest
from .crossbar_parts import crossbar_parts, read_of
from .digital import integer_parts
from .mitigation_parts import correction_parts, mitigation_notes, repair_parts
from .neuron_parts import neuron_parts
from .noc_parts import pitch_mm, shared_parts, traffic_part
from .parts import Counts, Layer, Part, Staged, joined
from .reload import memory_notes, memory_parts, reload_of
from .result import CostResult
from .schedule import schedule
from .technology import Technology, load_technology
from .tile_parts import accumulator, background_count, h_tree, input_buffer, sign_count
from .tree import branch

#: crossbar lines and columns per ADC at which the reference circuits were run
FITTED_LINES, FITTED_MUX = (32, 256), (4, 32)


def parametric_cost(mapping: Mapping, activity: Activity) -> CostResult:
    """Energy, latency and area of a mapped network.

    Args:
        mapping: the plan of every layer. activity: a record per layer; what it does not hold (idle reads, mean
            level, output rate) is derived or assumed, and the notes say so.

    Raises:
        ConfigError: the node's technology file is broken.
    """
    hardware = mapping.hardware
    tech = load_technology(hardware.technology.node_nm)
    flows = traffic(mapping, activity)
    cores = {name: _core(mapping, tech, plan, activity) for name, plan in mapping.layers.items()}
    pitch = pitch_mm(math.fsum(p.area_um2 for parts, _ in cores.values() for p in parts) / mapping.tiles)
    loads = zero_load(flows, hardware.noc.pipeline)
    areas = {name: math.fsum(part.area_um2 for part in parts) for name, (parts, _) in cores.items()}
    reload = reload_of(mapping, tech, areas)
    if reload:  # layers share the chip
        cores = {name: (_share(parts, reload.area_share), ns) for name, (parts, ns) in cores.items()}
    memory = memory_parts(mapping, reload)
    staged = [
        _stage(mapping, tech, plan, *cores[name], [x for x in loads if x.transfer.layer == name], pitch)
        for name, plan in mapping.layers.items()
    ]
    timing = schedule(staged, hardware.schedule.pipeline)
    if reload:
        waits = timing.latency_ns + reload.time_ns, timing.interval_ns + reload.time_ns
        timing = replace(timing, latency_ns=waits[0], interval_ns=waits[1])
    nodes = [
        branch(layer.name, [part.node(timing.interval_ns, count, layer.full) for part in layer.parts])
        for layer, count in zip(staged, timing.counts, strict=True)
    ]
    shared = [
        part.node(timing.interval_ns, Counts(0, 0), Counts(0, 0)) for part in [*shared_parts(tech, mapping), *memory]
    ]
    tree = branch("chip", [*nodes, branch("shared", shared)])
    return CostResult(
        tree=tree,
        interval_ns=timing.interval_ns,
        critical_stage=timing.critical_stage,
        crossbars=mapping.crossbars,
        pes=mapping.pes,
        tiles=len(mapping.mesh.places),
        utilization=mapping.utilization,
        macs=mapping.network.macs,
        notes=(
            *_notes(mapping, activity),
            *memory_notes(mapping, reload),
            *mitigation_notes(mapping.hardware, tree.energy_pj),
        ),
    )


def _share(parts: Sequence[Part], share: float) -> list[Part]:
    """Parts of a layer that has the chip in turn with others: its share of the area and the leakage."""
    return [replace(p, area_um2=p.area_um2 * share, leakage_pw=p.leakage_pw * share) for p in parts]


def _core(mapping: Mapping, tech: Technology, plan: LayerPlan, activity: Activity) -> tuple[list[Part], float]:
    """A layer's parts but for the NoC, and the time of one pass over its positions."""
    record = activity.layers[plan.name]
    layer = _layer(mapping, tech, plan, record)
    layer_of = owners(mapping.network)
    follows = [node for node in mapping.network.nodes if layer_of[node.name] == plan.name]
    if not plan.crossbars:
        node = mapping.network.by_name[plan.name]
        assert isinstance(node, Conv | Linear)
        parts = integer_parts(mapping.network, mapping.hardware, tech, node, record.rate)
        return _merge([*parts, *neuron_parts(layer, follows)]), sum(part.read_ns for part in parts)
    read = read_of(layer)
    parts = crossbar_parts(layer, read)
    parts += accumulator(layer, read) + sign_count(layer, read) + background_count(layer, read)
    parts += repair_parts(layer)
    parts.append(h_tree(layer, sum(part.area_um2 for part in parts)))
    parts.append(input_buffer(layer, read))
    parts += correction_parts(layer)
    pass_ns = sum(part.read_ns for part in parts)
    outside = _extrapolated(mapping.hardware, plan)
    graded = [replace(p, grade=weakest(p.grade, "assumed")) if p.name in outside else p for p in parts]
    return _merge([*graded, *neuron_parts(layer, follows)]), pass_ns


def _extrapolated(hardware: Hardware, plan: LayerPlan) -> set[str]:
    """Components whose circuits were never run at this chip's sizes: their numbers are assumed."""
    crossbar, names = hardware.crossbar, set[str]()
    if not all(FITTED_LINES[0] <= lines <= FITTED_LINES[1] for lines in (crossbar.rows, crossbar.cols)):
        names |= {"crossbar", "dummy_column", "row_driver", "column_driver", "column_mux", "level_shifter"}
    if not FITTED_BITS[0] <= code_bits(plan, hardware) <= FITTED_BITS[1]:
        names |= {"adc", "shift_add", "input_shift_add"}
    if not FITTED_MUX[0] <= crossbar.mux <= FITTED_MUX[1]:
        names |= {"column_mux", "row_driver"}
    return names


def _layer(mapping: Mapping, tech: Technology, plan: LayerPlan, record: LayerActivity) -> Layer:
    awake = conversions = 1.0
    if mapping.hardware.crossbar.event_driven:
        idle = idle_share(plan, mapping.hardware, record)
        merged = plan.taps if mapping.hardware.mapping.tap_sum is TapSum.ANALOG_SUM else 1
        awake, conversions = 1.0 - idle, 1.0 - idle**merged
    return Layer(plan, mapping.network, mapping.hardware, tech, record, awake, conversions)


def idle_share(plan: LayerPlan, hardware: Hardware, record: LayerActivity) -> float:
    """Share of (row block, read) pairs without an active row: measured, else (1 - rate)^rows."""
    if record.idle_reads is not None:
        return record.idle_reads
    size = hardware.input_rows
    total = plan.channels if hardware.mapping.rows is RowMapping.SPIKEFLOW else plan.rows
    blocks = -(-total // size)
    quiet: float = (1 - record.rate) ** min(size, total)
    rest: float = (1 - record.rate) ** (total - size * (blocks - 1))
    return ((blocks - 1) * quiet + rest) / blocks


def _stage(
    mapping: Mapping,
    tech: Technology,
    plan: LayerPlan,
    parts: Sequence[Part],
    pass_ns: float,
    loads: Sequence[ZeroLoad],
    pitch: float,
) -> Staged:
    if loads:
        parts = [*parts, traffic_part(tech, mapping.hardware, loads, pitch, pass_ns)]
    once = mapping.network.runs_once(plan.name)
    return Staged(plan.name, tuple(parts), Counts(plan.steps, mapping.network.time_steps), once)


def _merge(parts: Sequence[Part]) -> list[Part]:
    """One part per name (a layer may be followed by two LIFs)."""
    groups: dict[str, list[Part]] = {}
    for part in parts:
        groups.setdefault(part.name, []).append(part)
    return [group[0] if len(group) == 1 else joined(name, group) for name, group in groups.items()]


def _notes(mapping: Mapping, activity: Activity) -> list[str]:
    """What a reader must know: where numbers are extrapolated, derived or assumed."""
    hardware = mapping.hardware
    records = [activity.layers[name] for name, plan in mapping.layers.items() if plan.crossbars]
    node, crossbar = hardware.technology.node_nm, hardware.crossbar
    samples = f", {activity.samples} samples" if activity.samples else ""
    notes = [f"activity: {activity.origin}{samples}"]
    notes += _adc_notes(mapping)
    if hardware.device.idle:
        notes.append(f"set, but without effect beside the chip's other settings: {', '.join(hardware.device.idle)}")
    digital = [name for name, plan in mapping.layers.items() if not plan.crossbars]
    if digital:
        notes.append(f"on integer multiply-accumulators, not on crossbars: {', '.join(digital)}")
    for name, lines in (("rows", crossbar.rows), ("cols", crossbar.cols)):
        if not FITTED_LINES[0] <= lines <= FITTED_LINES[1]:
            notes.append(f"crossbar.{name} = {lines}: extrapolated from arrays of 32 to 256 lines")
    if not FITTED_MUX[0] <= crossbar.mux <= FITTED_MUX[1]:
        notes.append(f"crossbar.mux = {crossbar.mux}: extrapolated from 4 to 32 columns per ADC")
    if crossbar.cols != crossbar.rows:
        notes.append("crossbar: fitted to square arrays; row and column laws are applied apart")
    notes += load_technology(node).notes
    if node in (65, 45) and hardware.adc.kind in (AdcKind.FLASH, AdcKind.RAMP):
        notes.append(f"{hardware.adc.kind.value} ADC at {node} nm: scaled from 32 nm")
    if hardware.device.kind not in (DeviceKind.RRAM, DeviceKind.SRAM):
        notes.append(f"{hardware.device.kind.value} cells: circuits of RRAM cells at this device.r_on_ohm")
    if node != 32 and hardware.device.kind is DeviceKind.SRAM:
        notes.append(f"SRAM cells at {node} nm: scaled from 32 nm")
    if any(record.background is None for record in records):
        notes.append("cells on active rows: mean level assumed at the middle")
    if hardware.crossbar.event_driven and any(record.idle_reads is None for record in records):
        notes.append("idle reads: (1 - rate)^rows, as if inputs were independent")
    if hardware.crossbar.event_driven:
        notes.append("event-driven: skipped reads save energy, not time (reads keep their slots)")
    notes.append("NoC: no contention; leakage of low-power cells, not DSENT's low-threshold figure")
    return notes


def _adc_notes(mapping: Mapping) -> list[str]:
    """Where converters are extrapolated, and where they have more bits than their columns can use."""
    hardware, adc = mapping.hardware, mapping.hardware.adc
    plans = [plan for plan in mapping.layers.values() if plan.crossbars]
    widths = {code_bits(plan, hardware): _bits_field(hardware, plan) for plan in plans}
    outside = [bits for bits in sorted(widths) if not FITTED_BITS[0] <= bits <= FITTED_BITS[1]]
    notes = [f"{widths[bits]} = {bits}: extrapolated from converters of 3 to 8 bits" for bits in outside]
    if adc.kind is AdcKind.RAMP:
        notes.append("ramp ADC: of the flash converter's comparator, adders and flip-flops; without the ramp generator")
    if hardware.digital_crossbar:
        return [*notes, "adder trees: of adders and product gates, all taken to switch in every read"]
    needed = {plan.name: _lossless_bits(plan, hardware) for plan in plans}
    spare = [f"{name} ({bits})" for name, bits in needed.items() if adc.bits_of(name) > bits]
    if spare:
        notes.append(f"ADC with more bits than its columns can use; lossless at: {', '.join(spare)}")
    return notes


def _bits_field(hardware: Hardware, plan: LayerPlan) -> str:
    if hardware.digital_crossbar:
        return "codes of the adder tree"
    return f"adc.layer_bits.{plan.name}" if plan.name in hardware.adc.layer_bits else "adc.bits"


def _lossless_bits(plan: LayerPlan, hardware: Hardware) -> int:
    """Fewest bits that give every sum of ideal cells a code."""
    return largest_sum(plan, hardware).bit_length() + hardware.signed_sums
