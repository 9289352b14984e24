"""The plan: how many crossbars, columns, ADCs, PEs and tiles each layer takes, in closed form.

The counting functions are plain arithmetic on numbers or arrays (one element per chip), so that one pass serves a
hundred thousand chips. `cells.py` says which weight lies where; a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .._arrays import Real, bit_length, ceil, ceil_div, exp2, floor_div, maximum, minimum, sqrt, where
from ..errors import MappingError, did_you_mean
from ..hardware import DramKind, Hardware, RowMapping, Subtract, TapSum
from ..network import Conv, Linear, Network
from .digital import digital_layers
from .rounds import round_indices
from .signs import cells_per_weight, value_bits

if TYPE_CHECKING:
    from .cells import Cells


@dataclass(frozen=True)
class LayerPlan:
    """What one layer takes on the chip. Counts are for the whole layer unless the name says otherwise.

    Crossbars are numbered with row blocks innermost, column blocks outside, and fill PEs and tiles in that order, so
    that the sums of a column meet in as few tiles as possible. A layer may have copies of its crossbars, which share
    its positions. A layer that is declared digital has a tile and no crossbars. On many chips at once, every count that
    differs between them is an array.

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
        copies: sets of crossbars that work on different positions at the same time.
        crossbars: arrays in all, copies included.
        adcs: converters in all.
        serial_conversions: conversions that one ADC makes per read (mux phases x crossbars that share it). An ADC
            serves `mux` columns, or `mux` pairs where the currents of two columns are subtracted before it.
        pes, tiles: PEs and tiles in all; a tile serves one layer.
        input_bits: bits of one input value; each is a plane that is read by itself.
        steps: time-steps at which the layer is read (1 if its pre-activation is buffered).
        adc_sharing: crossbars of one set of ADCs (all kernel positions where `tap_sum` joins them, else 1).
        utilization: share of the cells of its crossbars that hold a weight.
        first_tile: index of the layer's first tile; layers that take turns may share it.
        per_tile: crossbars that a full tile holds.
        halo: share of the input map that neighbouring bands of it both need (rows of the kernel but one).
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
    copies: int
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
    per_tile: int
    halo: float

    @property
    def digital(self) -> bool:
        """Whether the layer has no crossbars."""
        return isinstance(self.crossbars, int) and not self.crossbars

    @property
    def read_crossbars(self) -> Real:
        """Crossbars that one position reads: those of one copy."""
        return self.groups * self.row_blocks * self.col_blocks

    @property
    def band_halo(self) -> Real:
        """Share of the input map that a copy needs beyond its own band of it."""
        return where(self.copies > 1, self.halo, 0.0)

    @property
    def turns(self) -> Real:
        """Positions that a copy takes, one after the other."""
        return ceil_div(self.positions, self.copies)

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
    """Tiles on the smallest near-square mesh that holds them, filled row by row or as a snake.

    With the placement `optimized` they are a snake, too, until they are `moved`.
    """

    tiles: int
    width: int
    height: int
    placement: str
    moved: tuple[tuple[int, int], ...] | None = field(default=None, repr=False)

    @property
    def snake(self) -> bool:
        """Whether every second row runs backwards, before any tile is moved."""
        return self.placement != "row_major"

    @cached_property
    def places(self) -> tuple[tuple[int, int], ...]:
        """x and y of every tile."""
        if self.moved is not None:
            return self.moved
        places = []
        for index in range(self.tiles):
            y, x = divmod(index, self.width)
            places.append((self.width - 1 - x if self.snake and y % 2 else x, y))
        return tuple(places)

    def hops(self, a: int, b: int) -> int:
        """Links between two tiles under XY routing."""
        (xa, ya), (xb, yb) = self.places[a], self.places[b]
        return abs(xa - xb) + abs(ya - yb)


@dataclass(frozen=True, eq=False)
class Mapping:
    """A network on a chip: the plan of every layer, the places of its tiles, and in how many rounds it takes them."""

    network: Network
    hardware: Hardware
    layers: MappingType[str, LayerPlan]
    mesh: Mesh
    rounds: Real = 1

    @property
    def tiles(self) -> Real:
        """Tiles of the chip: of all layers, or of the largest round."""
        return self.mesh.tiles

    @property
    def pes(self) -> int:
        return sum(layer.pes for layer in self.layers.values())

    @property
    def crossbars(self) -> int:
        return sum(layer.crossbars for layer in self.layers.values())

    @cached_property
    def utilization(self) -> Real:
        """Share of all crossbar cells that hold a weight."""
        used = sum(layer.utilization * layer.crossbars for layer in self.layers.values())
        return used / maximum(self.crossbars, 1)

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
            does not fit, crossbars that join their currents do not fit a tile, a layer has more copies than positions
            (or copies although it is digital),
            or a chip with `chip.max_tiles` cannot hold a layer, or cannot reload its cells for layers that take turns.
        ConfigError: the chip's converters name a layer that the network does not have.
    """
    if network.arithmetic == "float":
        raise MappingError(
            f"network {network.name!r} has float weights: crossbars hold integers; use "
            f"spikesim_py.network.quantize(network, weight_bits=...) or train a quantized network"
        )
    names = [node.name for node in network.layers]
    hardware.adc.check_layers(names)
    digital = digital_layers(network, hardware)
    _check_copies(network, hardware, names, digital)
    plans = {
        node.name: plan_digital(network, node) if node.name in digital else plan_layer(network, node, hardware)
        for node in network.layers
    }
    turn, size = _take_turns(network, hardware, plans)
    first: dict[str, Real] = {}
    end = most = 0
    for before, name in zip([None, *names[:-1]], names, strict=True):
        first[name] = 0 if before is None else where(turn[name] == turn[before], end, 0)
        end = first[name] + plans[name].tiles
        most = maximum(most, end)
    placed = {name: replace(plan, first_tile=first[name]) for name, plan in plans.items()}
    return Mapping(network, hardware, placed, place_tiles(most, hardware.noc.placement), size)


def _take_turns(
    network: Network, hardware: Hardware, plans: MappingType[str, LayerPlan]
) -> tuple[dict[str, Real], Real]:
    """The round of every layer, and how many there are; one where the chip has as many tiles as it takes."""
    limit = hardware.chip.max_tiles
    if limit is None or not plans:
        return dict.fromkeys(plans, 0), 1
    for name, plan in plans.items():
        if np.any(np.asarray(plan.tiles) > limit):
            raise MappingError(
                f"chip.max_tiles = {limit}: layer {name!r} alone needs {np.max(plan.tiles):g} tiles (larger tiles, "
                f"tile.pes and pe.crossbars, or larger crossbars need fewer)"
            )
    turn = dict(zip(plans, round_indices([plan.tiles for plan in plans.values()], limit), strict=True))
    count = turn[list(plans)[-1]] + 1
    if np.any(np.asarray(count) > 1):
        total = np.max(sum(plan.tiles for plan in plans.values()))
        _check_turns(hardware, f"chip.max_tiles = {limit}: network {network.name!r} takes {total:g} tiles")
    return turn, count


def _check_turns(hardware: Hardware, chip: str) -> None:
    """Whether the chip can reload its cells for layers that take turns."""
    if hardware.dram.kind is DramKind.NONE:
        raise MappingError(f"{chip}; taking turns needs a memory off the chip (dram.kind)")
    if hardware.schedule.pipeline != "none":
        raise MappingError(f"{chip}; taking turns needs schedule.pipeline = 'none', not {hardware.schedule.pipeline!r}")
    if hardware.mitigation.write_verify_tolerance is not None:
        raise MappingError(f"{chip}; taking turns needs cells that are not verified (write_verify_tolerance)")


def _check_copies(network: Network, hardware: Hardware, layers: list[str], digital: Collection[str]) -> None:
    for name, count in hardware.mapping.copies.items():
        if name not in layers:
            raise MappingError(
                f"mapping.copies.{name}: is not a layer of network {network.name!r}{did_you_mean(name, layers)} "
                f"(layers: {', '.join(layers)})"
            )
        if name in digital and np.any(np.asarray(count) > 1):
            raise MappingError(
                f"mapping.copies.{name} = {count}: the layer is digital (mapping.digital_layers) and has no "
                f"crossbars to copy; leave it at 1"
            )
        positions = positions_of(network, name)
        if np.any(np.asarray(count) > positions):
            raise MappingError(
                f"mapping.copies.{name} = {count}: copies share the layer's positions; network {network.name!r} has "
                f"{positions} there, so from 1 to {positions}"
            )


def positions_of(network: Network, layer: str) -> int:
    """Output pixels of a layer."""
    _, height, width = network.edges[layer].shape
    return height * width


def plan_layer(network: Network, node: Conv | Linear, hardware: Hardware, first_tile: Real = 0) -> LayerPlan:
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
    columns = cells_per_weight(rules.signs, slices, node.weight_bits)
    columns = columns if hardware.word_lines == 1 else floor_div(columns, hardware.word_lines)
    spikeflow = rules.rows is RowMapping.SPIKEFLOW
    channel_blocks = ceil_div(channels, hardware.input_rows)
    row_blocks = taps * channel_blocks if spikeflow else ceil_div(taps * channels, hardware.input_rows)
    summed = rules.tap_sum is TapSum.ANALOG_SUM
    group_columns = outputs // groups * columns
    col_blocks = ceil_div(group_columns, hardware.weight_columns)
    copies = rules.copies.get(node.name, 1)
    single = groups * row_blocks * col_blocks
    crossbars = copies * single
    sharing = taps if rules.tap_sum is not TapSum.ADC_PER_CROSSBAR else 1
    pes = ceil_div(crossbars, hardware.pe.crossbars)
    per_tile = hardware.pe.crossbars * hardware.tile.pes
    per_tile = per_tile if sharing == 1 else floor_div(per_tile, sharing) * sharing
    if np.any(np.asarray(per_tile) < 1):
        raise MappingError(
            f"layer {node.name!r}: mapping.tap_sum = {rules.tap_sum.value!r} joins the crossbars of {taps} kernel "
            f"positions; a tile of {hardware.tile.pes} x {hardware.pe.crossbars} crossbars (tile.pes x pe.crossbars) "
            f"is too small"
        )
    cells = single * crossbar.rows * crossbar.cols
    analog = rules.subtract is Subtract.ANALOG
    return LayerPlan(
        name=node.name,
        taps=taps,
        channels=channels,
        outputs=outputs,
        groups=groups,
        positions=positions_of(network, node.name),
        weight_bits=node.weight_bits,
        value_bits=bits,
        slices=slices,
        columns_per_output=columns,
        conversions_per_output=floor_div(columns, 2) if analog else columns,
        row_blocks=row_blocks,
        col_blocks=col_blocks,
        conversion_blocks=channel_blocks if summed else row_blocks,
        max_rows=max_rows(taps, channels, hardware.input_rows, spikeflow, summed),
        copies=copies,
        crossbars=crossbars,
        adcs=(crossbars if sharing == 1 else ceil_div(crossbars, sharing))
        * ceil_div(floor_div(crossbar.cols, 2) if analog else crossbar.cols, crossbar.mux),
        serial_conversions=crossbar.mux * (sharing if not summed else 1),
        pes=pes,
        tiles=maximum(ceil_div(pes, hardware.tile.pes), ceil_div(crossbars, per_tile)),
        input_bits=source.bits,
        steps=1 if network.runs_once(node.name) else network.time_steps,
        adc_sharing=sharing,
        utilization=groups * taps * channels * hardware.word_lines * group_columns / cells,
        first_tile=first_tile,
        per_tile=per_tile,
        halo=(node.kernel[0] - 1) / source.shape[1] if isinstance(node, Conv) else 0.0,
    )


def plan_digital(network: Network, node: Conv | Linear, first_tile: Real = 0) -> LayerPlan:
    """The plan of a layer that is declared digital: a tile of its own, without PEs and crossbars."""
    taps, channels, outputs, groups = matrix_shape(node)
    assert node.weight_bits is not None  # checked by `build`
    return LayerPlan(
        name=node.name,
        taps=taps,
        channels=channels,
        outputs=outputs,
        groups=groups,
        positions=positions_of(network, node.name),
        weight_bits=node.weight_bits,
        value_bits=node.weight_bits,
        slices=0,
        columns_per_output=0,
        conversions_per_output=0,
        row_blocks=0,
        col_blocks=0,
        conversion_blocks=0,
        max_rows=0,
        copies=1,
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
        per_tile=0,
        halo=0.0,
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


def max_rows(taps: int, channels: int, rows: Real, spikeflow: bool, summed: bool) -> Real:
    """Most rows that one conversion sums over."""
    if not spikeflow:
        return minimum(taps * channels, rows)
    return minimum(channels, rows) * (taps if summed else 1)


def largest_sum(plan: LayerPlan, hardware: Hardware) -> Real:
    """Largest sum of ideal cells that one conversion can meet, in levels."""
    return plan.max_rows * (exp2(hardware.device.cell_bits) - 1)


def lossless_bits(plan: LayerPlan, hardware: Hardware) -> Real:
    """Fewest bits of a converter that give every sum of ideal cells a code: all inputs may spike at once."""
    return bit_length(largest_sum(plan, hardware)) + int(hardware.signed_sums)


def code_bits(plan: LayerPlan, hardware: Hardware) -> Real:
    """Bits of one conversion of a layer; of an adder tree, those of its largest sum."""
    exact = hardware.digital_crossbar
    return bit_length(largest_sum(plan, hardware)) if exact else hardware.adc.bits_of(plan.name)


def partial_sum_bits(plan: LayerPlan, hardware: Hardware) -> Real:
    """Bits of a sum over planes, slices and row blocks of one output."""
    span = plan.slices * hardware.device.cell_bits + plan.input_bits - 1
    return code_bits(plan, hardware) + span + bit_length(plan.conversion_blocks - 1)


def place_tiles(tiles: Real, placement: str) -> Mesh:
    """The smallest near-square mesh that holds `tiles`."""
    width = ceil(sqrt(tiles))
    return Mesh(tiles, width, ceil_div(tiles, width), placement)
