"""Synthetic traffic on the cycle-exact mesh: deterministic bursts and Bernoulli loads, as BookSim2 runs them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ..fabric import Fabric, Ints, NocResult, Packets, Pipeline
from .cycle import check_count, check_fabric, simulate, simulate_counted
from .patterns import partners

#: defaults of `load`: its mean latency then repeats to about 0.5 % from seed to seed, away from saturation
WARMUP_CYCLES = 5_000
FEWEST_CYCLES = 40_000
COUNTED_PACKETS = 400_000


def burst(
    mesh: tuple[int, int] = (4, 4),
    traffic: str = "transpose",
    packet_flits: int = 4,
    vcs: int = 2,
    buffer_flits: int = 8,
    packets_per_node: int = 32,
    pipeline: Pipeline = "A",
) -> NocResult:
    """Every node sends packets to its partner, one created per cycle from cycle 0 on (BookSim2's batch mode).

    Raises:
        InputError: an argument that cannot be; `uniform` traffic, which has no partners.
    """
    fabric = _fabric(mesh, vcs, buffer_flits, pipeline)
    partner = partners(traffic, fabric)
    if partner is None:
        raise InputError(f"traffic = {traffic!r}: a burst is deterministic; use load, or a pattern with fixed partners")
    per_node = check_count("packets_per_node", packets_per_node)
    source = np.repeat(np.arange(fabric.nodes), per_node)
    cycle = np.tile(np.arange(per_node), fabric.nodes)
    return simulate(_unicast(source, partner[source], check_count("packet_flits", packet_flits), cycle), fabric)


@dataclass(frozen=True, eq=False)
class Load:
    """A mesh under a steady load.

    Attributes:
        fabric, traffic, packet_flits, flit_rate: as asked, `flit_rate` per node and cycle.
        latency_cycles, network_cycles: (n,) of the packets created in the window that arrived: from creation, and
            from the injection of the head, to the arrival of the tail. hops: (n,) routers that they visited.
        accepted_flit_rate: flits per node and cycle of the packets that arrived in the window.
        link_flits: (nodes, 5) flits that left every router by every port in all `cycles`. vc_flits: the same per
            virtual channel of the next router.
        saturated: the network fell behind; latencies then depend on the length of the run. warnings: say so.
    """

    fabric: Fabric
    traffic: str
    packet_flits: int
    flit_rate: float
    latency_cycles: Ints
    network_cycles: Ints
    hops: Ints
    accepted_flit_rate: float
    cycles: int
    vc_flits: Ints
    saturated: bool

    @property
    def link_flits(self) -> Ints:
        return self.vc_flits.sum(2)

    @property
    def warnings(self) -> tuple[str, ...]:
        if not self.saturated:
            return ()
        rates = f"{self.accepted_flit_rate:.4g} of {self.flit_rate:.4g} flits per node and cycle arrived"
        return (f"the network is saturated ({rates}): latency grows with the length of the run",)

    @cached_property
    def mean_latency_cycles(self) -> float:
        return _mean(self.latency_cycles)

    @cached_property
    def mean_network_cycles(self) -> float:
        return _mean(self.network_cycles)

    @cached_property
    def mean_hops(self) -> float:
        return _mean(self.hops)

    def percentile_cycles(self, percent: float) -> float:
        """A percentile of the latency, linear between packets."""
        return float(np.percentile(self.latency_cycles, percent)) if len(self.latency_cycles) else float("nan")

    @property
    def p50_cycles(self) -> float:
        return self.percentile_cycles(50)

    @property
    def p99_cycles(self) -> float:
        return self.percentile_cycles(99)


def load(
    mesh: tuple[int, int] = (8, 8),
    traffic: str = "uniform",
    packet_flits: int = 1,
    vcs: int = 2,
    buffer_flits: int = 8,
    flit_rate: float = 0.1,
    pipeline: Pipeline = "A",
    seed: int = 0,
    *,
    warmup_cycles: int = WARMUP_CYCLES,
    window_cycles: int | None = None,
) -> Load:
    """Every node creates a packet with probability flit_rate / packet_flits in each cycle.

    Packets created in the window after the warm-up are counted; traffic goes on until they have arrived, at most as
    long as the window, and not much longer than the window once the network has fallen behind (`Load.saturated`).
    The window is by default as long as 400,000 packets take, and 40,000 cycles at least.

    Raises:
        InputError: an argument that cannot be.
    """
    fabric = _fabric(mesh, vcs, buffer_flits, pipeline)
    partner = partners(traffic, fabric)
    flits = check_count("packet_flits", packet_flits)
    rate = check_rate(flit_rate)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**63:
        raise InputError(f"seed = {seed!r}: must be a whole number from 0 to 2^63 - 1")
    if isinstance(warmup_cycles, bool) or not isinstance(warmup_cycles, int | np.integer) or warmup_cycles < 0:
        raise InputError(f"warmup_cycles = {warmup_cycles!r}: must be a whole number from 0")
    if window_cycles is None:
        window = max(FEWEST_CYCLES, int(COUNTED_PACKETS * flits / (fabric.nodes * rate)))
    else:
        window = check_count("window_cycles", window_cycles)
    begin, end = int(warmup_cycles), int(warmup_cycles) + window
    for last in (end + min(FEWEST_CYCLES // 10, window), end + window):
        packets = bernoulli(fabric, partner, flits, rate, last, int(seed))
        counted = (packets.cycle >= begin) & (packets.cycle < end)
        written, stopped = simulate_counted(packets, fabric, counted, last)
        missing = written.arrived[counted] < 0
        arrived = int(((written.arrived >= begin) & (written.arrived < end)).sum())
        created = int(counted.sum())
        behind = created - arrived > max(0.02 * created, 5 * created**0.5)
        if behind or not missing.any():
            break
    seen = np.flatnonzero(counted)[~missing]
    return Load(
        fabric=fabric,
        traffic=traffic,
        packet_flits=flits,
        flit_rate=rate,
        latency_cycles=written.arrived[seen] - packets.cycle[seen],
        network_cycles=written.arrived[seen] - written.injected[seen],
        hops=_routers(packets, fabric)[seen],
        accepted_flit_rate=arrived * flits / (fabric.nodes * window),
        cycles=stopped + 1,
        vc_flits=written.vc_flits.reshape(fabric.nodes, -1, fabric.vcs),
        saturated=behind or bool(missing.any()),
    )


def bernoulli(fabric: Fabric, partner: Ints | None, flits: int, rate: float, cycles: int, seed: int) -> Packets:
    """Packets of cycles 0 to `cycles` - 1: the gaps of Bernoulli draws are geometric, so idle cycles cost nothing.

    Every node has its own counter-based streams, so its packets depend on the seed and the node alone.
    """
    chance = rate / flits
    most = int(cycles * chance + 8 * (cycles * chance) ** 0.5) + 32
    sources, times, targets = [], [], []
    for node in range(fabric.nodes):
        gaps, where = (np.random.Generator(np.random.Philox(key=[seed, 2 * node + k])) for k in (0, 1))
        created = np.cumsum(gaps.geometric(chance, most)) - 1
        created = created[: np.searchsorted(created, cycles)]
        times.append(created)
        sources.append(np.full(len(created), node))
        targets.append(where.integers(fabric.nodes, size=len(created)) if partner is None else partner[sources[-1]])
    return _unicast(np.concatenate(sources), np.concatenate(targets), flits, np.concatenate(times))


def _unicast(source: Ints, to: Ints, flits: int, cycle: Ints) -> Packets:
    n = len(source)
    return Packets(source, np.full(n, flits), cycle, np.zeros(n, np.int64), np.arange(n + 1), to)


def _routers(packets: Packets, fabric: Fabric) -> Ints:
    (from_y, from_x), (to_y, to_x) = (np.divmod(ids, fabric.width) for ids in (packets.source, packets.destination))
    return abs(to_x - from_x) + abs(to_y - from_y) + 1


def _fabric(mesh: tuple[int, int], vcs: int, buffer_flits: int, pipeline: Pipeline) -> Fabric:
    try:
        width, height = mesh
    except (TypeError, ValueError):
        raise InputError(f"mesh = {mesh!r}: must be (routers along x, routers along y)") from None
    fabric = Fabric(width, height, vcs, buffer_flits, pipeline)
    check_fabric(fabric)
    return fabric


def check_rate(flit_rate: object) -> float:
    """Flits per node and cycle, above 0 and at most 1."""
    if isinstance(flit_rate, bool) or not isinstance(flit_rate, Real) or not 0 < flit_rate <= 1:
        raise InputError(f"flit_rate = {flit_rate!r}: must be above 0 and at most 1 flit per node and cycle")
    return float(flit_rate)


def _mean(values: NDArray[np.int64]) -> float:
    return float(values.mean()) if len(values) else float("nan")
