"""SpikeSim's released estimator: its constants, its equations, and each of its defects as a switch.

Equations (SpikeSim c2627bc, ela_spikesim.py), for X x X crossbars, k x k kernels, layer i::

    PEs_i   = ceil(Cin / X) * ceil(Cout / X)              tiles = ceil(sum PEs_i / 8)
    E_cycle = Htree + fetch + neuron + tile + X/8 * (k^2 * xbar + X/8 * (ADC + mux) + 16 * DIFF + temp)
    E_i     = PEs_i * positions_i * T * E_cycle
    A       = tiles * A_tile + 22 bits * (inputs of all layers + outputs of the first five)
    latency = (sum_{i<L} int(0.75 * positions_i * Cout_i) * T  +  positions_L * Cout_L * T) * PE cycle

The network is dense: neither activity nor weight bits reach the numbers. `docs/released_defects.md` says what each
switch of `cost.defects` corrects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import ConfigError
from ..hardware import AdcKind, Defects, DeviceKind, Hardware, load_hardware
from ..mapping import ceil_div
from ..mapping.plan import matrix_shape
from ..network import Conv, Linear, Network, Pool
from .released_constants import Corrected, constants
from .result import CostResult
from .tree import CostNode, branch, component

#: layers whose outputs the script charges as neuron memory (defect 6), entries of its overlap list (defect 5)
_NEURON_MEMORY_LAYERS, _OVERLAP_ENTRIES = 5, 12
#: subtractors of a DIFF module, and the crossbar and mux for which the constants were made
_SUBTRACTORS, _REFERENCE_X, _RELEASED_MUX = 16, 64, 8
#: fields of a chip that the released equations do not know
_IGNORED = (
    "technology.node_nm, device.ideal, device.cell_bits, device.r_on_ohm, device.on_off_ratio, device.read_volt, "
    "device.read_model, device.unit_cap_ff, device.cell_area_um2, crossbar.event_driven, adc.kind, adc.bits, "
    "mapping.*, pe.crossbars, tile.neuron_lanes, chip.max_tiles, dram.*, noc.*, weight bits, membrane bits, activity"
)


@dataclass(frozen=True)
class _Layer:
    """One layer as the script sees it."""

    name: str
    taps: int
    pes: int
    floor_pes: int
    positions: int
    outputs: int
    reads: int  # planes x time-steps that are billed
    input_bits_held: int  # of the input buffer
    values_stored: int  # outputs that need neuron memory


def released_cost(network: Network, hardware: Hardware) -> CostResult:
    """Cost of a network by SpikeSim's released equations, which count PEs and tiles in their own way.

    Raises:
        ConfigError: the chip has what the equations cannot express: crossbars that are not square, another mux
            than 8 (as released), a ramp or an adder tree, bits per layer, a pipeline.
    """
    _check(hardware)
    layers = list(_layers(network, hardware))
    tiles = _tiles(layers, hardware)
    costs = [
        branch(layer.name, [*_energies(layer, hardware), *_memories(layer, index), *_time(index, layers, hardware)])
        for index, layer in enumerate(layers)
    ]
    shared = branch("shared", list(_tile_areas(layers, tiles, hardware)))
    tree = branch(hardware.name, [*costs, shared])
    slowest = max(costs, key=lambda node: node.busy_ns)
    cells = sum(layer.pes * layer.taps for layer in layers) * hardware.crossbar.rows * hardware.crossbar.cols
    used = sum(_matrix_cells(network, layer.name) for layer in layers)
    return CostResult(
        tree=tree,
        interval_ns=tree.critical_ns,
        critical_stage=slowest.name,
        crossbars=sum(layer.pes * layer.taps for layer in layers),
        pes=sum(layer.pes for layer in layers),
        tiles=tiles,
        utilization=used / cells,
        macs={layer.name: layer.positions * _matrix_cells(network, layer.name) for layer in layers},
        notes=(*_notes(layers, hardware.cost.defects), f"this library does not read: {_IGNORED}"),
    )


def _check(hardware: Hardware) -> None:
    if hardware.crossbar.rows != hardware.crossbar.cols:
        raise ConfigError(
            f"crossbar.cols = {hardware.crossbar.cols}: the library spikesim_released knows square crossbars only "
            f"(crossbar.rows = {hardware.crossbar.rows})"
        )
    if hardware.cost.defects.adc_count_is_mux_phases and hardware.crossbar.mux != _RELEASED_MUX:
        raise ConfigError(
            f"crossbar.mux = {hardware.crossbar.mux}: the released script fixes {_RELEASED_MUX} columns per ADC; "
            f"set cost.defects.adc_count_is_mux_phases = false to choose another"
        )
    if hardware.adc.kind not in (AdcKind.SAR, AdcKind.FLASH):
        raise ConfigError(
            f"adc.kind = {hardware.adc.kind.value!r}: the library spikesim_released has one converter, "
            f"which stands for 'sar' or 'flash'"
        )
    if hardware.adc.layer_bits:
        raise ConfigError("adc.layer_bits: the library spikesim_released knows one converter for all layers")
    if hardware.schedule.pipeline != "none":
        raise ConfigError(
            f"schedule.pipeline = {hardware.schedule.pipeline!r}: the library spikesim_released knows 'none' only"
        )


def _layers(network: Network, hardware: Hardware) -> Iterator[_Layer]:
    defects, x, bits = hardware.cost.defects, hardware.crossbar.rows, constants().bits_per_value
    included = [node for node in network.layers if isinstance(node, Conv) or not defects.fc_layers_omitted]
    if not included:
        raise ConfigError("cost.defects.fc_layers_omitted = true: leaves no layer of this network")
    for index, node in enumerate(included):
        taps, channels, outputs, groups = matrix_shape(node)
        source = network.edges[node.inputs[0]]
        _, height, width = _billed_shape(network, node) if defects.post_pool_dims else network.edges[node.name].shape
        stored = index < _NEURON_MEMORY_LAYERS or not defects.neuron_memory_first_five
        yield _Layer(
            name=node.name,
            taps=taps,
            pes=groups * ceil_div(channels, x) * ceil_div(outputs // groups, x),
            floor_pes=groups * int(channels / x * (outputs // groups) / x),
            positions=height * width,
            outputs=outputs,
            reads=_reads(network, node.name, defects),
            input_bits_held=source.size * (bits if defects.input_buffer_22_bit else source.bits),
            values_stored=outputs * height * width if stored else 0,
        )


def _reads(network: Network, layer: str, defects: Defects) -> int:
    """Reads of a layer's crossbars per output pixel: T as released; the layer that sees the image takes a bit
    plane at a time once corrected (defect 11), at one time-step if its pre-activation is buffered."""
    if defects.first_layer_every_step or layer != network.first_layer:
        return network.time_steps
    return network.edges["input"].bits * (1 if network.runs_once(layer) else network.time_steps)


def _billed_shape(network: Network, node: Conv | Linear) -> tuple[int, int, int]:
    """The shape behind the pool that follows a layer, if one does before the next layer or a flatten."""
    shape, reached = network.edges[node.name].shape, {node.name}
    for other in network.nodes:
        if reached.isdisjoint(other.inputs) or isinstance(other, Conv | Linear):
            continue
        if isinstance(other, Pool):
            return network.edges[other.name].shape
        if other.op in ("flatten", "readout", "add"):
            return shape
        reached.add(other.name)
    return shape


def _matrix_cells(network: Network, layer: str) -> int:
    """Cells that hold a weight: one per weight, as SpikeSim maps 4-bit weights to 4-bit cells."""
    node = network.by_name[layer]
    assert isinstance(node, Conv | Linear)
    taps, channels, outputs, _ = matrix_shape(node)
    return taps * channels * outputs


def _tiles(layers: list[_Layer], hardware: Hardware) -> int:
    size = hardware.tile.pes
    if hardware.cost.defects.layers_share_tiles:
        return int(ceil_div(sum(layer.pes for layer in layers), size))
    return sum(int(ceil_div(layer.pes, size)) for layer in layers)


def _phases_and_adcs(hardware: Hardware) -> tuple[float, float]:
    """Mux phases of a PE cycle, and converters of a PE."""
    x = hardware.crossbar.rows
    if hardware.cost.defects.adc_count_is_mux_phases:
        return x / _RELEASED_MUX, x / _RELEASED_MUX
    return hardware.crossbar.mux, ceil_div(x, hardware.crossbar.mux)


def _crossbar_scale(hardware: Hardware) -> float:
    """A crossbar's energy and area over those of 64 x 64: 1 as released, whatever X."""
    released = hardware.cost.defects.adc_count_is_mux_phases
    return 1.0 if released else (hardware.crossbar.rows / _REFERENCE_X) ** 2


def _conversions_per_read(layer: _Layer, hardware: Hardware) -> int:
    """Turns that the crossbars of all kernel positions take at the converters (defect 9: one, for free)."""
    return 1 if hardware.cost.defects.taps_share_adcs_free else layer.taps


def _energies(layer: _Layer, hardware: Hardware) -> Iterator[CostNode]:
    """Energy per inference: PE cycles x what each component takes per cycle."""
    published, defects = constants(), hardware.cost.defects
    unit, source = published.energy_pj, published.source
    phases, adcs = _phases_and_adcs(hardware)
    turns = _conversions_per_read(layer, hardware)
    sram = hardware.device.kind is DeviceKind.SRAM
    crossbar_pj = unit.crossbar_sram if sram else unit.crossbar_rram
    crossbar_fix = published.corrected.crossbar_sram_pj if sram and not defects.sram_energy_is_area else None
    diff_fix = None if defects.diff_energy_unit else published.corrected.diff_pj
    cycles = layer.pes * layer.positions * layer.reads
    scaled = _crossbar_scale(hardware)
    read_pj = crossbar_fix.value if crossbar_fix else crossbar_pj
    rows: list[tuple[str, float, Corrected | None]] = [
        ("htree", unit.htree, None),
        ("mem_fetch", unit.mem_fetch, None),
        ("neuron", unit.neuron, None),
        ("crossbar", phases * layer.taps * read_pj * scaled, crossbar_fix),
        ("adc", phases * adcs * turns * unit.adc, None),
        ("mux", phases * adcs * turns * unit.mux, None),
        ("diff", phases * _SUBTRACTORS * (diff_fix.value if diff_fix else unit.diff), diff_fix),
        ("temp_buffer", phases * unit.temp_buffer, None),
        ("tile_buffer", unit.tile_buffer, None),
    ]
    for name, per_cycle_pj, fix in rows:
        yield component(
            name,
            energy_pj=cycles * per_cycle_pj,
            grade=fix.grade if fix else "sourced",
            source=fix.source if fix else source,
        )


def _memories(layer: _Layer, index: int) -> Iterator[CostNode]:
    published = constants()
    bit = published.area_um2.memory_bit
    stored_bits = layer.values_stored * published.bits_per_value
    for name, bits in (("input_buffer", layer.input_bits_held), ("neuron_memory", stored_bits)):
        yield component(name, area_um2=bits * bit, grade="sourced", source=published.source)


def _time(index: int, layers: list[_Layer], hardware: Hardware) -> Iterator[CostNode]:
    """The layer's PE cycles; all but the last layer hide a quarter of them behind the next."""
    published, layer = constants(), layers[index]
    cycle_ns = published.clocks_per_pe_cycle * 1000.0 / hardware.technology.clock_mhz
    turns = _conversions_per_read(layer, hardware)
    per_read = layer.positions * turns
    if hardware.cost.defects.latency_counts_channels:
        per_read *= layer.outputs
    last = index == len(layers) - 1
    critical = per_read if last else int(published.overlap * per_read)
    yield component(
        "pe_cycles",
        critical_ns=critical * layer.reads * cycle_ns,
        busy_ns=per_read * layer.reads * cycle_ns,
        grade="assumed" if turns > 1 else "sourced",  # that the whole cycle repeats is our reading
        source=published.source,
    )


def _tile_areas(layers: list[_Layer], tiles: int, hardware: Hardware) -> Iterator[CostNode]:
    published = constants()
    unit = published.area_um2
    _, adcs = _phases_and_adcs(hardware)
    slots = tiles * hardware.tile.pes
    crossbar = unit.crossbar_sram if hardware.device.kind is DeviceKind.SRAM else unit.crossbar_rram
    arrays = slots * max(layer.taps for layer in layers)
    if not hardware.cost.defects.taps_share_adcs_free:  # each layer's own kernel; empty PEs hold the largest
        arrays -= sum(layer.pes * (max(other.taps for other in layers) - layer.taps) for layer in layers)
    areas = {
        "htree": tiles * unit.htree,
        "crossbar": arrays * crossbar * _crossbar_scale(hardware),
        "adc": slots * adcs * unit.adc,
        "mux": slots * adcs * unit.mux,
        "diff": tiles * adcs * unit.diff,
        "temp_buffer": tiles * unit.temp_buffer,
        "tile_buffer": tiles * unit.tile_buffer,
    }
    for name, area_um2 in areas.items():
        yield component(name, area_um2=area_um2, grade="sourced", source=published.source)


def _notes(layers: list[_Layer], defects: Defects) -> Iterator[str]:
    """Where the released script hangs or stops, and what its latency loop miscounts without effect."""
    pes, floors = [layer.pes for layer in layers], [layer.floor_pes for layer in layers]
    if defects.latency_loop_hangs and not any(floors):
        yield "the released script hangs here: its latency loop waits for a PE count that stays 0 (defect 2)"
    if defects.latency_floor_pes and floors != pes:
        yield (
            f"the released latency loop counts {sum(floors)} of {sum(pes)} PEs, without effect on its result (defect 3)"
        )
    if defects.ordered_pes_required and pes != sorted(pes):
        yield "the released script stops here with a TypeError: PE counts decrease from layer to layer (defect 4)"
    if defects.overlap_for_twelve_layers and len(layers) > _OVERLAP_ENTRIES:
        yield f"the released script stops here with an IndexError: more than {_OVERLAP_ENTRIES} layers (defect 5)"


@dataclass(frozen=True)
class DefectRow:
    """What correcting one defect does; changes are relative to the chip as given."""

    name: str
    energy_pj: float
    latency_ns: float
    area_um2: float
    energy_change: float
    latency_change: float
    area_change: float


def defect_table(network: Network, hardware: Hardware) -> list[DefectRow]:
    """The chip as given, each of its defects corrected by itself, and all of them together."""
    names = [name for name in Defects.model_fields if getattr(hardware.cost.defects, name)]
    variants: dict[str, list[str]] = {"as given": [], **{name: [name] for name in names}, "all corrected": names}
    base: CostNode | None = None
    rows = []
    for title, corrected in variants.items():
        chip = load_hardware(hardware, {f"cost.defects.{name}": False for name in corrected})
        tree = released_cost(network, chip).tree
        base = base or tree
        rows.append(
            DefectRow(
                name=title,
                energy_pj=tree.energy_pj,
                latency_ns=tree.critical_ns,
                area_um2=tree.area_um2,
                energy_change=tree.energy_pj / base.energy_pj - 1,
                latency_change=tree.critical_ns / base.critical_ns - 1,
                area_change=tree.area_um2 / base.area_um2 - 1,
            )
        )
    return rows
