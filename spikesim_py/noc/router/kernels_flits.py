"""What happens to the flits of one router in a cycle: heads are routed, winners of the switch leave, trees fork."""

from __future__ import annotations

from .bits import compiled, inlined, lowest
from .kernels_allocate import can_send, match_channels, match_switch
from .state import (
    ACROSS,
    BRANCH_OUT,
    BRANCH_SENT,
    BRANCHES,
    COUNTED,
    CREDIT_TO,
    CREDITS,
    FIRST,
    FLITS,
    FLYING,
    FREE,
    FRONT,
    IDLE,
    LEFT,
    MATCHED,
    OFFER,
    OUT,
    OWNER,
    PICKED,
    PLACE,
    PORT,
    PORT_OF,
    RETURNED,
    RING,
    ROUTING,
    SHIFTED,
    STORED,
    TO,
    TREE,
    WAITING,
    WANT,
    WIRE_FLIT,
    WIRE_TO,
    WIRED,
    Journal,
    State,
    X,
    Y,
)

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
    k = s.due[WIRED, slot]
    s.wires[WIRE_TO, slot, k] = place
    s.wires[WIRE_FLIT, slot, k] = flit
    s.due[WIRED, slot] = k + 1
    s.tally[FLYING] += 1


@inlined
def _send_credit(s: State, cycle: int, place: int) -> None:
    slot = cycle % RING
    k = s.due[RETURNED, slot]
    s.wires[CREDIT_TO, slot, k] = place
    s.due[RETURNED, slot] = k + 1
    s.tally[FLYING] += 1


@inlined
def _route(s: State, router: int, node: int) -> int:
    """XY."""
    if s.node[node, X] != s.node[router, X]:
        return 0 if s.node[node, X] > s.node[router, X] else 1
    if s.node[node, Y] != s.node[router, Y]:
        return 2 if s.node[node, Y] > s.node[router, Y] else 3
    return LOCAL


@inlined
def _want(s: State, router: int, channel: int) -> None:
    """The head of an input channel is routed and asks for output channels from the next cycle on."""
    here = router * s.channels + channel
    to = s.packet[s.fifo[here * s.slots + s.channel[here, FRONT]] >> 1, TO]
    if to >= 0:
        port = _route(s, router, to)
        s.channel[here, PORT] = port
        s.mask[router, WANT + port] |= 1 << channel
        return
    s.channel[here, PORT] = TREE
    s.channel[here, SHIFTED] = 0
    s.channel[here, BRANCHES] = s.trees[-1 - to, router]
    for port in range(PORTS):
        if s.channel[here, BRANCHES] >> port & 1:
            s.branch[here * PORTS + port, BRANCH_OUT] = WAITING
            s.branch[here * PORTS + port, BRANCH_SENT] = 0
            s.mask[router, WANT + port] |= 1 << channel


@inlined
def start(s: State, router: int, channel: int) -> None:
    """A head has come to the front of its channel."""
    here = router * s.channels + channel
    s.channel[here, OUT] = WAITING
    if s.routes:
        s.channel[here, PORT] = LOCAL
        s.mask[router, ROUTING] |= 1 << channel
    else:
        _want(s, router, channel)


@compiled
def offer_branches(s: State, router: int, channel: int) -> None:
    """After a flit or a credit has come: which branches of a tree can send."""
    branches = s.channel[router * s.channels + channel, BRANCHES]
    while branches:
        port = lowest(branches)
        branches &= branches - 1
        if can_send(s, router, channel, port):
            s.mask[router, OFFER + port] |= 1 << channel


@inlined
def _forward(s: State, j: Journal, router: int, out: int, flit: int, cycle: int) -> None:
    """A flit crosses the switch to output channel `out`; the sink at port 4 reads it and returns a credit."""
    there = router * s.channels + out
    port = s.small[PORT_OF, out]
    s.channel[there, CREDITS] -= 1
    j.vc_flits[there] += 1
    if port != LOCAL:
        beyond = s.link[router * PORTS + port, ACROSS] + out - port * s.vcs
        send_flit(s, cycle + ON_WIRE, beyond, flit)
        return
    _send_credit(s, cycle + SINK_CREDIT + s.credit_delay, router * PLACE + out)
    packet = flit >> 1
    if flit & 1:
        for k in range(s.packet[packet, FIRST], s.packet[packet + 1, FIRST]):
            if s.destination[k] == router:
                j.arrived[k] = cycle + ON_WIRE
                if s.packet[packet, COUNTED]:
                    s.tally[LEFT] -= 1


@inlined
def _release(s: State, router: int, out: int) -> None:
    """The tail has left: others may have the output channel from the next cycle on."""
    port = s.small[PORT_OF, out]
    s.mask[router, FREE + port] |= 1 << (out - port * s.vcs)
    s.channel[router * s.channels + out, OWNER] = -1


@inlined
def _drop_front(s: State, router: int, channel: int, last: bool, cycle: int) -> None:
    """A slot is free: its credit goes upstream, and after a tail the next head starts."""
    here = router * s.channels + channel
    s.channel[here, FRONT] = place_after(s, s.channel[here, FRONT], 1)
    s.channel[here, STORED] -= 1
    port = s.small[PORT_OF, channel]
    late = 0 if port == LOCAL else s.credit_delay  # sources see theirs at once
    _send_credit(s, cycle + CREDIT + late, s.link[router * PORTS + port, ACROSS] + channel - port * s.vcs)
    if last and s.channel[here, STORED]:
        start(s, router, channel)
    elif last:
        s.channel[here, OUT] = IDLE


@inlined
def _leave(s: State, j: Journal, router: int, channel: int, cycle: int) -> None:
    """The flit at the front of a channel goes to the one output that its packet has."""
    here = router * s.channels + channel
    out = s.channel[here, OUT]
    if out == WAITING or s.channel[router * s.channels + out, CREDITS] == 0:
        return  # it speculated and did not get a channel, or one that is full
    port = s.channel[here, PORT]  # of this packet: the next may start below
    flit = s.fifo[here * s.slots + s.channel[here, FRONT]]
    last = flit & 1 == 1
    _forward(s, j, router, out, flit, cycle)
    if last:
        _release(s, router, out)
    _drop_front(s, router, channel, last, cycle)
    if last or s.channel[here, STORED] == 0 or s.channel[router * s.channels + out, CREDITS] == 0:
        s.mask[router, OFFER + port] &= ~(1 << channel)


@compiled
def _fork(s: State, j: Journal, router: int, channel: int, ports: int, cycle: int) -> None:
    """Branches of a tree copy their flit; the slot is free when every branch has it."""
    here = router * s.channels + channel
    front, moved = s.channel[here, FRONT], s.channel[here, SHIFTED]
    flits = s.packet[s.fifo[here * s.slots + front] >> 1, FLITS]
    while ports:
        port = lowest(ports)
        ports &= ports - 1
        branch = here * PORTS + port
        if not can_send(s, router, channel, port):
            continue
        sent = s.branch[branch, BRANCH_SENT]
        _forward(
            s,
            j,
            router,
            s.branch[branch, BRANCH_OUT],
            s.fifo[here * s.slots + place_after(s, front, sent - moved)],
            cycle,
        )
        s.branch[branch, BRANCH_SENT] = sent + 1
        if sent + 1 == flits:
            _release(s, router, s.branch[branch, BRANCH_OUT])
        if not can_send(s, router, channel, port):
            s.mask[router, OFFER + port] &= ~(1 << channel)
    fewest, branches = flits, s.channel[here, BRANCHES]
    while branches:
        fewest = min(fewest, s.branch[here * PORTS + lowest(branches), BRANCH_SENT])
        branches &= branches - 1
    if fewest > moved:
        s.channel[here, SHIFTED] = moved + 1
        _drop_front(s, router, channel, fewest == flits, cycle)


@inlined
def step(s: State, j: Journal, router: int, cycle: int) -> bool:
    """One cycle of one router: all decisions are taken on the state that it begins with.

    Returns:
        Whether there is something to do in the next cycle.
    """
    routing = s.mask[router, ROUTING]
    s.mask[router, ROUTING] = 0
    switched = match_switch(s, router)
    match_channels(s, router)
    while routing:
        _want(s, router, lowest(routing))
        routing &= routing - 1
    if switched:
        for port in range(PORTS):
            if s.small[MATCHED, port]:
                channel = port * s.vcs + s.small[PICKED, port]
                if s.channel[router * s.channels + channel, PORT] == TREE:
                    _fork(s, j, router, channel, s.small[MATCHED, port], cycle)
                else:
                    _leave(s, j, router, channel, cycle)
    busy: bool = s.mask[router, ROUTING] != 0
    for port in range(PORTS):
        wanted, free = s.mask[router, WANT + port], s.mask[router, FREE + port]
        busy |= s.mask[router, OFFER + port] != 0 or (wanted != 0 and free != 0)
    return busy
