"""One router's cycle and the loop over cycles; the readable twin of the same router is `twin.py`.

Sets of channels are bit masks: bit port V + vc for the V channels of each input port, bit vc for those of one output.
State is in `state.py`. Every wire delays by a fixed number of cycles, so that what routers do to each other in a cycle
needs no order, and one that has nothing to do costs nothing: only `awake` ones are visited.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from .state import (
    AWAKE_ROUTERS,
    AWAKE_SOURCES,
    FLYING,
    IDLE,
    LEFT,
    ROW,
    WAITING,
    Journal,
    State,
)

_Function = TypeVar("_Function", bound=Callable[..., Any])
PORTS = 5
LOCAL = 4
#: slots of the rings that hold what is on the wires; the longest delay is 7 cycles
RING = 8
ON_WIRE = 3  # from the grant of the switch to the next router: crossbar, then the channel
INJECTION = 2
CREDIT = 2
EJECTION_CREDIT = 5  # sent by the sink when it reads the flit


def _compiled(function: _Function) -> _Function:
    return cast(_Function, njit(cache=True, nogil=True, forceinline=True)(function))


@intrinsic
def _lowest(typing: Any, mask: Any) -> Any:
    """Index of the lowest bit that is set."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.cttz(values[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), build


@_compiled
def _first(mask: int, pointer: int) -> int:
    """The first bit at or after `pointer`, else the first of all: a round-robin arbiter."""
    after = mask >> pointer
    if after:
        return pointer + _lowest(after)
    return _lowest(mask)


@_compiled
def _wake(s: State, router: int) -> None:
    if not s.awake[router]:
        s.awake[router] = True
        s.routers[s.tally[AWAKE_ROUTERS]] = router
        s.tally[AWAKE_ROUTERS] += 1


@_compiled
def _wake_source(s: State, node: int) -> None:
    if not s.source_awake[node]:
        s.source_awake[node] = True
        s.sources[s.tally[AWAKE_SOURCES]] = node
        s.tally[AWAKE_SOURCES] += 1


@_compiled
def _port(s: State, router: int, node: int) -> int:
    """XY routing."""
    if s.x[node] != s.x[router]:
        return 0 if s.x[node] > s.x[router] else 1
    if s.y[node] != s.y[router]:
        return 2 if s.y[node] > s.y[router] else 3
    return LOCAL


@_compiled
def _want(s: State, router: int, channel: int) -> None:
    """The head of an input channel asks for an output channel."""
    where = router * PORTS * s.vcs + channel
    packet = s.fifo[where * s.slots + s.front[where]] >> 1
    port = _port(s, router, s.to[packet])
    s.port[where] = port
    s.want[router * ROW + port] |= 1 << channel


@_compiled
def _start(s: State, router: int, channel: int) -> None:
    s.out[router * PORTS * s.vcs + channel] = WAITING
    if s.routes:
        s.routing[router] |= 1 << channel
    else:
        _want(s, router, channel)


@_compiled
def _send_flit(s: State, slot: int, where: int, flit: int) -> None:
    k = s.wired[slot]
    s.wire_to[slot, k] = where
    s.wire_flit[slot, k] = flit
    s.wired[slot] = k + 1
    s.tally[FLYING] += 1


@_compiled
def _send_credit(s: State, slot: int, where: int) -> None:
    k = s.returned[slot]
    s.credit_to[slot, k] = where
    s.returned[slot] = k + 1
    s.tally[FLYING] += 1


@_compiled
def _receive_credits(s: State, slot: int) -> None:
    channels = PORTS * s.vcs
    wide = s.nodes * channels
    count = s.returned[slot]
    for k in range(count):
        where = s.credit_to[slot, k]
        s.credit[where] += 1
        if where >= wide:
            _wake_source(s, (where - wide) // s.vcs)
        elif s.credit[where] == 1 and s.owner[where] >= 0:
            router = where // channels
            owner = s.owner[where]
            if s.count[router * channels + owner]:
                s.offer[router * ROW + (where - router * channels) // s.vcs] |= 1 << owner
                _wake(s, router)
    s.returned[slot] = 0
    s.tally[FLYING] -= count


@_compiled
def _receive_flits(s: State, slot: int) -> None:
    channels = PORTS * s.vcs
    count = s.wired[slot]
    for k in range(count):
        where = s.wire_to[slot, k]
        router = where // channels
        stored = s.count[where]
        place = s.front[where] + stored
        if place >= s.slots:
            place -= s.slots
        s.fifo[where * s.slots + place] = s.wire_flit[slot, k]
        s.count[where] = stored + 1
        if s.out[where] == IDLE:
            _start(s, router, where - router * channels)
            _wake(s, router)
        elif stored == 0 and s.credit[s.out[where]] > 0:
            s.offer[router * ROW + s.port[where]] |= 1 << (where - router * channels)
            _wake(s, router)
    s.wired[slot] = 0
    s.tally[FLYING] -= count


@_compiled
def _inject(s: State, j: Journal, cycle: int) -> None:
    """Every source that has a packet and a credit sends one flit."""
    vcs = s.vcs
    kept = 0
    for k in range(s.tally[AWAKE_SOURCES]):
        node = s.sources[k]
        if s.queue[node] == j.queues[node + 1] or j.created[j.order[s.queue[node]]] > cycle:
            s.source_awake[node] = False
            continue
        credits = (s.nodes * PORTS + node) * vcs
        packet = j.order[s.queue[node]]
        if s.unsent[node] == 0:
            vc = s.source_vc[node]
            for _ in range(vcs):
                vc = vc + 1 if vc + 1 < vcs else 0
                if s.credit[credits + vc] > 0:
                    s.source_vc[node] = vc
                    s.unsent[node] = s.flits[packet]
                    j.injected[packet] = cycle
                    break
        vc = s.source_vc[node]
        if s.unsent[node] == 0 or s.credit[credits + vc] == 0:
            s.source_awake[node] = False
            continue
        s.credit[credits + vc] -= 1
        s.unsent[node] -= 1
        last = s.unsent[node] == 0
        where = (node * PORTS + LOCAL) * vcs + vc
        _send_flit(s, (cycle + INJECTION) % RING, where, 2 * packet + last)
        s.queue[node] += last
        s.sources[kept] = node
        kept += 1
    s.tally[AWAKE_SOURCES] = kept


@_compiled
def _match_switch(s: State, router: int) -> bool:
    """One iteration of iSLIP, 5 x 5: `matched` output and `picked` channel of every input port."""
    vcs, row, base = s.vcs, router * ROW, router * PORTS
    granted = False
    for port in range(PORTS):
        requests = s.offer[row + port]
        if requests:
            granted = True
            winner = s.port_of[_first(requests, s.switch_grant[base + port] * vcs)]
            s.granted[winner] |= 1 << port
    if not granted:
        return False
    for port in range(PORTS):
        s.matched[port] = -1
        if s.granted[port]:
            out = _first(s.granted[port], s.switch_accept[base + port])
            mine = (s.offer[row + out] >> (port * vcs)) & ((1 << vcs) - 1)
            vc = _first(mine, s.turn[base + port])
            s.matched[port] = out
            s.picked[port] = vc
            s.switch_grant[base + out] = port + 1 if port + 1 < PORTS else 0
            s.switch_accept[base + port] = out + 1 if out + 1 < PORTS else 0
            s.turn[base + port] = vc + 1 if vc + 1 < vcs else 0
            s.granted[port] = 0
    return True


@_compiled
def _take(s: State, router: int, port: int, channel: int, candidates: int) -> None:
    """An input channel accepts the first granting channel of an output port at or after its pointer."""
    vcs = s.vcs
    base = router * PORTS * vcs
    pointer = s.channel_accept[base + channel] - port * vcs
    vc = _first(candidates, pointer) if 0 < pointer < vcs else _lowest(candidates)
    out = port * vcs + vc
    s.channel_grant[base + out] = channel + 1 if channel + 1 < PORTS * vcs else 0
    s.channel_accept[base + channel] = out + 1 if out + 1 < PORTS * vcs else 0
    s.free[router * ROW + port] ^= 1 << vc
    s.want[router * ROW + port] ^= 1 << channel
    s.owner[base + out] = channel
    s.out[base + channel] = base + out
    if s.credit[base + out] > 0:
        s.offer[router * ROW + port] |= 1 << channel


@_compiled
def _match_channels(s: State, router: int) -> None:
    """One iteration of iSLIP between heads and the free channels of the ports that they want."""
    vcs, row = s.vcs, router * ROW
    for port in range(PORTS):
        wanted, free = s.want[row + port], s.free[row + port]
        if not wanted or not free:
            continue
        if wanted & (wanted - 1) == 0:
            _take(s, router, port, _lowest(wanted), free)
            continue
        winners = 0
        while free:
            vc = _lowest(free)
            free &= free - 1
            winner = _first(wanted, s.channel_grant[(router * PORTS + port) * vcs + vc])
            s.grants[winner] |= 1 << vc
            winners |= 1 << winner
        while winners:
            winner = _lowest(winners)
            winners &= winners - 1
            _take(s, router, port, winner, s.grants[winner])
            s.grants[winner] = 0


@_compiled
def _traverse(s: State, j: Journal, router: int, port: int, vc: int, out: int, cycle: int) -> None:
    """The flit at the front of an input channel wins the switch."""
    vcs = s.vcs
    base = router * PORTS * vcs
    channel = port * vcs + vc
    here = base + channel
    there = s.out[here]
    front = s.front[here]
    flit = s.fifo[here * s.slots + front]
    s.front[here] = front + 1 if front + 1 < s.slots else 0
    s.count[here] -= 1
    s.credit[there] -= 1
    j.vc_flits[there] += 1
    if out == LOCAL:
        _send_credit(s, (cycle + EJECTION_CREDIT + s.credit_delay) % RING, there)
        if flit & 1:
            j.arrived[flit >> 1] = cycle + ON_WIRE
            s.tally[LEFT] -= j.counted[flit >> 1]
    else:
        beyond = s.across[router * PORTS + out] + there - base - out * vcs
        _send_flit(s, (cycle + ON_WIRE) % RING, beyond, flit)
    late = 0 if port == LOCAL else s.credit_delay
    _send_credit(s, (cycle + CREDIT + late) % RING, s.across[router * PORTS + port] + vc)
    if flit & 1:
        s.offer[router * ROW + out] ^= 1 << channel
        s.free[router * ROW + out] |= 1 << (there - base - out * vcs)
        s.owner[there] = -1
        if s.count[here]:
            _start(s, router, channel)
        else:
            s.out[here] = IDLE
    elif s.count[here] == 0 or s.credit[there] == 0:
        s.offer[router * ROW + out] ^= 1 << channel


@_compiled
def _step(s: State, j: Journal, router: int, cycle: int) -> bool:
    """One cycle of one router; whether it has something to do in the next."""
    routing = s.routing[router]
    s.routing[router] = 0
    switched = _match_switch(s, router)
    _match_channels(s, router)
    while routing:
        _want(s, router, _lowest(routing))
        routing &= routing - 1
    if switched:
        for port in range(PORTS):
            if s.matched[port] >= 0:
                _traverse(s, j, router, port, s.picked[port], s.matched[port], cycle)
    busy = s.routing[router] != 0
    for k in range(router * ROW, router * ROW + PORTS):
        busy |= s.offer[k] != 0 or (s.want[k] != 0 and s.free[k] != 0)
    return busy


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def run(s: State, j: Journal, last_cycle: int) -> int:
    """Simulate until every counted packet has arrived, nothing moves any more, or after `last_cycle`.

    Returns:
        The cycle in which it stopped.
    """
    cycle, created = 0, 0
    packets = len(j.created)
    while cycle <= last_cycle:
        slot = cycle % RING
        _receive_credits(s, slot)
        _receive_flits(s, slot)
        while created < packets and j.created[j.by_cycle[created]] <= cycle:
            _wake_source(s, s.origin[j.by_cycle[created]])
            created += 1
        _inject(s, j, cycle)
        kept = 0
        for k in range(s.tally[AWAKE_ROUTERS]):
            router = s.routers[k]
            if _step(s, j, router, cycle):
                s.routers[kept] = router
                kept += 1
            else:
                s.awake[router] = False
        s.tally[AWAKE_ROUTERS] = kept
        if s.tally[LEFT] == 0:
            return cycle
        cycle += 1
        if kept == 0 and s.tally[FLYING] == 0 and s.tally[AWAKE_SOURCES] == 0:
            if created == packets:
                return cycle
            cycle = max(cycle, j.created[j.by_cycle[created]])
    return cycle
