"""The parametric library: circuits of a node, counted by the plan, driven by the activity.

Energy per inference = actions x energy per action, and leakage x the interval between inferences of every
component (without overlap that is the latency). The tree is chip ->
layer (and `shared`) -> component; its critical times sum to the latency.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, replace

from .._arrays import Real, is_array
from ..activity import Activity, LayerActivity
from ..hardware import AdcKind, DeviceKind, Hardware, TapSum
from ..mapping import LayerPlan, Mapping, code_bits, lossless_bits
from ..network import Conv, Linear
from ..noc import Flow, LayerTiming, flows, idle_share, is_refined, owners, refined
from ..noc.queueing import TRUSTED, TRUSTED_WORM
from .components.adc import FITTED_BITS
from .components.base import weakest
from .crossbar_parts import crossbar_parts, pass_ns, read_of
from .digital import integer_parts
from .mitigation_parts import correction_parts, mitigation_notes, repair_parts
from .neuron_parts import exit_part, neuron_parts, once_parts
from .noc_parts import Window, pitch_mm, shared_parts, traffic_part
from .parts import Counts, Layer, Part, Staged, exposed, merged
from .reload import Reload, memory_notes, memory_parts, reload_of
from .result import CostResult
from .schedule import Timing, check_exit, check_loops, critical_stage, schedule
from .technology import Technology, load_technology
from .tile_parts import accumulator, background_count, h_tree, input_buffer, sign_count
from .tree import CostNode, branch

#: crossbar lines and columns per ADC at which the reference circuits were run
FITTED_LINES, FITTED_MUX = (32, 256), (4, 32)
#: resistances of a cell at its highest level at which they were run
FITTED_OHM = (6e3, 1e6)
#: layer to its parts but for the NoC, and the time of one pass over its positions
Cores = MappingType[str, tuple[list[Part], Real]]
#: how a note on the mesh's load begins
LOADED = "NoC load: "


@dataclass(frozen=True)
class RollUp:
    """The parts of every layer and of the chip, and their timing: of one design, or of many in arrays.

    `sent` is what crosses the mesh, `windows` the time in which each layer makes it.
    """

    layers: tuple[Staged, ...]
    shared: tuple[Part, ...]
    timing: Timing
    reload: Reload | None
    sent: tuple[Flow, ...]
    windows: MappingType[str, Window]

    def branches(self) -> Iterator[tuple[str, list[CostNode]]]:
        """The components of every layer, and of what all layers share."""
        interval = self.timing.interval_ns
        for layer, counts in zip(self.layers, self.timing.counts, strict=True):
            yield layer.name, [part.node(interval, counts, layer.full) for part in layer.parts]
        yield "shared", [part.node(interval, Counts(0, 0), Counts(0, 0)) for part in self.shared]


def roll_up(mapping: Mapping, activity: Activity, tech: Technology) -> RollUp:
    """The one definition of what a design costs; the tree and `cost_batch` are two ways to look at it."""
    check_loops(mapping)
    if activity.exit:
        check_exit(mapping)
    cores = cores_of(mapping, tech, activity)
    pitch = mean_pitch_mm(mapping, cores)
    reload = reload_of(mapping, tech, {name: _area_um2(parts) for name, (parts, _) in cores.items()})
    if reload:
        cores = {name: (_in_turn(parts, reload.area_share), ns) for name, (parts, ns) in cores.items()}
    windows = {name: _window(mapping, name, *core) for name, core in cores.items()}
    sent = flows(mapping, activity)
    if is_refined(mapping.hardware):
        sent = refined(mapping, activity, sent, layer_timings(mapping, cores))
    staged = tuple(
        _stage(mapping, tech, plan, cores[name][0], windows[name], [flow for flow in sent if flow.layer == name], pitch)
        for name, plan in mapping.layers.items()
    )
    timing = schedule(staged, mapping.hardware.schedule.pipeline, reload.time_ns if reload else 0.0)
    shared = (*shared_parts(tech, mapping), *memory_parts(mapping, reload))
    return RollUp(staged, shared, timing, reload, sent, windows)


def cores_of(mapping: Mapping, tech: Technology, activity: Activity) -> Cores:
    """Every layer without its transfers."""
    return {name: _core(mapping, tech, plan, activity) for name, plan in mapping.layers.items()}


def mean_pitch_mm(mapping: Mapping, cores: Cores) -> Real:
    """Distance of neighbouring tiles."""
    total = sum(_area_um2(parts) for parts, _ in cores.values())
    return pitch_mm(total / sum(plan.tiles for plan in mapping.layers.values()))


def _area_um2(parts: Sequence[Part]) -> Real:
    return sum(part.area_um2 for part in parts)


def _window(mapping: Mapping, layer: str, parts: Sequence[Part], pass_ns: Real) -> Window:
    """Values come while the crossbars are read; where sums are buffered, while the neurons take them."""
    once = mapping.network.runs_once(layer)
    return Window(pass_ns, sum(part.step_ns for part in parts) if once else pass_ns, once)


def layer_timings(mapping: Mapping, cores: Cores) -> dict[str, LayerTiming]:
    """When every layer of one design makes its values, as if nothing crossed the mesh."""
    found = {}
    for name, (parts, reads_ns) in cores.items():
        plan = mapping.layers[name]
        read_ns = reads_ns / plan.turns
        phases = max(plan.input_bits * plan.serial_conversions, 1)
        step_ns = reads_ns + sum(part.step_ns for part in parts)
        found[name] = LayerTiming(read_ns, read_ns / phases, step_ns)
    return found


def _in_turn(parts: Sequence[Part], share: Real) -> list[Part]:
    """Parts of a layer that has the chip in turn with others: its share of the area and the leakage."""
    return [replace(p, area_um2=p.area_um2 * share, leakage_pw=p.leakage_pw * share) for p in parts]


def parametric_cost(mapping: Mapping, activity: Activity) -> CostResult:
    """Energy, latency and area of a mapped network.

    Args:
        mapping: the plan of every layer. activity: a record per layer; what it does not hold (idle reads, mean
            level, output rate) is derived or assumed, and the notes say so.

    Raises:
        ConfigError: the node's technology file is broken.
    """
    tech = load_technology(mapping.hardware.technology.node_nm)
    rolled = roll_up(mapping, activity, tech)
    timing = rolled.timing
    tree = branch("chip", [branch(name, nodes) for name, nodes in rolled.branches()])
    return CostResult(
        tree=tree,
        interval_ns=timing.interval_ns,
        critical_stage=critical_stage(rolled.layers),
        crossbars=mapping.crossbars,
        pes=mapping.pes,
        tiles=mapping.tiles,
        utilization=mapping.utilization,
        macs=mapping.network.macs,
        notes=(
            *_notes(mapping, activity),
            *_noc_notes(mapping, rolled),
            *memory_notes(mapping, rolled.reload),
            *mitigation_notes(mapping.hardware, tree.energy_pj),
        ),
    )


def _core(mapping: Mapping, tech: Technology, plan: LayerPlan, activity: Activity) -> tuple[list[Part], Real]:
    """A layer's parts but for the NoC, and the time of one pass over its positions."""
    record = activity.layers[plan.name]
    layer = _layer(mapping, tech, plan, record)
    layer_of = owners(mapping.network)
    follows = [node for node in mapping.network.nodes if layer_of[node.name] == plan.name]
    parts, reads_ns = (_digital_parts if plan.digital else _read_parts)(mapping, tech, layer)
    parts = exposed([*parts, *once_parts(layer, follows)], reads_ns, plan.steps)
    passed_ns, after = sum(part.read_ns for part in parts), neuron_parts(layer, follows)
    if activity.exit and plan.name == layer_of[mapping.network.nodes[-1].name]:
        after.append(exit_part(layer, activity.exit))
    step_ns = sum(part.step_ns for part in after)
    if not mapping.network.runs_once(plan.name):
        step_ns = step_ns + passed_ns
    return merged([*parts, *exposed(after, step_ns, layer.steps, "step_ns")]), passed_ns


def _digital_parts(mapping: Mapping, tech: Technology, layer: Layer) -> tuple[list[Part], Real]:
    """Multiply-accumulators of a layer, and the time of their pass."""
    node = mapping.network.by_name[layer.name]
    assert isinstance(node, Conv | Linear)
    parts = integer_parts(mapping.network, mapping.hardware, tech, node, layer.activity.rate)
    return parts, sum(part.read_ns for part in parts)


def _read_parts(mapping: Mapping, tech: Technology, layer: Layer) -> tuple[list[Part], Real]:
    """Crossbars and what a tile adds to them, and the time of their reads alone.

    Graded lower where their circuits were never run at these sizes.
    """
    read = read_of(layer)
    parts = crossbar_parts(layer, read)
    parts += accumulator(layer, read) + sign_count(layer, read) + background_count(layer, read)
    parts += repair_parts(layer)
    parts.append(h_tree(layer, sum(part.area_um2 for part in parts)))
    parts.append(input_buffer(layer, read))
    parts += correction_parts(layer)
    outside = _extrapolated(mapping.hardware, layer.plan)
    graded = [replace(p, grade=weakest(p.grade, "assumed")) if p.name in outside else p for p in parts]
    return graded, pass_ns(layer, read)


def _extrapolated(hardware: Hardware, plan: LayerPlan) -> set[str]:
    """Components whose circuits were never run at this chip's sizes: their numbers are assumed.

    Of many designs at once, no grades are asked for.
    """
    crossbar, names = hardware.crossbar, set[str]()
    if is_array(crossbar.rows, crossbar.cols, crossbar.mux, hardware.device.r_on_ohm, code_bits(plan, hardware)):
        return names
    if not all(FITTED_LINES[0] <= lines <= FITTED_LINES[1] for lines in (crossbar.rows, crossbar.cols)):
        names |= {"crossbar", "dummy_column", "row_driver", "column_driver", "column_mux", "level_shifter"}
    if not FITTED_BITS[0] <= code_bits(plan, hardware) <= FITTED_BITS[1]:
        names |= {"adc", "shift_add", "input_shift_add"}
    if not FITTED_MUX[0] <= crossbar.mux <= FITTED_MUX[1]:
        names |= {"column_mux", "row_driver"}
    if _resistance_is_far(hardware):
        names |= {"crossbar", "row_driver", "column_mux"}
    return names


def _resistance_is_far(hardware: Hardware) -> bool:
    """Whether resistive cells conduct better or worse than any that the circuits were run with."""
    far = not FITTED_OHM[0] <= hardware.device.r_on_ohm <= FITTED_OHM[1]
    return far and hardware.device.kind is not DeviceKind.SRAM


def _layer(mapping: Mapping, tech: Technology, plan: LayerPlan, record: LayerActivity) -> Layer:
    awake = conversions = 1.0
    if mapping.hardware.crossbar.event_driven:
        idle = idle_share(plan, mapping.hardware, record)
        merged = plan.taps if mapping.hardware.mapping.tap_sum is TapSum.ANALOG_SUM else 1
        awake, conversions = 1.0 - idle, 1.0 - idle**merged
    return Layer(plan, mapping.network, mapping.hardware, tech, record, awake, conversions)


def _stage(
    mapping: Mapping,
    tech: Technology,
    plan: LayerPlan,
    parts: Sequence[Part],
    window: Window,
    sent: Sequence[Flow],
    pitch: Real,
) -> Staged:
    steps = mapping.network.time_steps
    if sent:
        parts = [*parts, traffic_part(tech, mapping.hardware, sent, pitch, window, steps)]
    return Staged(plan.name, tuple(parts), Counts(plan.steps, steps), mapping.network.runs_once(plan.name))


def _notes(mapping: Mapping, activity: Activity) -> list[str]:
    """What a reader must know: where numbers are extrapolated, derived or assumed."""
    hardware = mapping.hardware
    records = [activity.layers[name] for name, plan in mapping.layers.items() if not plan.digital]
    node, crossbar = hardware.technology.node_nm, hardware.crossbar
    samples = f", {activity.samples} samples" if activity.samples else ""
    notes = [f"activity: {activity.origin}{samples}"]
    notes += _plugin_notes(hardware) + _adc_notes(mapping)
    if hardware.device.idle:
        notes.append(f"set, but without effect beside the chip's other settings: {', '.join(hardware.device.idle)}")
    digital = [name for name, plan in mapping.layers.items() if plan.digital]
    if digital:
        notes.append(f"on integer multiply-accumulators, not on crossbars: {', '.join(digital)}")
    for name, lines in (("rows", crossbar.rows), ("cols", crossbar.cols)):
        if not FITTED_LINES[0] <= lines <= FITTED_LINES[1]:
            notes.append(f"crossbar.{name} = {lines}: extrapolated from arrays of 32 to 256 lines")
    if not FITTED_MUX[0] <= crossbar.mux <= FITTED_MUX[1]:
        notes.append(f"crossbar.mux = {crossbar.mux}: extrapolated from 4 to 32 columns per ADC")
    if _resistance_is_far(hardware):
        notes.append(
            f"device.r_on_ohm = {hardware.device.r_on_ohm:g}: extrapolated from cells of 6 kOhm to 1 MOhm at their "
            f"highest level"
        )
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
    if hardware.adc.zero_skip:
        notes.append("adc.zero_skip: share of columns that carry nothing as if inputs were independent, levels equal")
    if hardware.crossbar.event_driven:
        notes.append("event-driven: skipped reads save energy, not time (reads keep their slots)")
    return notes


def _noc_notes(mapping: Mapping, rolled: RollUp) -> list[str]:
    """How the mesh's numbers were found, and where its own load says that they are off."""
    noc, clock_ns = mapping.hardware.noc, 1e3 / mapping.hardware.technology.clock_mhz
    leaks = "as stated" if noc.router_leakage_mw is not None else "of low-power cells, not DSENT's low-threshold figure"
    how = "closed form" if noc.fidelity == "analytic" else f"of exact packets, simulated ({noc.fidelity})"
    notes = [f"NoC: energy of traffic spread evenly over a layer's tiles; latency {how}; leakage {leaks}"]
    if noc.fidelity != "analytic":
        return notes
    trusted = TRUSTED if noc.packet_flits < noc.buffer_flits else TRUSTED_WORM
    for layer, window in rolled.windows.items():
        streams = [flow for flow in rolled.sent if flow.layer == layer and flow.passes]
        sums = [flow for flow in streams if flow.kind == "partial_sums"]
        values = [flow for flow in streams if flow.kind != "partial_sums"]
        for group in filter(None, (sums, values) if window.apart else (streams,)):
            busy_ns = sum(flow.steps * flow.serial_cycles for flow in group) * clock_ns
            made_ns = group[0].steps * group[0].passes * window.of(group[0])
            if busy_ns > trusted * made_ns:
                notes.append(
                    f"{LOADED}what {layer} sends keeps a port or link busy for {busy_ns / made_ns:.0%} of the time in "
                    f"which it is made: above {trusted:.0%} waits are uncertain; noc.fidelity = 'cycle' simulates them"
                )
    return notes


def _plugin_notes(hardware: Hardware) -> list[str]:
    """Whose the device and the converter are, where they are not built in, and how far they can be trusted."""
    notes = []
    for name, kind in (("device", hardware.device.kind), ("adc", hardware.adc.kind)):
        if (plugin := kind.plugin) is not None:
            model = kind.model
            whose = f"{plugin.distribution} {plugin.version}"
            notes.append(f"{name}.kind = {kind.value}: {model.about}; of {whose}, {model.grade}: {model.source}")
    return notes


def _adc_notes(mapping: Mapping) -> list[str]:
    """Where converters are extrapolated, and where they have more bits than their columns can use."""
    hardware, adc = mapping.hardware, mapping.hardware.adc
    plans = [plan for plan in mapping.layers.values() if not plan.digital]
    widths = {code_bits(plan, hardware): _bits_field(hardware, plan) for plan in plans}
    fitted = adc.model is None  # a plugin's circuit is its own
    outside = [bits for bits in sorted(widths) if fitted and not FITTED_BITS[0] <= bits <= FITTED_BITS[1]]
    notes = [f"{widths[bits]} = {bits}: extrapolated from converters of 3 to 8 bits" for bits in outside]
    if adc.kind is AdcKind.RAMP:
        notes.append("ramp ADC: of the flash converter's comparator, adders and flip-flops; without the ramp generator")
    if hardware.digital_crossbar:
        return [*notes, "adder trees: of adders and product gates, all taken to switch in every read"]
    needed = {plan.name: lossless_bits(plan, hardware) for plan in plans} if adc.uniform else {}
    spare = [f"{name} ({bits})" for name, bits in needed.items() if adc.bits_of(name) > bits]
    if spare:
        notes.append(f"ADC with more bits than its columns can use; lossless at: {', '.join(spare)}")
    return notes


def _bits_field(hardware: Hardware, plan: LayerPlan) -> str:
    if hardware.digital_crossbar:
        return "codes of the adder tree"
    return f"adc.layer_bits.{plan.name}" if plan.name in hardware.adc.layer_bits else "adc.bits"
