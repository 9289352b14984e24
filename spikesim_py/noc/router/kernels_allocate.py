"""The allocators of one router: iSLIP, one iteration, for output channels and for the switch."""

from __future__ import annotations

from .bits import first, inlined, lowest
from .state import ROW, TREE, WAITING, State

PORTS = 5


@inlined
def can_send(s: State, router: int, channel: int, port: int) -> bool:
    """A branch of a tree has a channel, a flit and a credit; for its head, room for the whole packet."""
    here = router * s.channels + channel
    branch = here * PORTS + port
    if s.branch_out[branch] == WAITING:
        return False
    sent = s.branch_sent[branch]
    flits = s.flits[s.fifo[here * s.slots + s.front[here]] >> 1]
    needed = flits if sent == 0 else 1
    ready: bool = s.stored[here] > sent - s.shifted[here] and sent < flits
    return ready and bool(s.credit[router * s.channels + s.branch_out[branch]] >= needed)


@inlined
def _speculative(s: State, router: int, port: int) -> int:
    """Heads that ask for the switch together with a channel: some free channel of the port has a credit."""
    wanted: int = s.want[router * ROW + port]
    free = s.free[router * ROW + port]
    if wanted:
        while free:
            if s.credit[router * s.channels + port * s.vcs + lowest(free)] > 0:
                return wanted
            free &= free - 1
    return 0


@inlined
def _same_flit(s: State, router: int, channel: int, out: int, granted: int) -> int:
    """The granted branches of a tree that send the flit that `out` sends, as bits."""
    here = (router * s.channels + channel) * PORTS
    outs = 1 << out
    for other in range(PORTS):
        offers = s.offer[router * ROW + other] >> channel & 1
        if granted >> other & 1 and offers and s.branch_sent[here + other] == s.branch_sent[here + out]:
            outs |= 1 << other
    return outs


@inlined
def match_switch(s: State, router: int) -> bool:
    """`matched` output ports (as bits) and `picked` channel of every input port; whether there are any.

    Every output port grants an input port, every input port accepts one output port: several only for the same flit
    of a tree. Requests of heads that have no channel yet yield to others of their input port.
    """
    vcs, row, base = s.vcs, router * ROW, router * PORTS
    some = False
    for port in range(PORTS):
        requests = s.offer[row + port]
        if s.speculates:
            requests |= _speculative(s, router, port)
            s.requests[port] = requests
        if requests:
            some = True
            winner = s.port_of[first(requests, s.switch_grant[base + port] * vcs)]
            s.granted[winner] |= 1 << port
    if not some:
        return False
    for port in range(PORTS):
        granted = s.granted[port]
        s.matched[port] = 0
        if granted == 0:
            continue
        s.granted[port] = 0
        out = first(granted, s.switch_accept[base + port])
        mine = s.offer[row + out] >> (port * vcs) & ((1 << vcs) - 1)
        if s.speculates and mine == 0:
            mine = s.requests[out] >> (port * vcs) & ((1 << vcs) - 1)
        vc = first(mine, s.turn[base + port])
        channel = port * vcs + vc
        outs = 1 << out
        if s.port[router * s.channels + channel] == TREE:
            outs = _same_flit(s, router, channel, out, granted)
        s.matched[port] = outs
        s.picked[port] = vc
        s.switch_accept[base + port] = out + 1 if out + 1 < PORTS else 0
        s.turn[base + port] = vc + 1 if vc + 1 < vcs else 0
        while outs:
            s.switch_grant[base + lowest(outs)] = port + 1 if port + 1 < PORTS else 0
            outs &= outs - 1
    return True


@inlined
def _take(s: State, router: int, port: int, channel: int, candidates: int) -> None:
    """An input channel accepts the first granting channel of an output port at or after its pointer."""
    vcs, base = s.vcs, router * s.channels
    here = base + channel
    pointer = s.channel_accept[here] - port * vcs
    vc = first(candidates, pointer) if 0 < pointer < vcs else lowest(candidates)
    out = port * vcs + vc
    s.channel_grant[base + out] = channel + 1 if channel + 1 < s.channels else 0
    s.channel_accept[here] = out + 1 if out + 1 < s.channels else 0
    s.free[router * ROW + port] ^= 1 << vc
    s.want[router * ROW + port] ^= 1 << channel
    s.owner[base + out] = channel
    if s.port[here] == TREE:
        s.branch_out[here * PORTS + port] = out
        ready = can_send(s, router, channel, port)
    else:
        s.out[here] = out
        ready = s.credit[base + out] > 0
    if ready:
        s.offer[router * ROW + port] |= 1 << channel


@inlined
def match_channels(s: State, router: int) -> None:
    """Heads ask for every free channel of their port, whatever its credits; a tree asks at each of its ports."""
    for port in range(PORTS):
        wanted, free = s.want[router * ROW + port], s.free[router * ROW + port]
        if wanted == 0 or free == 0:
            continue
        if wanted & (wanted - 1) == 0:
            _take(s, router, port, lowest(wanted), free)
            continue
        winners = 0
        while free:
            vc = lowest(free)
            free &= free - 1
            winner = first(wanted, s.channel_grant[router * s.channels + port * s.vcs + vc])
            s.grants[winner] |= 1 << vc
            winners |= 1 << winner
        while winners:
            winner = lowest(winners)
            winners &= winners - 1
            _take(s, router, port, winner, s.grants[winner])
            s.grants[winner] = 0
