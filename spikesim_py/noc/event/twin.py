"""The same events in plain Python: what `kernels.py` does, written to be read, one object per edge of a packet's tree.

An edge is one packet on one link. It is visited when it may ask for a virtual channel of its link, and again whenever
what it lacked is there: a channel, or a slot in the buffer behind the link. Then it wins the switch. Its tail is known
once the head is so far ahead, in all branches, that the buffers between hold the rest of the packet.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count, islice

from ..fabric import LOCAL, Fabric, Packets

SOURCE = 5  # the port of the link from a node into its router


@dataclass(eq=False)
class Packet:
    number: int
    source: int
    flits: int
    created: int


@dataclass(eq=False)
class Channel:
    """A virtual channel of a link, and its buffer at the far end.

    Attributes:
        held: until a packet's tail is known. free: from when it can be given to another, if not held.
        entered: flits that the buffer was given, ever. left: the cycle in which each of them leaves, as far as known.
        queue: edges whose packets are in the buffer. starved: the edge that holds it, while it has no slot.
    """

    held: bool = False
    free: int = 0
    entered: int = 0
    left: list[int] = field(default_factory=list)
    queue: deque[Edge] = field(default_factory=deque)
    starved: Edge | None = None


@dataclass(eq=False)
class Link:
    """From a router, or a node, to the next.

    Attributes:
        wire: cycles from winning the switch to the next buffer. free: when it can take the next packet.
        waiting: edges without a channel. feeding: the edge whose packet the input port at the far end serves, or
            served last; input_free: when it can serve another.
    """

    port: int
    channels: list[Channel]
    free: int = 0
    waiting: deque[Edge] = field(default_factory=deque)
    feeding: Edge | None = None
    input_free: int = 0

    @property
    def wire(self) -> int:
        return 2 if self.port == SOURCE else 3


@dataclass(eq=False)
class Edge:
    """A packet on a link; head and tail are the cycles in which they win the switch.

    Attributes:
        unknown: on how many heads the tail still waits, its own among them.
    """

    packet: Packet
    link: Link
    parent: Edge | None
    children: list[Edge] = field(default_factory=list)
    channel: Channel | None = None
    head: int | None = None
    tail: int = -1
    unknown: int = 0

    def upward(self) -> Iterator[Edge]:
        """This edge and those before it."""
        edge: Edge | None = self
        while edge is not None:
            yield edge
            edge = edge.parent


class Mesh:
    """The network; `run` fills `arrived` (packet, node), `injected` (packet) and `link_flits` (node, port)."""

    def __init__(self, packets: Packets, fabric: Fabric) -> None:
        self.fabric, self.slots = fabric, fabric.buffer_flits
        self.routing = 1 if fabric.pipeline == "A" else 0
        self.allocation = 0 if fabric.pipeline == "C" else 1
        self.credit = 4 if fabric.pipeline == "D" else 2
        self.stall = max(self.credit + 3 - self.slots, 0)  # per buffer that a worm fills: a round trip beyond its slots
        self.links = {
            (node, port): Link(port, [Channel() for _ in range(fabric.vcs)])
            for node in range(fabric.nodes)
            for port in range(SOURCE + 1)
        }
        self.events: list[tuple[int, bool, int, Edge]] = []
        self.numbers = count()
        self.queues: list[deque[Edge]] = [deque() for _ in range(fabric.nodes)]
        self.leaves: dict[tuple[int, int], Edge] = {}
        self.arrived: dict[tuple[int, int], int] = {}
        self.injected: dict[int, int] = {}
        self.link_flits: Counter[tuple[int, int]] = Counter()
        for number, source in enumerate(packets.source.tolist()):
            packet = Packet(number, source, int(packets.flits[number]), int(packets.cycle[number]))
            where = packets.destination[packets.first[number] : packets.first[number + 1]].tolist()
            self.queues[source].append(self._grow(packet, where))

    def _grow(self, packet: Packet, destinations: list[int]) -> Edge:
        """The packet's tree of XY routes, each link once; its root."""
        source = packet.source
        root = self._edge(packet, source, SOURCE, None)
        entering = {source: root}
        for to in destinations:
            node = source
            for port, beyond in self._route(source, to):
                if beyond not in entering:
                    entering[beyond] = self._edge(packet, node, port, entering[node])
                node = beyond
            self.leaves[packet.number, to] = self._edge(packet, to, LOCAL, entering[to])
        return root

    def _route(self, node: int, to: int) -> Iterator[tuple[int, int]]:
        """Output port and next router, hop by hop."""
        width = self.fabric.width
        while node != to:
            x, to_x = node % width, to % width
            port = 0 if to_x > x else 1 if to_x < x else 2 if to > node else 3
            node += (1, -1, width, -width)[port]
            yield port, node

    def _edge(self, packet: Packet, node: int, port: int, parent: Edge | None) -> Edge:
        edge = Edge(packet, self.links[node, port], parent)
        if parent is not None:
            parent.children.append(edge)
            self.link_flits[node, port] += packet.flits
        for each in self._worm(edge):
            each.unknown += 1
        return edge

    def _span(self, packet: Packet) -> int:
        """How many more buffers than one a packet fills."""
        return (packet.flits - 1) // self.slots

    def _worm(self, edge: Edge) -> Iterator[Edge]:
        """This edge and those before it on which the packet still is when its head is here."""
        return islice(edge.upward(), self._span(edge.packet) + 1)

    def run(self) -> None:
        for queue in self.queues:
            if queue:
                self._later(queue[0], queue[0].packet.created)
        while self.events:
            cycle, _, _, edge = heappop(self.events)
            self._visit(edge, cycle)
        self.arrived = {key: edge.tail + 3 for key, edge in self.leaves.items()}

    def _later(self, edge: Edge, cycle: int, fresh: bool = True) -> None:
        """Visit an edge then: those that have waited before fresh ones, else in the order in which they were noted."""
        heappush(self.events, (cycle, fresh, next(self.numbers), edge))

    def _visit(self, edge: Edge, now: int) -> None:
        """Take a channel, then a slot behind it, then the switch; or wait for what is not there."""
        earliest = now
        if edge.channel is None:
            free = [channel for channel in edge.link.channels if not channel.held]
            if not free:
                edge.link.waiting.append(edge)
                return
            soonest = min(free, key=lambda channel: channel.free)
            if soonest.free > now:
                self._later(edge, soonest.free, fresh=False)
                return
            edge.channel, soonest.held = soonest, True
            earliest += 0 if edge.parent is None else self.allocation
        if edge.link.port != LOCAL:  # a node takes all that comes
            slot = edge.channel.entered - self.slots  # the flit whose slot the head takes
            if slot >= len(edge.channel.left):
                edge.channel.starved = edge
                return
            if slot >= 0:
                earliest = max(earliest, edge.channel.left[slot] + self.credit)
        self._win(edge, earliest)

    def _win(self, edge: Edge, earliest: int) -> None:
        """The head wins the switch when link and input port have passed what came first; when may the tail?"""
        link, flits, parent = edge.link, edge.packet.flits, edge.parent
        won = max(earliest, link.free)
        if parent is not None:  # an input port sends one flit per cycle, to all branches of a packet at once
            feed = parent.link
            won = max(won, feed.input_free - (flits if feed.feeding is parent else 0))
            feed.feeding, feed.input_free = parent, won + flits
        link.free = max(link.free, earliest) + flits
        last = won + flits - 1 + self._span(edge.packet) * self.stall
        if link.port != LOCAL:
            last = max(last, self._enter(edge, won))
        if parent is not None:
            last = max(last, parent.tail + parent.link.wire)
        else:
            self.injected[edge.packet.number] = won
        edge.head, edge.tail = won, last
        if parent is not None and all(child.head is not None for child in parent.children):
            self._leave(parent, won, last)
        self._settle(edge)

    def _enter(self, edge: Edge, won: int) -> int:
        """Into the buffer behind the link, in front or behind others; from when its last flit has a slot, if known."""
        channel, flits = edge.channel, edge.packet.flits
        assert channel is not None
        slot = channel.entered + flits - 1 - self.slots  # the flit whose slot the last one takes
        known = 0 <= slot < len(channel.left)
        channel.entered += flits
        channel.queue.append(edge)
        if len(channel.queue) == 1:
            for child in edge.children:
                self._later(child, won + edge.link.wire + self.routing)
        return channel.left[slot] + self.credit if known else won

    def _leave(self, edge: Edge, won: int, last: int) -> None:
        """All branches have the packet: its flits leave the buffer behind the edge at an even pace."""
        channel, flits = edge.channel, edge.packet.flits
        assert channel is not None
        pace = (last - won) / max(flits - 1, 1)
        channel.left += [won + int(flit * pace) for flit in range(flits)]
        if channel.starved is not None:
            self._later(channel.starved, won + self.credit, fresh=False)
            channel.starved = None

    def _settle(self, edge: Edge) -> None:
        """A head is on: tails behind it come closer, by a buffer per edge, and some are known now."""
        assert edge.head is not None
        known = []
        for level, behind in enumerate(self._worm(edge)):
            reach = edge.head + edge.packet.flits - 1 - level * self.slots + level * self.credit
            behind.tail = max(behind.tail, reach)
            behind.unknown -= 1
            if behind.unknown == 0:
                known.append(behind)
        for done in reversed(known):
            self._free(done)

    def _free(self, edge: Edge) -> None:
        """The tail is known: the channel is given back, the source or the buffer before it goes on."""
        end, link, channel = edge.tail + 1, edge.link, edge.channel
        assert channel is not None
        channel.held, channel.free = False, end
        if link.waiting:
            self._later(link.waiting.popleft(), end, fresh=False)
        if edge.parent is None:
            self._next_of_source(edge.packet.source, end)
        elif all(branch.unknown == 0 for branch in edge.parent.children):
            self._next_in_buffer(edge.parent)

    def _next_of_source(self, node: int, cycle: int) -> None:
        queue = self.queues[node]
        queue.popleft()
        if queue:
            self._later(queue[0], max(queue[0].packet.created, cycle))

    def _next_in_buffer(self, edge: Edge) -> None:
        """The packet has left the buffer behind the edge: the next one there is in front."""
        assert edge.channel is not None
        queue = edge.channel.queue
        queue.popleft()
        if queue:
            front, ready = queue[0], max(branch.tail + 1 for branch in edge.children)
            assert front.head is not None
            start = max(ready, front.head + front.link.wire) + self.routing
            for child in front.children:
                self._later(child, start)
