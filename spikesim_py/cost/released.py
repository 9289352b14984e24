"""SpikeSim's released estimator for a network on a chip, and what correcting each of its defects does.

The equations are in `released_equations.py`, their constants in `released_constants.py`. The network is dense: neither
activity nor weight bits reach the numbers. `docs/released_defects.md` says what each switch of `cost.defects` corrects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .._arrays import ceil_div
from ..errors import ConfigError
from ..hardware import AdcKind, Defects, DeviceKind, Hardware, load_hardware
from ..mapping.plan import matrix_shape
from ..network import Conv, Delay, Li, Lif, Linear, Network, Pool
from .released_constants import constants
from .released_equations import NEURON_MEMORY_LAYERS, RELEASED_MUX, Chip, Layer, cost_layers
from .result import CostResult
from .tree import CostNode

#: fields of a chip that the released equations do not know
_IGNORED = (
    "technology.node_nm, device.ideal, device.cell_bits, device.r_on_ohm, device.on_off_ratio, device.read_volt, "
    "device.read_model, device.unit_cap_ff, device.cell_area_um2, crossbar.event_driven, crossbar.row_gating, "
    "adc.kind, adc.bits, adc.zero_skip, mapping.*, pe.crossbars, tile.neuron_lanes, chip.max_tiles, dram.*, noc.*, "
    "schedule.order, weight bits, membrane bits, activity"
)


def released_cost(network: Network, hardware: Hardware) -> CostResult:
    """Cost of a network by SpikeSim's released equations, which count PEs and tiles in their own way.

    Raises:
        ConfigError: the chip has what the equations cannot express: crossbars that are not square, another mux
            than 8 (as released), a ramp or an adder tree, bits per layer, a pipeline; the network has delays or units
            beyond the plain ones.
    """
    _check(hardware)
    _check_network(network)
    chip = Chip(
        name=hardware.name,
        crossbar=hardware.crossbar.rows,
        mux=hardware.crossbar.mux,
        sram=hardware.device.kind is DeviceKind.SRAM,
        pes_per_tile=hardware.tile.pes,
        clock_mhz=hardware.technology.clock_mhz,
        defects=hardware.cost.defects,
    )
    return cost_layers(list(_layers(network, chip)), chip, [f"this library does not read: {_IGNORED}"])


def _check(hardware: Hardware) -> None:
    if hardware.crossbar.rows != hardware.crossbar.cols:
        raise ConfigError(
            f"crossbar.cols = {hardware.crossbar.cols}: the library spikesim_released knows square crossbars only "
            f"(crossbar.rows = {hardware.crossbar.rows})"
        )
    if hardware.cost.defects.adc_count_is_mux_phases and hardware.crossbar.mux != RELEASED_MUX:
        raise ConfigError(
            f"crossbar.mux = {hardware.crossbar.mux}: the released script fixes {RELEASED_MUX} columns per ADC; "
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


def _check_network(network: Network) -> None:
    """The equations know layers and plain LIF units; membranes beyond these would cost nothing."""
    for node in network.nodes:
        if isinstance(node, Delay | Li) or (isinstance(node, Lif) and not node.plain):
            what = "units beyond leak, threshold and reset" if isinstance(node, Lif) else f"op = {node.op!r}"
            raise ConfigError(
                f"network {network.name!r}: node {node.name!r}: {what}: the library spikesim_released does not know "
                f"them; use cost.library = 'parametric'"
            )


def _layers(network: Network, chip: Chip) -> Iterator[Layer]:
    defects, x, bits = chip.defects, chip.crossbar, constants().bits_per_value
    included = [node for node in network.layers if isinstance(node, Conv) or not defects.fc_layers_omitted]
    if not included:
        raise ConfigError("cost.defects.fc_layers_omitted = true: leaves no layer of this network")
    for index, node in enumerate(included):
        taps, channels, outputs, groups = matrix_shape(node)
        source = network.edges[node.inputs[0]]
        _, height, width = _billed_shape(network, node) if defects.post_pool_dims else network.edges[node.name].shape
        stored = index < NEURON_MEMORY_LAYERS or not defects.neuron_memory_first_five
        yield Layer(
            name=node.name,
            taps=taps,
            weights=taps * channels * outputs,  # one cell each, as SpikeSim maps 4-bit weights to 4-bit cells
            pes=groups * ceil_div(channels, x) * ceil_div(outputs // groups, x),
            exact_pes=groups * ((channels / x) * (outputs // groups / x)),
            positions=height * width,
            outputs=outputs,
            reads=_reads(network, node.name, defects),
            input_bits=source.size * (bits if defects.input_buffer_22_bit else source.bits),
            stored_bits=outputs * height * width * bits if stored else 0,
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
        if other.op in ("flatten", "readout", "add", "product"):
            return shape
        reached.add(other.name)
    return shape


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
