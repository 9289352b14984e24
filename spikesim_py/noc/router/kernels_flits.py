"""What happens to the flits of one router in a cycle: heads are routed, winners of the switch leave, trees fork."""

from __future__ import annotations

from .bits import inlined, lowest
from .kernels_allocate import can_send, match_channels, match_switch
from .state import FLYING, IDLE, LEFT, PLACE, RING, ROW, TREE, WAITING, Journal, State

PORTS = 5
LOCAL = 4
#: cycles from the grant of the switch to the next router: crossbar, then the channel
ON_WIRE = 3
#: cycles of a credit from a router, and from a sink, which sends it when it reads the flit
CREDIT = 2
SINK_CREDIT = 5


@inlined
def place_after(s: State, front: int, steps: int) -> int:
    """Place in a ring buffer."""
    place = front + steps
    return place if place < s.slots else place - s.slots


@inlined
def send_flit(s: State, cycle: int, place: int, flit: int) -> None:
    slot = cycle % RING
    k = s.wired[slot]
    s.wire_to[slot, k] = place
    s.wire_flit[slot, k] = flit
    s.wired[slot] = k + 1
    s.tally[FLYING] += 1


@inlined
def _send_credit(s: State, cycle: int, place: int) -> None:
    slot = cycle % RING
    k = s.returned[slot]
    s.credit_to[slot, k] = place
    s.returned[slot] = k + 1
    s.tally[FLYING] += 1


@inlined
def _route(s: State, router: int, node: int) -> int:
    """XY."""
    if s.x[node] != s.x[router]:
        return 0 if s.x[node] > s.x[router] else 1
    if s.y[node] != s.y[router]:
        return 2 if s.y[node] > s.y[router] else 3
    return LOCAL


@inlined
def _want(s: State, router: int, channel: int) -> None:
    """The head of an input channel is routed and asks for output channels from the next cycle on."""
    here = router * s.channels + channel
    to = s.to[s.fifo[here * s.slots + s.front[here]] >> 1]
    if to >= 0:
        port = _route(s, router, to)
        s.port[here] = port
        s.want[router * ROW + port] |= 1 << channel
        return
    s.port[here] = TREE
    s.shifted[here] = 0
    s.branches[here] = s.trees[-1 - to, router]
    for port in range(PORTS):
        if s.branches[here] >> port & 1:
            s.branch_out[here * PORTS + port] = WAITING
            s.branch_sent[here * PORTS + port] = 0
            s.want[router * ROW + port] |= 1 << channel


@inlined
def start(s: State, router: int, channel: int) -> None:
    """A head has come to the front of its channel."""
    here = router * s.channels + channel
    s.out[here] = WAITING
    if s.routes:
        s.port[here] = LOCAL
        s.routing[router] |= 1 << channel
    else:
        _want(s, router, channel)


@inlined
def offer_branches(s: State, router: int, channel: int) -> None:
    """After a flit or a credit has come: which branches of a tree can send."""
    branches = s.branches[router * s.channels + channel]
    while branches:
        port = lowest(branches)
        branches &= branches - 1
        if can_send(s, router, channel, port):
            s.offer[router * ROW + port] |= 1 << channel


@inlined
def _forward(s: State, j: Journal, router: int, out: int, flit: int, cycle: int) -> None:
    """A flit crosses the switch to output channel `out`; the sink at port 4 reads it and returns a credit."""
    there = router * s.channels + out
    port = s.port_of[out]
    s.credit[there] -= 1
    j.vc_flits[there] += 1
    if port != LOCAL:
        beyond = s.across[router * PORTS + port] + out - port * s.vcs
        send_flit(s, cycle + ON_WIRE, beyond, flit)
        return
    _send_credit(s, cycle + SINK_CREDIT + s.credit_delay, router * PLACE + out)
    packet = flit >> 1
    if flit & 1:
        for k in range(s.first[packet], s.first[packet + 1]):
            if s.destination[k] == router:
                j.arrived[k] = cycle + ON_WIRE
                if j.counted[packet]:
                    s.tally[LEFT] -= 1


@inlined
def _release(s: State, router: int, out: int) -> None:
    """The tail has left: others may have the output channel from the next cycle on."""
    port = s.port_of[out]
    s.free[router * ROW + port] |= 1 << (out - port * s.vcs)
    s.owner[router * s.channels + out] = -1


@inlined
def _drop_front(s: State, router: int, channel: int, last: bool, cycle: int) -> None:
    """A slot is free: its credit goes upstream, and after a tail the next head starts."""
    here = router * s.channels + channel
    s.front[here] = place_after(s, s.front[here], 1)
    s.stored[here] -= 1
    port = s.port_of[channel]
    late = 0 if port == LOCAL else s.credit_delay  # sources see theirs at once
    _send_credit(s, cycle + CREDIT + late, s.across[router * PORTS + port] + channel - port * s.vcs)
    if last and s.stored[here]:
        start(s, router, channel)
    elif last:
        s.out[here] = IDLE


@inlined
def _leave(s: State, j: Journal, router: int, channel: int, cycle: int) -> None:
    """The flit at the front of a channel goes to the one output that its packet has."""
    here = router * s.channels + channel
    out = s.out[here]
    if out == WAITING or s.credit[router * s.channels + out] == 0:
        return  # it speculated and did not get a channel, or one that is full
    offer = router * ROW + s.port[here]
    flit = s.fifo[here * s.slots + s.front[here]]
    last = flit & 1 == 1
    _forward(s, j, router, out, flit, cycle)
    if last:
        _release(s, router, out)
    _drop_front(s, router, channel, last, cycle)
    if last or s.stored[here] == 0 or s.credit[router * s.channels + out] == 0:
        s.offer[offer] &= ~(1 << channel)


@inlined
def _fork(s: State, j: Journal, router: int, channel: int, ports: int, cycle: int) -> None:
    """Branches of a tree copy their flit; the slot is free when every branch has it."""
    here = router * s.channels + channel
    front, moved = s.front[here], s.shifted[here]
    flits = s.flits[s.fifo[here * s.slots + front] >> 1]
    while ports:
        port = lowest(ports)
        ports &= ports - 1
        branch = here * PORTS + port
        if not can_send(s, router, channel, port):
            continue
        sent = s.branch_sent[branch]
        _forward(
            s, j, router, s.branch_out[branch], s.fifo[here * s.slots + place_after(s, front, sent - moved)], cycle
        )
        s.branch_sent[branch] = sent + 1
        if sent + 1 == flits:
            _release(s, router, s.branch_out[branch])
        if not can_send(s, router, channel, port):
            s.offer[router * ROW + port] &= ~(1 << channel)
    fewest, branches = flits, s.branches[here]
    while branches:
        fewest = min(fewest, s.branch_sent[here * PORTS + lowest(branches)])
        branches &= branches - 1
    if fewest > moved:
        s.shifted[here] = moved + 1
        _drop_front(s, router, channel, fewest == flits, cycle)


@inlined
def step(s: State, j: Journal, router: int, cycle: int) -> bool:
    """One cycle of one router: all decisions are taken on the state that it begins with.

    Returns:
        Whether there is something to do in the next cycle.
    """
    routing = s.routing[router]
    s.routing[router] = 0
    switched = match_switch(s, router)
    match_channels(s, router)
    while routing:
        _want(s, router, lowest(routing))
        routing &= routing - 1
    if switched:
        for port in range(PORTS):
            if s.matched[port]:
                channel = port * s.vcs + s.picked[port]
                if s.port[router * s.channels + channel] == TREE:
                    _fork(s, j, router, channel, s.matched[port], cycle)
                else:
                    _leave(s, j, router, channel, cycle)
    busy: bool = s.routing[router] != 0
    for k in range(router * ROW, router * ROW + PORTS):
        busy |= s.offer[k] != 0 or (s.want[k] != 0 and s.free[k] != 0)
    return busy
