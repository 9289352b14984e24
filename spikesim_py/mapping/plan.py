"""The plan: how many crossbars, columns, ADCs, PEs and tiles each layer takes, in closed form.

The counting functions are plain arithmetic on integers or integer arrays, so that one pass serves a hundred
thousand chips. `cells.py` says which weight lies where; a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..errors import MappingError
from ..hardware import DramKind, Hardware, RowMapping, Subtract, TapSum
from ..network import Conv, Linear, Network
from .digital import digital_layers
from .rounds import rounds
from .signs import cells_per_weight, value_bits

if TYPE_CHECKING:
    from .cells import Cells


def ceil_div(a: Any, b: Any) -> Any:
    """Rounded-up quotient of integers or integer arrays."""
    return -(-a // b)


@dataclass(frozen=True)
class LayerPlan:
    """What one layer takes on the chip. Counts are for the whole layer unless the name says otherwise.

    A layer that is declared digital has a tile and no crossbars.

    Attributes:
        name: the layer's name in the network.
        taps: kernel positions (1 for linear layers).
        channels: input channels (or features) per convolution group.
        outputs: output channels (or features) over all groups.
        groups: convolution groups; each is a matrix of its own.
        positions: output pixels; each is one read of the layer's crossbars per plane and time-step.
        weight_bits: bits per weight as declared.
        value_bits: bits of the largest stored code.
        slices: cells per stored code.
        columns_per_output: physical columns of one output (slices and signs; slices where pairs are interleaved).
        conversions_per_output: ADC conversions of one output per read of one row block.
        row_blocks: crossbars that the rows of one group span.
        col_blocks: crossbars that the columns of one group span.
        conversion_blocks: row blocks whose sums are converted apart (fewer than `row_blocks` where currents
            are summed before the ADC).
        max_rows: most rows that one conversion sums over: sets the ADC's full scale.
        crossbars: arrays in all.
        adcs: converters in all.
        serial_conversions: conversions that one ADC makes per read (mux phases x crossbars that share it). An ADC
            serves `mux` columns, or `mux` pairs where the currents of two columns are subtracted before it.
        pes, tiles: PEs and tiles in all; a tile serves one layer.
        input_bits: bits of one input value; each is a plane that is read by itself.
        steps: time-steps at which the layer is read (1 if its pre-activation is buffered).
        adc_sharing: crossbars of one set of ADCs (all kernel positions where `tap_sum` joins them, else 1).
        utilization: share of the cells of its crossbars that hold a weight.
        first_tile: index of the layer's first tile; layers that take turns may share it.
    """

    name: str
    taps: int
    channels: int
    outputs: int
    groups: int
    positions: int
    weight_bits: int
    value_bits: int
    slices: int
    columns_per_output: int
    conversions_per_output: int
    row_blocks: int
    col_blocks: int
    conversion_blocks: int
    max_rows: int
    crossbars: int
    adcs: int
    serial_conversions: int
    pes: int
    tiles: int
    input_bits: int
    steps: int
    adc_sharing: int
    utilization: float
    first_tile: int

    @property
    def rows(self) -> int:
        """Rows of one group's matrix."""
        return self.taps * self.channels

    @property
    def columns(self) -> int:
        """Physical columns of one group's matrix."""
        return self.outputs // self.groups * self.columns_per_output

    @property
    def reads(self) -> int:
        """Reads of each crossbar per inference: positions x planes x time-steps."""
        return self.positions * self.input_bits * self.steps

    @property
    def conversions(self) -> int:
        """ADC conversions per inference."""
        return self.outputs * self.conversions_per_output * self.conversion_blocks * self.reads


@dataclass(frozen=True)
class Mesh:
    """Tiles on a 2-D mesh, `width` x `height`, and where tile i lies."""

    width: int
    height: int
    places: tuple[tuple[int, int], ...]

    def hops(self, a: int, b: int) -> int:
        """Links between two tiles under XY routing."""
        (xa, ya), (xb, yb) = self.places[a], self.places[b]
        return abs(xa - xb) + abs(ya - yb)


@dataclass(frozen=True, eq=False)
class Mapping:
    """A network on a chip: the plan of every layer and the places of its tiles."""

    network: Network
    hardware: Hardware
    layers: MappingType[str, LayerPlan]
    mesh: Mesh

    @property
    def tiles(self) -> int:
        return sum(layer.tiles for layer in self.layers.values())

    @property
    def pes(self) -> int:
        return sum(layer.pes for layer in self.layers.values())

    @property
    def crossbars(self) -> int:
        return sum(layer.crossbars for layer in self.layers.values())

    @cached_property
    def rounds(self) -> list[list[str]]:
        """Groups of layers that take the chip in turn; all layers in one where they fit it."""
        return rounds({name: plan.tiles for name, plan in self.layers.items()}, self.hardware.chip.max_tiles)

    @cached_property
    def utilization(self) -> float:
        """Share of all crossbar cells that hold a weight."""
        used = sum(layer.utilization * layer.crossbars for layer in self.layers.values())
        return used / self.crossbars if self.crossbars else 0.0

    def cells(self, layer: str) -> Cells:
        """Which weight lies in which cell of a layer; see `Cells`."""
        from .cells import layer_cells

        return layer_cells(self, layer)

    def describe(self) -> str:
        """A table: rows, columns, crossbars, PEs, tiles and utilization per layer."""
        head = f"{'layer':<10}{'rows':>6}{'columns':>9}{'slices':>8}{'crossbars':>11}{'PEs':>6}{'tiles':>7}{'used':>8}"
        lines = [
            f"{p.name:<10}{p.rows:>6}{p.columns:>9}{p.slices:>8}{p.crossbars:>11}{p.pes:>6}{p.tiles:>7}"
            f"{p.utilization:>8.1%}"
            for p in self.layers.values()
        ]
        total = f"{self.crossbars} crossbars, {self.pes} PEs, {self.tiles} tiles, utilization {self.utilization:.1%}"
        return "\n".join([head, *lines, total])


def map_network(network: Network, hardware: Hardware) -> Mapping:
    """Place every layer of `network` on tiles of its own, or, on a chip that is too small, on its tiles in turn.

    Raises:
        MappingError: the network is a float network (quantize it first), a layer reads signed values, a weight
            does not fit, or crossbars that join their currents do not fit a tile.
            A chip with `chip.max_tiles` holds no layer, or cannot reload its cells for layers that take turns.
        ConfigError: the chip's converters name a layer that the network does not have.
    """
    if network.arithmetic == "float":
        raise MappingError(
            f"network {network.name!r} has float weights: crossbars hold integers; use "
            f"spikesim_py.network.quantize(network, weight_bits=...) or train a quantized network"
        )
    hardware.adc.check_layers([node.name for node in network.layers])
    digital = digital_layers(network, hardware)
    plans = {
        node.name: plan_digital(network, node) if node.name in digital else plan_layer(network, node, hardware)
        for node in network.layers
    }
    groups = rounds({name: plan.tiles for name, plan in plans.items()}, hardware.chip.max_tiles)
    if len(groups) > 1:
        _check_turns(network, hardware, sum(plan.tiles for plan in plans.values()))
    for group in groups:
        first_tile = 0
        for name in group:
            plans[name] = replace(plans[name], first_tile=first_tile)
            first_tile += plans[name].tiles
    most = max((sum(plans[name].tiles for name in group) for group in groups), default=0)
    return Mapping(network, hardware, plans, place_tiles(most, hardware.noc.placement))


def _check_turns(network: Network, hardware: Hardware, tiles: int) -> None:
    """Whether the chip can reload its cells for layers that take turns."""
    chip = f"chip.max_tiles = {hardware.chip.max_tiles}: network {network.name!r} takes {tiles} tiles"
    if hardware.dram.kind is DramKind.NONE:
        raise MappingError(f"{chip}; taking turns needs a memory off the chip (dram.kind)")
    if hardware.schedule.pipeline != "none":
        raise MappingError(f"{chip}; taking turns needs schedule.pipeline = 'none', not {hardware.schedule.pipeline!r}")
    if hardware.mitigation.write_verify_tolerance is not None:
        raise MappingError(f"{chip}; taking turns needs cells that are not verified (write_verify_tolerance)")


def plan_layer(network: Network, node: Conv | Linear, hardware: Hardware, first_tile: int = 0) -> LayerPlan:
    """The plan of one layer; see `LayerPlan`."""
    source = network.edges[node.inputs[0]]
    if source.signed:
        raise MappingError(
            f"layer {node.name!r}: reads {node.inputs[0]!r}, which carries signed values ({source.low} to "
            f"{source.high}): crossbar rows take unsigned inputs"
        )
    rules, crossbar = hardware.mapping, hardware.crossbar
    taps, channels, outputs, groups = matrix_shape(node)
    assert node.weight_bits is not None  # checked by `build`
    weight = network.weight(node.name) if network.arithmetic == "integer" else None
    bits = value_bits(rules.signs, node.weight_bits, weight)
    slices = ceil_div(bits, hardware.device.cell_bits)
    columns = cells_per_weight(rules.signs, slices, node.weight_bits) // hardware.word_lines
    spikeflow = rules.rows is RowMapping.SPIKEFLOW
    channel_blocks = ceil_div(channels, hardware.input_rows)
    row_blocks = taps * channel_blocks if spikeflow else ceil_div(taps * channels, hardware.input_rows)
    summed = rules.tap_sum is TapSum.ANALOG_SUM
    group_columns = outputs // groups * columns
    col_blocks = ceil_div(group_columns, hardware.weight_columns)
    crossbars = groups * row_blocks * col_blocks
    sharing = taps if rules.tap_sum is not TapSum.ADC_PER_CROSSBAR else 1
    pes = ceil_div(crossbars, hardware.pe.crossbars)
    per_tile = hardware.pe.crossbars * hardware.tile.pes // sharing * sharing
    if not per_tile:
        raise MappingError(
            f"layer {node.name!r}: mapping.tap_sum = {rules.tap_sum.value!r} joins the crossbars of {taps} kernel "
            f"positions; a tile of {hardware.tile.pes} x {hardware.pe.crossbars} crossbars (tile.pes x pe.crossbars) "
            f"is too small"
        )
    edge = network.edges[node.name]
    positions = edge.shape[1] * edge.shape[2]
    cells = crossbars * crossbar.rows * crossbar.cols
    analog = rules.subtract is Subtract.ANALOG
    return LayerPlan(
        name=node.name,
        taps=taps,
        channels=channels,
        outputs=outputs,
        groups=groups,
        positions=positions,
        weight_bits=node.weight_bits,
        value_bits=bits,
        slices=slices,
        columns_per_output=columns,
        conversions_per_output=columns // 2 if analog else columns,
        row_blocks=row_blocks,
        col_blocks=col_blocks,
        conversion_blocks=channel_blocks if summed else row_blocks,
        max_rows=max_rows(taps, channels, hardware.input_rows, spikeflow, summed),
        crossbars=crossbars,
        adcs=ceil_div(crossbars, sharing) * ceil_div(crossbar.cols // (2 if analog else 1), crossbar.mux),
        serial_conversions=crossbar.mux * (sharing if not summed else 1),
        pes=pes,
        tiles=max(ceil_div(pes, hardware.tile.pes), ceil_div(crossbars, per_tile)),
        input_bits=source.bits,
        steps=1 if network.runs_once(node.name) else network.time_steps,
        adc_sharing=sharing,
        utilization=groups * taps * channels * hardware.word_lines * group_columns / cells,
        first_tile=first_tile,
    )


def plan_digital(network: Network, node: Conv | Linear, first_tile: int = 0) -> LayerPlan:
    """The plan of a layer that is declared digital: a tile of its own, without PEs and crossbars."""
    taps, channels, outputs, groups = matrix_shape(node)
    edge = network.edges[node.name]
    assert node.weight_bits is not None  # checked by `build`
    return LayerPlan(
        name=node.name,
        taps=taps,
        channels=channels,
        outputs=outputs,
        groups=groups,
        positions=edge.shape[1] * edge.shape[2],
        weight_bits=node.weight_bits,
        value_bits=node.weight_bits,
        slices=0,
        columns_per_output=0,
        conversions_per_output=0,
        row_blocks=0,
        col_blocks=0,
        conversion_blocks=0,
        max_rows=0,
        crossbars=0,
        adcs=0,
        serial_conversions=0,
        pes=0,
        tiles=1,
        input_bits=network.edges[node.inputs[0]].bits,
        steps=1 if network.runs_once(node.name) else network.time_steps,
        adc_sharing=1,
        utilization=0.0,
        first_tile=first_tile,
    )


def matrix_shape(node: Conv | Linear) -> tuple[int, int, int, int]:
    """(taps, channels per group, outputs, groups) of a layer's matrix."""
    if isinstance(node, Conv):
        return (
            node.kernel[0] * node.kernel[1],
            node.in_channels // node.groups,
            node.out_channels,
            node.groups,
        )
    return 1, node.in_features, node.out_features, 1


def max_rows(taps: Any, channels: Any, rows: Any, spikeflow: bool, summed: bool) -> Any:
    """Most rows that one conversion sums over."""
    if not spikeflow:
        return min(taps * channels, rows)
    return min(channels, rows) * (taps if summed else 1)


def largest_sum(plan: LayerPlan, hardware: Hardware) -> int:
    """Largest sum of ideal cells that one conversion can meet, in levels."""
    top: int = 2**hardware.device.cell_bits - 1
    return plan.max_rows * top


def code_bits(plan: LayerPlan, hardware: Hardware) -> int:
    """Bits of one conversion of a layer; of an adder tree, those of its largest sum."""
    exact = hardware.digital_crossbar
    return largest_sum(plan, hardware).bit_length() if exact else hardware.adc.bits_of(plan.name)


def place_tiles(tiles: int, placement: str) -> Mesh:
    """The smallest near-square mesh that holds `tiles`, filled row by row or as a snake."""
    width = 1
    while width * width < tiles:
        width += 1
    height = ceil_div(tiles, width)
    places = []
    for index in range(tiles):
        y, x = divmod(index, width)
        places.append((width - 1 - x if placement == "snake" and y % 2 else x, y))
    return Mesh(width, height, tuple(places))
