"""The mesh in closed form: the same transfers as `traffic`, spread evenly, for one chip or a hundred thousand.

Evenly: the tiles of a layer own equal shares of its outputs and need equal shares of its input, and the tiles that hold
parts of one column exchange equal shares of its sums. Exact are the number of those tiles (from the plan's order), and
the sum of distances between any two runs of tiles, which is a polynomial. Tests hold the flits, links and cycles
against the transfers of `traffic` tile by tile: of VGG9's and ResNet19's flits in sum the two differ by up to a fifth,
of links by more, of a spiking transformer's by 7 %, and of single layers severalfold where every tile holds a channel
or two that few of the next layer's tiles read. Cycles are those of the tile that owns most outputs. Left out are pools
whose windows lie on two tiles of a layer.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field, replace

from .._arrays import Real, ceil, is_array, maximum, minimum, where
from ..activity import Activity
from ..mapping import LayerPlan, Mapping, partial_sum_bits
from ..network import Add, Conv, Linear, Product
from .distances import Distances, Run
from .edges import Kind, from_port, gathered, owners, shortcut_rate, spike_rate
from .encodings import expected_sent
from .encodings.base import dense
from .flow import Flow
from .link_bound import busiest_link
from .shares import common, cut_columns, idle_share, most_owned, needed_rows, needed_share, parted_outputs
from .zero_load import zero_load_cycles

#: the tile next to the port that feeds the chip
_PORT = Run(0, 1)


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
        pairs = origin.count + reached.count - common(origin.count, reached.count)
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
