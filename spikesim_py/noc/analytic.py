"""The mesh in closed form: the same transfers as `traffic`, spread evenly, for one chip or a hundred thousand.

Evenly: the tiles of a layer own equal shares of its outputs and need equal shares of its input, and the tiles that hold
parts of one column exchange equal shares of its sums. Exact are the number of those tiles (from the plan's order), and
the sum of distances between any two runs of tiles, which is a polynomial. Tests hold the flits, links and cycles
against the transfers of `traffic` tile by tile: of VGG9's and ResNet19's flits in sum the two differ by up to a fifth,
of links by more, of a spiking transformer's by 7 %, and of single layers severalfold where every tile holds a channel
or two that few of the next layer's tiles read. Cycles are those of the tile that owns most outputs. Left out are pools
whose windows lie on two tiles of a layer.

Distances under XY routing are those along x plus those along y. Along one axis, over all u below m and v below M >= m::

    sum |u - v| = m (m^2 - 1) / 3 + m M (M - m) / 2
"""

from __future__ import annotations

import math
from collections.abc import Mapping as MappingType
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

import numpy as np

from .._arrays import Real, ceil, ceil_div, floor, floor_div, is_array, maximum, minimum, sqrt, where
from ..activity import Activity, LayerActivity
from ..hardware import Hardware, RowMapping
from ..mapping import LayerPlan, Mapping, Mesh, partial_sum_bits
from ..network import Add, Conv, Linear, Product
from .edges import Kind, from_port, gathered, owners, shortcut_rate, spike_rate
from .encodings import expected_sent
from .encodings.base import dense
from .link_bound import busiest_link
from .zero_load import zero_load_cycles


@dataclass(frozen=True)
class Flow:
    """What one layer sends per time-step, or per inference where all its time-steps are sent at once.

    Attributes:
        layer, target, kind: as of a `Transfer`. steps: how often it happens per inference.
        flits: that reach a tile, in all. injected: that leave their tile; fewer where packets fork.
        flit_links: flits times the links that they pass.
        head_cycles: until the farthest packet's head is out. serial_cycles: flits that follow it through the busiest
            port or link. tail_cycles: those of them that the last packets of all sources are.
        passes: of the layer (see `late`) during which the values are made, and sent as they are; 0 if all are there
            from the start.
        late_cycles: from the last value made to the last flit out, where that was simulated.
    """

    layer: str
    target: str
    kind: Kind
    steps: int
    flits: Real
    injected: Real
    flit_links: Real
    head_cycles: Real
    serial_cycles: Real
    tail_cycles: Real
    passes: Real
    late_cycles: float | None = None

    @property
    def cycles(self) -> Real:
        """Until the last flit is out, if all are sent at once."""
        return self.head_cycles + self.serial_cycles


@dataclass(frozen=True)
class Late:
    """What the transfers of a layer add to its time: once per inference, per pass over its positions, per time-step."""

    once_ns: Real
    pass_ns: Real
    step_ns: Real


def late(sent: Sequence[Flow], clock_ns: Real, sums_ns: Real, values_ns: Real, steps: int, apart: bool) -> Late:
    """From the last value that a layer makes to the last flit out.

    Its transfers share the time in which the values are made. With s flits through the busiest port or link, w cycles
    of that time and t flits of the last packets, these are out after t + ((s - w) + sqrt((s - w)^2 + 2 t s)) / 2, but
    not more than s: for s below w that is t times the wait of a queue with load r = s / w, 1 + r / (2 (1 - r)) (M/D/1;
    Kleinrock, Queueing Systems I, 1975, eq. 5.71), and for s above w what the time leaves over. More time never ends
    sooner. What is there from the start waits for nothing, and what was simulated is as late as it was.

    Args:
        sent: by one layer. sums_ns, values_ns: one pass of its crossbars, and one of what makes its values.
        steps: T. apart: whether sums and values are made at different times.
    """
    once, per_pass, per_step = 0.0, 0.0, 0.0
    streams = [flow for flow in sent if flow.passes and flow.late_cycles is None]
    for flow in sent:
        if flow not in streams:
            own_ns = (flow.cycles if flow.late_cycles is None else flow.late_cycles) * clock_ns
            if flow.kind == "partial_sums":
                per_pass = per_pass + own_ns
            elif flow.steps == steps:
                per_step = per_step + own_ns
            else:
                once = once + own_ns
    sums = [flow for flow in streams if flow.kind == "partial_sums"]
    values = [flow for flow in streams if flow.kind != "partial_sums"]
    per_pass = per_pass + sum(flow.head_cycles for flow in sums) * clock_ns
    for group, each_ns in ((sums, sums_ns), (values, values_ns)) if apart else ((streams, values_ns),):
        if not group:
            continue
        turns = min(flow.steps for flow in group)
        serial_ns = sum(flow.serial_cycles * (flow.steps / turns) for flow in group) * clock_ns
        over_ns = serial_ns - each_ns * group[0].passes * (group[0].steps / turns)
        tail_ns = sum(flow.tail_cycles for flow in group) * clock_ns
        wait_ns = (over_ns + sqrt(over_ns * over_ns + 2.0 * tail_ns * serial_ns)) / 2.0
        wait_ns = minimum(tail_ns + wait_ns, serial_ns)
        heads = [flow.head_cycles for flow in group if flow.kind != "partial_sums"]
        if not heads:
            per_pass = per_pass + wait_ns
            continue
        wait_ns = wait_ns + reduce(maximum, heads) * clock_ns
        if turns == steps:
            per_step = per_step + wait_ns
        else:
            once = once + wait_ns
    return Late(once, per_pass, per_step)


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

            snake = self._mesh.snake
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
        if self._mesh.snake and (rows_a - rows_b) % 2:  # one of the last rows runs backwards
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
        reach = count - 1 if self._mesh.snake else wrapped
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


def parted_outputs(plan: LayerPlan, hardware: Hardware) -> Real:
    """Outputs of which two tiles hold columns although both hold whole blocks of them.

    An output ends with a block every (its columns) / gcd(these, columns of a block) blocks: the mean is taken.
    """
    between = _cuts(plan, plan.row_blocks * plan.col_blocks) - _cuts(plan, plan.row_blocks)
    return between * (1.0 - _common(hardware.weight_columns, plan.columns_per_output) / plan.columns_per_output)


def _cuts(plan: LayerPlan, size: Real) -> Real:
    """Borders of tiles that do not fall between two sets of `size` crossbars; tiles begin every `per_tile` of them."""
    borders = plan.tiles - 1
    return borders - floor_div(borders * _common(plan.per_tile, size), size)


def _common(a: Real, b: Real) -> Real:
    """The greatest common divisor of whole numbers."""
    if is_array(a, b):
        return np.gcd(np.asarray(a, np.int64), np.asarray(b, np.int64)).astype(np.float64)
    return math.gcd(int(a), int(b))


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
            for source in dict.fromkeys(node.inputs):
                if layer_of[source] != layer_of[node.name]:
                    made.append(makers.shortcut(node, source))
                elif isinstance(node, Product) and source not in makers.gathered:
                    made.extend(makers.gather(source))
    return tuple(made)


@dataclass(frozen=True)
class _Flows:
    mapping: Mapping
    activity: Activity
    layer_of: MappingType[str, str | None]

    def __post_init__(self) -> None:
        object.__setattr__(self, "distances", Distances(self.mapping.mesh))
        object.__setattr__(self, "gathered", gathered(self.mapping.network))

    distances: Distances = field(init=False)
    gathered: frozenset[str] = field(init=False)

    def _held(self, layer: str, node: str) -> tuple[Run, Real]:
        """The tiles of a layer that hold a node's output, and the largest share that one of them has."""
        plan = self.mapping.layers[layer]
        return (Run(plan.first_tile, 1), 1.0) if node in self.gathered else (_run(plan), most_owned(plan))

    def feed(self, node: Conv | Linear) -> Flow:
        """What layer `node` reads, from the layer before it or from the port."""
        network, source = self.mapping.network, node.inputs[0]
        plan, sender = self.mapping.layers[node.name], self.layer_of[source]
        share, target = needed_share(plan, self.mapping.hardware), _run(plan)
        if sender is None or from_port(network, node.name, sender):  # pooled on arrival
            spec = network.model.input
            steps = network.time_steps if spec.coding == "events" else 1
            payload = self._dense(network.edges["input"].size * spec.bits * share)
            return self._sent(node.name, node.name, "input", _PORT, target, steps, 1.0, payload, 0)
        edge, (origin, busiest) = network.edges[source], self._held(sender, source)
        # a tile has a run of the channels, and one that reads some of them meets those tiles only
        reach = minimum(needed_rows(plan, self.mapping.hardware) + 1.0 / origin.count, 1.0)
        each = edge.size * share / (origin.count * reach)
        if edge.bits > 1:
            return self._values(sender, node.name, "graded", origin, target, busiest, reach, each * edge.bits)
        rate = spike_rate(self.mapping, self.activity, node, sender)
        return self._values(sender, node.name, "spikes", origin, target, busiest, reach, each, rate)

    def shortcut(self, node: Add | Product, source: str) -> Flow:
        """An edge to the tiles that add it, of which each needs what it owns, or to the one that multiplies it."""
        network, target, sender = self.mapping.network, self.layer_of[node.name], self.layer_of[source]
        assert target is not None
        edge, (reached, most) = network.edges[source], self._held(target, node.name)
        origin, busiest = (_PORT, 1.0) if sender is None else self._held(sender, source)
        busiest = maximum(busiest, most)
        # both have runs of the same channels: as many pairs as borders, of which common ones count once
        pairs = origin.count + reached.count - _common(origin.count, reached.count)
        reach = pairs / (origin.count * reached.count)
        return self._added(sender or target, target, source, origin, reached, busiest, reach, edge.size / pairs)

    def gather(self, source: str) -> list[Flow]:
        """An operand of a product, from the other tiles of the layer that makes it to the one that multiplies."""
        layer = self.layer_of[source]
        assert layer is not None
        plan = self.mapping.layers[layer]
        if not is_array(plan.tiles) and plan.tiles == 1:
            return []
        there = where(plan.tiles > 1, 1.0, 0.0)
        others, first = Run(plan.first_tile + 1, maximum(plan.tiles - 1, 1)), Run(plan.first_tile, 1)
        each = self.mapping.network.edges[source].size / plan.tiles
        flow = self._added(layer, layer, source, others, first, 1.0, there, each)
        return [replace(flow, head_cycles=there * flow.head_cycles)]

    def _added(
        self, layer: str, target: str, source: str, a: Run, b: Run, busiest: Real, reach: Real, values: Real
    ) -> Flow:
        """So many values of an operand over a share `reach` of all pairs of tiles."""
        network, edge = self.mapping.network, self.mapping.network.edges[source]
        if network.constant(source):
            payload = self._dense(values * edge.bits) * reach
            return self._sent(layer, target, "shortcut", a, b, 1, busiest, payload, 0)
        rate = shortcut_rate(self.mapping, self.activity, self.layer_of[source]) if edge.bits == 1 else None
        return self._values(layer, target, "shortcut", a, b, busiest, reach, values * edge.bits, rate)

    def partial_sums(self, plan: LayerPlan) -> list[Flow]:
        """Packets of one output pixel from every pair of tiles that hold a column: sums of the other one's outputs.

        And of an output whose columns lie in two blocks of them, where tiles divide these.
        """
        if not is_array(plan.tiles) and plan.tiles == 1:
            return []
        cut, held = cut_columns(plan)
        cut = where(plan.conversion_blocks > 1, cut, 0.0)
        parted, hardware = parted_outputs(plan, self.mapping.hardware), self.mapping.hardware
        if not is_array(cut, parted) and not cut + parted:
            return []
        bits = partial_sum_bits(plan, hardware)
        packet = self._dense(plan.outputs / (plan.groups * plan.col_blocks) / held * bits)
        one, pairs = self._dense(bits), cut * held * (held - 1.0)
        awake: Real = 1.0
        if hardware.crossbar.event_driven:  # a tile whose row blocks are all idle sends nothing
            idle = idle_share(plan, hardware, self.activity.layers[plan.name])
            awake = 1.0 - idle ** (plan.row_blocks / held)
        sent, near = (awake * flits * plan.positions / plan.copies for flits in (packet * pairs, one * parted))
        together = minimum(maximum(ceil(held), 2), maximum(plan.tiles, 2))
        links = sent * self.distances.among(_run(plan), together) + near * self.distances.among(_run(plan), 2)
        sends, flits = where(cut + parted > 0, 1.0, 0.0), sent + near
        # a tile between two others holds parts of two columns
        each = packet * (held - 1.0) * minimum(ceil(cut * held / plan.tiles), 2)
        each = maximum(each, where(parted > 0, one, 0.0))
        head = sends * zero_load_cycles(self.distances.spread(_run(plan), together) + 1, 1, self._pipeline)
        tail, serial = (sends * maximum(flits - 1.0, 0.0) for flits in (each, each * plan.turns))
        return [Flow(plan.name, plan.name, "partial_sums", plan.steps, flits, flits, links, head, serial, tail, 1)]

    def _values(
        self,
        layer: str,
        target: str,
        kind: Kind,
        a: Run,
        b: Run,
        busiest: Real,
        reach: Real,
        bits: Real,
        rate: Real | None = None,
    ) -> Flow:
        """`bits` over a share `reach` of all pairs of tiles per time-step; one-bit values, a share `rate` active."""
        steps, passes = self.mapping.network.time_steps, 1
        if steps > 1 and self.mapping.hardware.schedule.order == "layer_first":
            bits, passes, steps = bits * steps, passes * steps, 1
        flits = self._dense(bits) if rate is None else self._encoded(bits, minimum(rate, 1.0))
        return self._sent(layer, target, kind, a, b, steps, busiest, flits * reach, passes)

    def _sent(
        self,
        layer: str,
        target: str,
        kind: Kind,
        a: Run,
        b: Run,
        steps: int,
        busiest: Real,
        each: Real,
        passes: int,
    ) -> Flow:
        """`each` flits from every tile to every tile on average.

        The busiest port has a share `busiest` of all of them, if no link has more. A tile's last packets to all others
        leave together, and meet as many at their ends.
        """
        mesh, noc = self.mapping.mesh, self.mapping.hardware.noc
        share = busiest_link(a.first, a.count, b.first, b.count, mesh.width, mesh.snake)
        # around a loop, a tile keeps what it needs itself
        receivers = b.count - (1 if layer == target and kind in ("spikes", "graded") else 0)
        sends = where(receivers > 0, 1.0, 0.0)
        flits, links = each * a.count * receivers, each * self.distances.total(a, b)
        head = sends * zero_load_cycles(self.distances.farthest(a, b) + 1, 1, self._pipeline)
        serial = maximum(maximum(busiest, share) * flits - 1.0, 0.0)
        last = minimum(each, noc.packet_flits + 1.0) * share * a.count * receivers
        tail = minimum(maximum(last - 1.0, 0.0), serial)
        return Flow(layer, target, kind, steps, flits, flits, links, head, serial, tail, passes)

    def _dense(self, bits: Real) -> Real:
        """Flits of so many bits: the payload, and a header for every packet of it."""
        noc = self.mapping.hardware.noc
        return dense(bits, 1, noc.flit_bits, noc.packet_flits).flits

    def _encoded(self, values: Real, rate: Real) -> Real:
        """Flits of so many values, of which a share is active."""
        noc = self.mapping.hardware.noc
        return expected_sent(noc.encoding, values, 1, rate, noc.flit_bits, noc.packet_flits).flits

    @property
    def _pipeline(self) -> str:
        return self.mapping.hardware.noc.pipeline


def _run(plan: LayerPlan) -> Run:
    return Run(plan.first_tile, plan.tiles)
