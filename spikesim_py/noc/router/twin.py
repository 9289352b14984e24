"""The router in plain Python: what `kernels.py` does, written to be read, one object per channel.

Every packet is a tree here, one that goes to a single node has one branch. In a cycle every router decides on the state
that it begins with: who gets the switch, who gets output channels, which heads are routed; then flits move.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..fabric import LOCAL, PORTS, Fabric, Packets

STEPS = ((1, 0), (-1, 0), (0, 1), (0, -1))
OPPOSITE = (1, 0, 3, 2)


@dataclass(frozen=True)
class Packet:
    number: int
    source: int
    destinations: tuple[int, ...]
    flits: int
    created: int

    @property
    def forks(self) -> bool:
        return len(self.destinations) > 1


@dataclass(frozen=True)
class Flit:
    packet: Packet
    index: int


@dataclass
class Output:
    """A virtual channel of an output port: who holds it, and how many slots are free behind it."""

    credits: int
    held: bool = False
    pointer: int = 0


@dataclass
class Branch:
    """The way of the packet in front to one output port."""

    vc: int | None = None
    sent: int = 0


@dataclass
class Input:
    """A virtual channel of an input port. Stages: idle, routing, ready."""

    port: int
    vc: int
    buffer: deque[Flit] = field(default_factory=deque)
    stage: str = "idle"
    branches: dict[int, Branch] = field(default_factory=dict)
    popped: int = 0
    pointer: int = 0


def round_robin(candidates: Iterable[int], pointer: int, size: int) -> int:
    return min(candidates, key=lambda candidate: (candidate - pointer) % size)


class Router:
    def __init__(self, mesh: Mesh, node: int) -> None:
        self.mesh, self.node, vcs = mesh, node, mesh.fabric.vcs
        self.inputs = [[Input(port, vc) for vc in range(vcs)] for port in range(PORTS)]
        self.outputs = [[Output(mesh.fabric.buffer_flits) for _ in range(vcs)] for _ in range(PORTS)]
        self.grant_pointer, self.accept_pointer, self.turn = [0] * PORTS, [0] * PORTS, [0] * PORTS

    def receive(self, port: int, vc: int, flit: Flit) -> None:
        channel = self.inputs[port][vc]
        channel.buffer.append(flit)
        if channel.stage == "idle":
            self._start(channel)

    def _start(self, channel: Input) -> None:
        channel.stage = "routing"
        channel.branches, channel.popped = {}, 0
        if self.mesh.fabric.pipeline != "A":
            self._route(channel)

    def _route(self, channel: Input) -> None:
        packet = channel.buffer[0].packet
        channel.stage = "ready"
        channel.branches = {port: Branch() for port in self.mesh.ports(packet, self.node)}

    def can_send(self, channel: Input, port: int) -> bool:
        """A flit, and a slot for it; a packet that forks begins only when all its flits have one."""
        branch = channel.branches[port]
        if branch.vc is None or branch.sent - channel.popped >= len(channel.buffer):
            return False
        packet = channel.buffer[0].packet
        needed = packet.flits if packet.forks and branch.sent == 0 else 1
        return branch.sent < packet.flits and self.outputs[port][branch.vc].credits >= needed

    def _may_speculate(self, port: int) -> bool:
        speculates = self.mesh.fabric.pipeline == "C"
        return speculates and any(not output.held and output.credits for output in self.outputs[port])

    def _match_switch(self) -> dict[int, tuple[Input, list[int]]]:
        """Which channel of an input port sends to which output ports."""
        sure: dict[tuple[int, int], list[int]] = defaultdict(list)
        hopeful: dict[tuple[int, int], list[int]] = defaultdict(list)
        for channel in (channel for port in self.inputs for channel in port):
            for out, branch in channel.branches.items():
                if self.can_send(channel, out):
                    sure[channel.port, out].append(channel.vc)
                elif branch.vc is None and self._may_speculate(out):
                    hopeful[channel.port, out].append(channel.vc)
        granted: dict[int, list[int]] = defaultdict(list)
        for out in range(PORTS):
            ports = [port for port in range(PORTS) if sure[port, out] or hopeful[port, out]]
            if ports:
                granted[round_robin(ports, self.grant_pointer[out], PORTS)].append(out)
        winners = {}
        for port, outs in granted.items():
            out = round_robin(outs, self.accept_pointer[port], PORTS)
            vc = round_robin(sure[port, out] or hopeful[port, out], self.turn[port], len(self.inputs[port]))
            channel = self.inputs[port][vc]
            same = [
                other
                for other in outs
                if vc in sure[port, other] and channel.branches[other].sent == channel.branches[out].sent
            ]
            chosen = sorted({out, *same}) if channel.buffer[0].packet.forks else [out]
            winners[port] = channel, chosen
            self.accept_pointer[port] = (out + 1) % PORTS
            self.turn[port] = (vc + 1) % len(self.inputs[port])
            for other in chosen:
                self.grant_pointer[other] = (port + 1) % PORTS
        return winners

    def _match_channels(self) -> None:
        """A head asks for all free channels of its port, a tree at each of its ports: grant, then accept."""
        vcs = self.mesh.fabric.vcs
        for port, outputs in enumerate(self.outputs):
            wanting = {
                channel.port * vcs + channel.vc: channel
                for channel in (channel for row in self.inputs for channel in row)
                if port in channel.branches and channel.branches[port].vc is None
            }
            granted: dict[int, list[int]] = defaultdict(list)
            for vc, output in enumerate(outputs):
                if wanting and not output.held:
                    granted[round_robin(wanting, output.pointer, PORTS * vcs)].append(port * vcs + vc)
            for number, offers in granted.items():
                channel = wanting[number]
                taken = round_robin(offers, channel.pointer, PORTS * vcs)
                output = outputs[taken % vcs]
                output.held, output.pointer = True, (number + 1) % (PORTS * vcs)
                channel.pointer = (taken + 1) % (PORTS * vcs)
                channel.branches[port].vc = taken % vcs

    def step(self) -> None:
        routing = [channel for port in self.inputs for channel in port if channel.stage == "routing"]
        winners = self._match_switch()
        self._match_channels()
        for channel in routing:
            self._route(channel)
        for channel, outs in winners.values():
            self._traverse(channel, [out for out in outs if self.can_send(channel, out)])

    def _traverse(self, channel: Input, outs: list[int]) -> None:
        packet = channel.buffer[0].packet
        for out in outs:
            branch = channel.branches[out]
            assert branch.vc is not None
            output = self.outputs[out][branch.vc]
            flit = channel.buffer[branch.sent - channel.popped]
            output.credits -= 1
            branch.sent += 1
            if branch.sent == packet.flits:
                output.held = False
            self.mesh.forward(self.node, out, branch.vc, flit)
        if min(branch.sent for branch in channel.branches.values()) > channel.popped:
            channel.buffer.popleft()
            channel.popped += 1
            self.mesh.return_credit(self.node, channel.port, channel.vc)
            if channel.popped == packet.flits:
                channel.stage, channel.branches = "idle", {}
                if channel.buffer:
                    self._start(channel)


@dataclass
class Source:
    """A node's unbounded queue, and what it knows of its router's buffers."""

    credits: list[int]
    last_vc: int
    queue: deque[Packet] = field(default_factory=deque)
    sent: int = 0


class Mesh:
    """The network; `run` fills `arrived` (packet, node), `injected` (packet) and `vc_flits` (node, port, vc)."""

    def __init__(self, packets: Packets, fabric: Fabric) -> None:
        self.fabric, self.cycle = fabric, 0
        self.slow = 2 if fabric.pipeline == "D" else 0
        self.routers = [Router(self, node) for node in range(fabric.nodes)]
        self.sources = [Source([fabric.buffer_flits] * fabric.vcs, fabric.vcs - 1) for _ in range(fabric.nodes)]
        self.flits_on_wire: dict[int, list[tuple[int, int, int, Flit]]] = defaultdict(list)
        self.credits_on_wire: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        self.arrived: dict[tuple[int, int], int] = {}
        self.injected: dict[int, int] = {}
        self.vc_flits: Counter[tuple[int, int, int]] = Counter()
        self.deliveries = len(packets.destination)
        for number in range(len(packets)):
            where = packets.destination[packets.first[number] : packets.first[number + 1]].tolist()
            source, flits, created = (int(column[number]) for column in (packets.source, packets.flits, packets.cycle))
            self.sources[source].queue.append(Packet(number, source, tuple(where), flits, created))

    def ports(self, packet: Packet, node: int) -> list[int]:
        """Output ports at `node` of the XY routes from the packet's source to its destinations."""
        return sorted({route[node] for to in packet.destinations if node in (route := self._route(packet.source, to))})

    def _route(self, node: int, to: int) -> dict[int, int]:
        """Output port by router."""
        width = self.fabric.width
        ports = {}
        while node != to:
            x, to_x = node % width, to % width
            port = 0 if to_x > x else 1 if to_x < x else 2 if to > node else 3
            ports[node] = port
            node += STEPS[port][0] + width * STEPS[port][1]
        return ports | {to: LOCAL}

    def _beyond(self, node: int, port: int) -> int:
        return node + STEPS[port][0] + self.fabric.width * STEPS[port][1]

    def forward(self, node: int, port: int, vc: int, flit: Flit) -> None:
        """The crossbar takes a cycle, the channel two; a sink returns the credit when it has read the flit."""
        self.vc_flits[node, port, vc] += 1
        if port != LOCAL:
            self.flits_on_wire[self.cycle + 3].append((self._beyond(node, port), OPPOSITE[port], vc, flit))
            return
        if flit.index == flit.packet.flits - 1:
            self.arrived[flit.packet.number, node] = self.cycle + 3
        self.credits_on_wire[self.cycle + 3 + 2 + self.slow].append((node, port, vc))

    def return_credit(self, node: int, port: int, vc: int) -> None:
        if port == LOCAL:
            self.credits_on_wire[self.cycle + 2].append((node, -1, vc))
        else:
            self.credits_on_wire[self.cycle + 2 + self.slow].append((self._beyond(node, port), OPPOSITE[port], vc))

    def _inject(self, node: int, source: Source) -> None:
        if not source.queue or source.queue[0].created > self.cycle:
            return
        packet, vcs = source.queue[0], self.fabric.vcs
        if source.sent == 0:
            needed = packet.flits if packet.forks else 1
            free = [vc for vc in range(vcs) if source.credits[vc] >= needed]
            if not free:
                return
            source.last_vc = round_robin(free, source.last_vc + 1, vcs)
            self.injected[packet.number] = self.cycle
        if source.credits[source.last_vc]:
            source.credits[source.last_vc] -= 1
            flit = Flit(packet, source.sent)
            self.flits_on_wire[self.cycle + 2].append((node, LOCAL, source.last_vc, flit))
            source.sent += 1
            if source.sent == packet.flits:
                source.queue.popleft()
                source.sent = 0

    def run(self, most_cycles: int = 100_000) -> None:
        while len(self.arrived) < self.deliveries and self.cycle < most_cycles:
            for node, port, vc in self.credits_on_wire.pop(self.cycle, []):
                if port < 0:
                    self.sources[node].credits[vc] += 1
                else:
                    self.routers[node].outputs[port][vc].credits += 1
            for node, port, vc, flit in self.flits_on_wire.pop(self.cycle, []):
                self.routers[node].receive(port, vc, flit)
            for node, source in enumerate(self.sources):
                self._inject(node, source)
            for router in self.routers:
                router.step()
            self.cycle += 1
