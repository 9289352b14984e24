"""Latency under contention without simulation: zero-load latency plus queueing at every link.

A link serves packets first come first served at one flit per cycle. A packet waits only for those from other inputs of
its router, as those from its own come one behind another (Agarwal, IEEE TPDS 2(4), 1991, with the measured shares
instead of 1/k). With load r, packets of L flits, and shares p_i of the inputs ::

    w = L r / (2 (1 - r)) (1 - sum p_i^2)                     M/D/1, Kleinrock, Queueing Systems I, eq. 5.71

times 1 + 1.5 r with several virtual channels, whose packets take turns flit by flit (fitted to the cycle model).
The V channels of a link are servers of their own: each is held for S = max(L + 2 or L + 1, credits) cycles, and for a
share 1 / (1 + 0.2 B / L) of the waiting behind it (fitted), of all routers over which the worm spreads ::

    v = S u^(sqrt(2 V + 2) - 1) / (2 V (1 - u)) (1 + c^2)     M/G/V, Sakasegawa, Ann. Inst. Stat. Math. 29A (1977)

with u the share of time that they are held and c the share of waiting in it (taken as exponential). Ogras, Bogdan and
Marculescu (IEEE TCAD 29(12), 2010) and Kiasari, Lu and Jantsch (IEEE TVLSI 21(1), 2013) solve such queues per router.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..errors import InputError
from .event.trees import Trees, trees
from .fabric import HOP_CYCLES, LOCAL, PORTS, Fabric, Floats, Ints, NocResult, Packets

#: largest share of capacity at which latencies are trusted: of packets that fit a buffer, and of longer ones
TRUSTED, TRUSTED_WORM = 0.6, 0.3
#: how many packets in a buffer take waits behind it away from its channel, and what turns of flits add per load:
#: fitted to the cycle model (docs/noc_models.csv)
_DECOUPLED, _TURNS = 0.2, 1.5
#: cycles from winning the switch to winning it with the returned slot, for a head and for the flits behind it
#: (BookSim2, 28f43299)
_ROUND_TRIP = {"A": (7, 5), "B": (6, 5), "C": (5, 5), "D": (8, 7)}
#: load at which waits are cut off
_FULL = 0.98


def channel_cycles(fabric: Fabric, flits: float) -> float:
    """Least cycles between two packets of one virtual channel: its states, or the slots of its buffer."""
    head, body = _ROUND_TRIP[fabric.pipeline]
    return max(flits + (2 if fabric.pipeline == "A" else 1), (head + body * (flits - 1)) / fabric.buffer_flits)


def link_capacity(fabric: Fabric, flits: float) -> float:
    """Flits per cycle that a link can pass, in packets of so many."""
    return min(1.0, fabric.vcs * flits / channel_cycles(fabric, flits))


@dataclass(frozen=True, eq=False)
class LoadEstimate:
    """Steady traffic.

    Attributes:
        latency_cycles: (nodes, nodes) from creation to the tail's arrival, queueing included; infinite where saturated.
        mean_latency_cycles: over all packets. link_load: (nodes, 5) flits per cycle by output port.
        capacity: flits per cycle of a link. largest_load: the largest share of capacity on a link or of its channels'
            time. warnings: why the numbers may be off.
    """

    latency_cycles: Floats
    mean_latency_cycles: float
    link_load: Floats
    capacity: float
    largest_load: float
    warnings: tuple[str, ...]


def estimate_load(rates: Floats, flits: int, fabric: Fabric) -> LoadEstimate:
    """Mean latencies of random packets of one length.

    Args:
        rates: (nodes, nodes) flits per cycle from node to node, each packet on its own (Bernoulli).
    """
    nodes = fabric.nodes
    if np.shape(rates) != (nodes, nodes) or np.min(rates) < 0:
        raise InputError(f"rates of shape {np.shape(rates)}: must be {(nodes, nodes)}, and 0 or more")
    source, destination = np.nonzero(np.ones((nodes, nodes)))
    found = trees(source, np.arange(nodes * nodes + 1), destination, fabric.width, nodes)
    queues = _Queues(found, np.asarray(rates, np.float64).ravel()[found.packet], float(flits), fabric)
    waits = queues.waits() if queues.stable else np.where(queues.load > 0, np.inf, 0.0)
    latency = _zero_load(found, np.full(nodes * nodes, flits), fabric) + found.along(waits[found.link])
    weights = np.ravel(rates) / max(np.sum(rates), 1e-300)
    mean = float((latency[weights > 0] * weights[weights > 0]).sum())
    link_load = queues.load[: PORTS * nodes].reshape(nodes, PORTS)
    warnings = _warnings(queues.largest, float(flits), fabric)
    return LoadEstimate(
        latency.reshape(nodes, nodes), mean, link_load, queues.capacity, queues.largest, warnings
    )  # fmt: skip


def estimate(packets: Packets, fabric: Fabric) -> NocResult:
    """A trace: waits at each link's mean load between the first and the last packet that it passes.

    What exceeds a link's capacity in that time waits half of the time that it takes to drain. The last packet leaves
    not before the busiest link has passed all of its flits, after the first head's way there and before its own on: a
    lower bound, which worms that block each other in short buffers exceed.
    """
    nodes, n = fabric.nodes, len(packets)
    if not n:
        return NocResult(fabric, packets, "analytic", 0.0, np.zeros(0), np.zeros(0), np.zeros((nodes, PORTS)))
    found = trees(packets.source, packets.first, packets.destination, fabric.width, nodes)
    link, copies = found.link, np.diff(packets.first)
    flits, created = packets.flits[found.packet].astype(np.float64), packets.cycle[found.packet]
    length = float((packets.flits**2).sum() / packets.flits.sum())
    first, last = np.full(6 * nodes, np.inf), np.zeros(6 * nodes)
    np.minimum.at(first, link, created)
    np.maximum.at(last, link, created)
    passed: Floats = np.bincount(link, flits, 6 * nodes).astype(np.float64)
    capacity = np.where(np.arange(6 * nodes) < PORTS * nodes, link_capacity(fabric, length), 1.0)
    window = np.where(passed > 0, last - np.where(passed > 0, first, 0.0) + 1.0, 1.0)
    load = passed / window
    others = np.maximum(passed - length, 0.0)
    excess = np.maximum(others / capacity - (window - 1), 0.0)
    queues = _Queues(found, flits, length, fabric, np.minimum(load, TRUSTED * capacity))
    waits = np.minimum(queues.waits(), others / 2)  # no longer than the others take
    network = np.where(np.arange(6 * nodes) < PORTS * nodes, waits, 0.0)
    zero = _zero_load(found, packets.flits, fabric)
    stuck = found.along(excess[link] / 2, highest=True)
    latency = zero + found.along(waits[link]) + stuck
    start = np.repeat(packets.cycle, copies)
    # when a head may come to a link, and how long the nearest destination is from there
    depth = found.along_edges(np.ones(len(link)))
    hop = HOP_CYCLES[fabric.pipeline]
    begins, rest = np.full(6 * nodes, np.inf), np.full(6 * nodes, np.inf)
    np.minimum.at(begins, link, created + hop * (depth - 1))
    farthest = np.zeros(n)
    np.maximum.at(farthest, found.packet, depth)
    np.minimum.at(rest, link, hop * (farthest[found.packet] - depth) + 2)
    drained = np.where(passed > 0, begins + others / capacity + length + rest, 0.0)
    duration = max(float(drained.max()), float((start + zero).max()) + 1.0)
    latency = np.minimum(latency, duration - 1.0 - start)
    return NocResult(
        fabric,
        packets,
        "analytic",
        duration,
        start + latency,
        np.minimum(zero + found.along(network[link]), latency),
        passed[: PORTS * nodes].reshape(nodes, PORTS),
        warnings=_warnings(float((load / capacity).max()), length, fabric),
    )


def _zero_load(found: Trees, flits: Ints, fabric: Fabric) -> Floats:
    """(deliveries,) latency on an empty mesh; a buffer shorter than its round trip slows what follows the head."""
    routers = found.along(np.ones(len(found.link))) - 1
    stall = max(_ROUND_TRIP[fabric.pipeline][1] - fabric.buffer_flits, 0)
    follow = (flits - 1) + (flits - 1) // fabric.buffer_flits * stall
    return 2 + HOP_CYCLES[fabric.pipeline] * routers + follow[found.packet[found.leaf]]


def _warnings(largest: float, flits: float, fabric: Fabric) -> tuple[str, ...]:
    trusted = TRUSTED if flits <= fabric.buffer_flits else TRUSTED_WORM
    if largest <= trusted:
        return ()
    said = f"analytic: largest load {largest:.0%} of capacity, latencies are trusted up to {trusted:.0%}"
    return (f"{said}: use event or cycle",)


@dataclass(frozen=True, eq=False)
class _Queues:
    """Queues of all links, output ports first and injection links last.

    Attributes:
        found: the routes. weights: (edges,) what each sends, in any unit. flits: per packet. load: (6 nodes,) flits per
            cycle; the sum of weights if none is given.
    """

    found: Trees
    weights: Floats
    flits: float
    fabric: Fabric
    given: Floats | None = None
    load: Floats = field(init=False)
    capacity: float = field(init=False)
    largest: float = field(init=False)
    stable: bool = field(init=False)

    def __post_init__(self) -> None:
        links = 6 * self.fabric.nodes
        load = np.bincount(self.found.link, self.weights, links) if self.given is None else self.given
        object.__setattr__(self, "load", load)
        object.__setattr__(self, "capacity", link_capacity(self.fabric, self.flits))
        _, held = self._solved()
        share = load[: PORTS * self.fabric.nodes].max() / self.capacity
        object.__setattr__(self, "largest", float(max(share, held.max(), load.max())))
        object.__setattr__(self, "stable", self.largest < 1.0)

    def waits(self) -> Floats:
        """(6 nodes,) mean cycles that a packet waits for each link."""
        return self._solved()[0]

    def _turns(self) -> tuple[Floats, Floats]:
        """(links, 5) share of each link's flits from each input, and of each input link's that go there."""
        nodes, width = self.fabric.nodes, self.fabric.width
        inner = self.found.parent >= 0
        link, before = self.found.link[inner], self.found.link[self.found.parent[inner]]
        port = np.where(before < PORTS * nodes, before % PORTS, LOCAL)
        sent = np.bincount(PORTS * link + port, self.weights[inner], 6 * nodes * PORTS).reshape(-1, PORTS)
        total = np.bincount(self.found.link, self.weights, 6 * nodes)
        return sent / np.maximum(sent.sum(1, keepdims=True), 1e-300), sent / np.maximum(
            total[_inputs(nodes, width)], 1e-300
        )

    def _solved(self) -> tuple[Floats, Floats]:
        """Waits, and the share of time in which channels are held."""
        fabric, flits, vcs = self.fabric, self.flits, self.fabric.vcs
        shares, onward = self._turns()
        inputs = _inputs(fabric.nodes, fabric.width)
        others = 1.0 - (shares**2).sum(1)
        rho = np.minimum(self.load, _FULL)
        for_link = flits * rho / (2 * (1 - rho)) * others * (1 + (_TURNS * rho if vcs > 1 else 0.0))
        period = channel_cycles(fabric, flits)
        worm = max(0.0, 1 - fabric.buffer_flits / flits)
        held = 1 / (1 + _DECOUPLED * fabric.buffer_flits / flits)
        behind: Floats = np.zeros(len(rho))
        for_channel: Floats = np.zeros(len(rho))
        used: Floats = np.zeros(len(rho))
        for _ in range(fabric.width + fabric.height + 2):  # the longest chain of links
            each = onward * (for_link + for_channel + worm * behind)[:, None]
            behind[:] = held * np.bincount(inputs.ravel(), each.ravel(), len(rho))
            busy = period + behind
            used = self.load / flits * busy / vcs
            u = np.minimum(used, _FULL)
            queue = u ** (np.sqrt(2 * (vcs + 1)) - 1) / (2 * vcs * (1 - u))
            for_channel[:] = busy * (1 + (behind / busy) ** 2) * queue * others
        return for_link + for_channel, used


def _inputs(nodes: int, width: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """(links, 5) the link that feeds each input of the router that a link leaves; 0 where there is none."""
    link = np.arange(6 * nodes)
    node = np.where(link < PORTS * nodes, link // PORTS, 0)
    steps = np.array([1, -1, width, -width])
    across = PORTS * (node[:, None] - steps) + np.arange(LOCAL)
    found = np.concatenate([across, PORTS * nodes + node[:, None]], 1)
    return np.where((found >= 0) & (found < 6 * nodes), found, 0)
