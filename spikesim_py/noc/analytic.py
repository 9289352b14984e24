"""The mesh in closed form: the same transfers as `traffic`, spread evenly, for one chip or a hundred thousand.

Evenly: the tiles of a layer own equal shares of its outputs and need equal shares of its input, and the tiles that hold
parts of one column exchange equal shares of its sums. Exact are the number of those tiles (from the plan's order), and
the sum of distances between any two runs of tiles, which is a polynomial. Tests hold the flits, links and cycles
against the transfers of `traffic` tile by tile: of a network's flits and links in sum the two differ by up to a tenth,
of single layers by more where few tiles hold uneven parts. Cycles are those of the tile that owns most outputs.

Distances under XY routing are those along x plus those along y. Along one axis, over all u below m and v below M >= m::

    sum |u - v| = m (m^2 - 1) / 3 + m M (M - m) / 2
"""

from __future__ import annotations

import math
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field

import numpy as np

from .._arrays import Real, ceil, ceil_div, floor, floor_div, is_array, maximum, minimum, where
from ..activity import Activity, LayerActivity
from ..hardware import Hardware, RowMapping
from ..mapping import LayerPlan, Mapping, Mesh, partial_sum_bits
from ..network import Add, Conv, Linear, Product
from .traffic import Kind, from_port, owners, shortcut_rate, spike_rate
from .zero_load import zero_load_cycles


@dataclass(frozen=True)
class Flow:
    """What one layer sends per time-step, or per inference where all its time-steps are sent at once.

    Attributes:
        layer, target, kind: as of a `Transfer`. steps: how often it happens per inference.
        flits: in all. flit_links: flits times the links that they pass.
        head_cycles: until the farthest packet's head is out; serial_cycles: flits that follow it through the busiest
            injection or ejection port.
    """

    layer: str
    target: str
    kind: Kind
    steps: int
    flits: Real
    flit_links: Real
    head_cycles: Real
    serial_cycles: Real

    @property
    def cycles(self) -> Real:
        """Until the last flit is out."""
        return self.head_cycles + self.serial_cycles


@dataclass(frozen=True)
class Run:
    """Tiles of one layer: consecutive in the order of placement."""

    first: Real
    count: Real

    @property
    def end(self) -> Real:
        return self.first + self.count


#: the tile next to the port that feeds the chip
_PORT = Run(0, 1)


class Distances:
    """Links between runs of tiles on one mesh."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh

    def total(self, a: Run, b: Run) -> Real:
        """Links between every tile of `a` and every tile of `b`."""
        if is_array(a.first, a.end, b.first, b.end, self._mesh.width):
            from .kernels import distance_sums

            snake = self._mesh.placement == "snake"
            return distance_sums(a.first, a.end, b.first, b.end, self._mesh.width, snake)
        return (
            self._prefix(a.end, b.end)
            - self._prefix(a.first, b.end)
            - self._prefix(a.end, b.first)
            + self._prefix(a.first, b.first)
        )

    def _prefix(self, a: int, b: int) -> float:
        """Links between the first `a` and the first `b` tiles."""
        width = self._mesh.width
        (rows_a, rest_a), (rows_b, rest_b) = divmod(a, width), divmod(b, width)
        along_x = rows_a * rows_b * _below(width, width) + rows_a * _below(width, rest_b)
        along_x += rows_b * _below(rest_a, width)
        if self._mesh.placement == "snake" and (rows_a - rows_b) % 2:  # one of the last rows runs backwards
            along_x += _below(width, rest_b) - _below(width - rest_a, rest_b)
        else:
            along_x += _below(rest_a, rest_b)
        along_y = width * width * _below(rows_a, rows_b) + rest_a * rest_b * abs(rows_a - rows_b)
        return along_x + along_y + width * (rest_b * _to(rows_a, rows_b) + rest_a * _to(rows_b, rows_a))

    def among(self, run: Run, count: Real) -> Real:
        """Mean links between two of `count` consecutive tiles (2 or more) somewhere in a run.

        Those of a window in one row, and of one that has its middle where a row ends; each as often as there are such.
        """
        width, windows = self._mesh.width, run.count - count + 1
        low, high = self._rows(run)
        whole = windows <= 1
        inside = count * (count * count - 1) / 3
        start = where(whole, run.first, maximum(width - floor(count / 2), 0))
        across = self.total(Run(start, count), Run(start, count))
        share = where(whole, 1.0, minimum((high - low) * (count - 1) / maximum(windows, 1), 1.0))
        return (share * across + (1.0 - share) * inside) / (count * (count - 1))

    def spread(self, run: Run, count: Real) -> Real:
        """Most links between two of `count` consecutive tiles somewhere in a run, or a little more."""
        width = self._mesh.width
        low, high = self._rows(run)
        wrapped = where(high > low, ceil((count - 1) / width) + width - 1, count - 1)
        reach = count - 1 if self._mesh.placement == "snake" else wrapped
        return minimum(reach, self.farthest(run, run))

    def farthest(self, a: Run, b: Run) -> Real:
        """Most links between a tile of `a` and one of `b`, or a little more: corners of the boxes around them."""
        (low_a, high_a), (low_b, high_b) = self._rows(a), self._rows(b)
        rows = maximum(high_b - low_a, high_a - low_b)
        width = self._mesh.width - 1
        return maximum(rows, 0) + where(rows <= 0, minimum(maximum(a.end - b.first, b.end - a.first) - 1, width), width)

    def _rows(self, run: Run) -> tuple[Real, Real]:
        last = run.end - 1
        width = self._mesh.width
        if is_array(last, width, run.first):
            return np.floor(run.first / width), np.floor(last / width)
        return run.first // width, last // width


def _below(a: int, b: int) -> float:
    """Sum of |u - v| over u < a, v < b."""
    low, high = min(a, b), max(a, b)
    return low * (low * low - 1) / 3 + low * high * (high - low) / 2


def _to(count: int, place: int) -> float:
    """Sum of |u - place| over u < count."""
    low, over = min(count, place), max(count - place, 1) - 1
    return low * place - low * (low - 1) / 2 + over * (over + 1) / 2


def cut_columns(plan: LayerPlan) -> tuple[Real, Real]:
    """(column blocks that no tile holds whole, copies included; tiles that hold parts of one of them, on average).

    Tiles begin every `per_tile` crossbars, columns every `row_blocks`; where both begin, no column is cut.
    """
    columns = plan.copies * plan.groups * plan.col_blocks
    cuts = _cuts(plan, plan.row_blocks)
    cut = minimum(cuts, columns)
    return cut, 1.0 + cuts / maximum(cut, 1.0)


def _cuts(plan: LayerPlan, size: Real) -> Real:
    """Borders of tiles that do not fall between two sets of `size` crossbars; tiles begin every `per_tile` of them."""
    common: Real
    if is_array(plan.per_tile, size):
        common = np.gcd(np.asarray(plan.per_tile, np.int64), np.asarray(size, np.int64)).astype(np.float64)
    else:
        common = math.gcd(plan.per_tile, size)
    borders = plan.tiles - 1
    return borders - floor_div(borders * common, size)


def most_owned(plan: LayerPlan) -> Real:
    """Share of a layer's outputs that the tile with most of them owns: a full one, or one with parts of two columns."""
    if plan.digital:
        return 1.0
    full = minimum(plan.per_tile / plan.crossbars, 1.0)
    if not is_array(plan.tiles) and plan.tiles == 1:
        return full
    columns, (_, held) = plan.copies * plan.groups * plan.col_blocks, cut_columns(plan)
    parts = minimum(where(plan.row_blocks % plan.per_tile > 0, 2.0, 1.0), columns)
    return where(plan.row_blocks > plan.per_tile, maximum(full, parts / (held * columns)), full)


def idle_share(plan: LayerPlan, hardware: Hardware, record: LayerActivity) -> Real:
    """Share of (row block, read) pairs without an active row: measured, else (1 - rate)^rows."""
    if record.idle_reads is not None:
        return record.idle_reads
    size = hardware.input_rows
    total = plan.channels if hardware.mapping.rows is RowMapping.SPIKEFLOW else plan.rows
    blocks = ceil_div(total, size)
    quiet = (1.0 - record.rate) ** minimum(size, total)
    rest = (1.0 - record.rate) ** (total - size * (blocks - 1))
    return ((blocks - 1) * quiet + rest) / blocks


def needed_rows(plan: LayerPlan, hardware: Hardware) -> Real:
    """Share of the rows of a layer's matrix, and so of its inputs, that each of its tiles reads for a position."""
    if plan.digital:
        return 1.0
    spikeflow = hardware.mapping.rows is RowMapping.SPIKEFLOW  # kernel positions read the same channels
    pieces = plan.row_blocks / plan.taps if spikeflow else plan.row_blocks
    held = plan.per_tile if plan.adc_sharing == 1 else ceil(plan.per_tile / plan.adc_sharing)
    share = minimum(held / pieces, 1.0)
    if plan.groups == 1:
        return share
    held = (plan.copies * plan.groups + _cuts(plan, plan.row_blocks * plan.col_blocks)) / plan.tiles
    return share * minimum(held / plan.groups, 1.0)


def needed_share(plan: LayerPlan, hardware: Hardware) -> Real:
    """Share of a layer's input map that each of its tiles reads: its rows, of the bands that its copies work on."""
    share = needed_rows(plan, hardware)
    if not is_array(plan.copies) and plan.copies == 1:
        return share
    bands = (plan.copies + _cuts(plan, plan.read_crossbars)) / plan.tiles
    return share * minimum(bands / plan.copies + plan.band_halo, 1.0)


def flows(mapping: Mapping, activity: Activity) -> tuple[Flow, ...]:
    """Every transfer of one inference in closed form; see `traffic` for what is sent."""
    network, layer_of = mapping.network, owners(mapping.network)
    makers = _Flows(mapping, activity, layer_of)
    made: list[Flow] = []
    for node in network.nodes:
        if isinstance(node, Conv | Linear):
            made.append(makers.feed(node))
            made.extend(makers.partial_sums(mapping.layers[node.name]))
        elif isinstance(node, Add | Product):
            made.extend(
                makers.shortcut(node.name, source) for source in node.inputs if layer_of[source] != layer_of[node.name]
            )
    return tuple(made)


@dataclass(frozen=True)
class _Flows:
    mapping: Mapping
    activity: Activity
    layer_of: MappingType[str, str | None]

    def __post_init__(self) -> None:
        object.__setattr__(self, "distances", Distances(self.mapping.mesh))

    distances: Distances = field(init=False)

    def feed(self, node: Conv | Linear) -> Flow:
        """What layer `node` reads, from the layer before it or from the port."""
        network, source = self.mapping.network, node.inputs[0]
        plan, sender = self.mapping.layers[node.name], self.layer_of[source]
        share, target = needed_share(plan, self.mapping.hardware), _run(plan)
        if sender is None or from_port(network, node.name, sender):  # pooled on arrival
            spec = network.model.input
            steps = network.time_steps if spec.coding == "events" else 1
            bits = network.edges["input"].size * spec.bits * share
            return self._sent(node.name, node.name, "input", _PORT, target, steps, 1.0, bits=bits)
        rate = spike_rate(self.mapping, self.activity, node, sender)
        edge, origin = network.edges[source], _run(self.mapping.layers[sender])
        each = edge.size * share / origin.count
        busiest = maximum(most_owned(self.mapping.layers[sender]), 1.0 / target.count)
        return self._values(sender, node.name, "spikes", origin, target, busiest, each, edge.bits, rate)

    def shortcut(self, node: str, source: str) -> Flow:
        """An edge to the tiles that add it: each needs what it owns."""
        network, target, sender = self.mapping.network, self.layer_of[node], self.layer_of[source]
        assert target is not None
        edge, reached = network.edges[source], _run(self.mapping.layers[target])
        origin = _PORT if sender is None else _run(self.mapping.layers[sender])
        busiest = 1.0 if sender is None else most_owned(self.mapping.layers[sender])
        busiest = maximum(busiest, most_owned(self.mapping.layers[target]))
        rate = shortcut_rate(self.mapping, self.activity, sender) if edge.bits == 1 else None
        each = edge.size / (origin.count * reached.count)
        if network.constant(source):
            bits = each * edge.bits
            return self._sent(sender or target, target, "shortcut", origin, reached, 1, busiest, bits=bits)
        return self._values(sender or target, target, "shortcut", origin, reached, busiest, each, edge.bits, rate)

    def partial_sums(self, plan: LayerPlan) -> list[Flow]:
        """One packet per output pixel and pair of tiles that hold a column: sums of the other one's outputs."""
        one_tile = not is_array(plan.tiles) and plan.tiles == 1
        if one_tile or (not is_array(plan.conversion_blocks) and plan.conversion_blocks <= 1):
            return []
        cut, held = cut_columns(plan)
        if not is_array(cut) and not cut:
            return []
        cut = where(plan.conversion_blocks > 1, cut, 0.0)
        bits = plan.outputs / (plan.groups * plan.col_blocks) / held * partial_sum_bits(plan, self.mapping.hardware)
        packet, pairs = self._flits(bits), cut * held * (held - 1.0)
        flits = packet * pairs * plan.positions / plan.copies
        if self.mapping.hardware.crossbar.event_driven:  # a tile whose row blocks are all idle sends nothing
            idle = idle_share(plan, self.mapping.hardware, self.activity.layers[plan.name])
            sent = flits * (1.0 - idle ** (plan.row_blocks / held))
        else:
            sent = flits
        together = minimum(maximum(ceil(held), 2), maximum(plan.tiles, 2))
        links = sent * self.distances.among(_run(plan), together)
        sends = where(cut > 0, 1.0, 0.0)
        # a tile between two others holds parts of two columns
        busiest = packet * (held - 1.0) * minimum(ceil(cut * held / plan.tiles), 2) * plan.turns
        head = zero_load_cycles(self.distances.spread(_run(plan), together) + 1, 1, self._pipeline)
        serial = maximum(busiest - 1.0, 0.0)
        return [Flow(plan.name, plan.name, "partial_sums", plan.steps, sent, links, head * sends, serial * sends)]

    def _values(
        self,
        layer: str,
        target: str,
        kind: Kind,
        a: Run,
        b: Run,
        busiest: Real,
        each: Real,
        bits: int,
        rate: Real | None,
    ) -> Flow:
        """`each` values of `bits` bits from every tile to every tile: all of them, or the active ones as events."""
        steps = self.mapping.network.time_steps
        if rate is not None and self.mapping.hardware.noc.encoding == "aer":
            return self._sent(layer, target, kind, a, b, steps, busiest, events=each * minimum(rate, 1.0))
        return self._sent(layer, target, kind, a, b, steps, busiest, bits=each * bits)

    def _sent(
        self,
        layer: str,
        target: str,
        kind: Kind,
        a: Run,
        b: Run,
        steps: int,
        busiest: Real,
        *,
        bits: Real = 0,
        events: Real | None = None,
    ) -> Flow:
        """`busiest`: share of all flits that pass the busiest port."""
        together = steps > 1 and kind != "input" and self.mapping.hardware.schedule.order == "layer_first"
        many, steps = (steps, 1) if together else (1, steps)
        each = self._flits(bits * many) if events is None else events * many
        receivers = b.count - (1 if layer == target and kind == "spikes" else 0)  # a tile keeps what it needs itself
        flits, links = each * a.count * receivers, each * self.distances.total(a, b)
        head = zero_load_cycles(self.distances.farthest(a, b) + 1, 1, self._pipeline)
        sends = where(receivers > 0, 1.0, 0.0)
        return Flow(layer, target, kind, steps, flits, links, head * sends, maximum(busiest * flits - 1.0, 0.0))

    def _flits(self, bits: Real) -> Real:
        """A header flit and the payload; the small share guards against a flit from rounding."""
        return ceil(bits * (1 - 1e-12) / self.mapping.hardware.noc.flit_bits) + 1.0

    @property
    def _pipeline(self) -> str:
        return self.mapping.hardware.noc.pipeline


def _run(plan: LayerPlan) -> Run:
    return Run(plan.first_tile, plan.tiles)
