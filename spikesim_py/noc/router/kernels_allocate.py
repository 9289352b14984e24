"""The allocators of one router: iSLIP, one iteration, for output channels and for the switch."""

from __future__ import annotations

from .bits import compiled, first, inlined, lowest
from .state import (
    BRANCH_OUT,
    BRANCH_SENT,
    CHANNEL_ACCEPT,
    CHANNEL_GRANT,
    CREDITS,
    FLITS,
    FREE,
    FRONT,
    GRANTED,
    GRANTS,
    MATCHED,
    OFFER,
    OUT,
    OWNER,
    PICKED,
    PORT,
    PORT_OF,
    REQUESTS,
    SHIFTED,
    STORED,
    SWITCH_ACCEPT,
    SWITCH_GRANT,
    TREE,
    TURN,
    WAITING,
    WANT,
    State,
)

PORTS = 5


@compiled
def can_send(s: State, router: int, channel: int, port: int) -> bool:
    """A branch of a tree has a channel, a flit and a credit; for its head, room for the whole packet."""
    here = router * s.channels + channel
    branch = here * PORTS + port
    if s.branch[branch, BRANCH_OUT] == WAITING:
        return False
    sent = s.branch[branch, BRANCH_SENT]
    flits = s.packet[s.fifo[here * s.slots + s.channel[here, FRONT]] >> 1, FLITS]
    needed = flits if sent == 0 else 1
    ready: bool = s.channel[here, STORED] > sent - s.channel[here, SHIFTED] and sent < flits
    return ready and bool(s.channel[router * s.channels + s.branch[branch, BRANCH_OUT], CREDITS] >= needed)


@inlined
def _speculative(s: State, router: int, port: int) -> int:
    """Heads that ask for the switch together with a channel: some free channel of the port has a credit."""
    wanted: int = s.mask[router, WANT + port]
    free = s.mask[router, FREE + port]
    if wanted:
        while free:
            if s.channel[router * s.channels + port * s.vcs + lowest(free), CREDITS] > 0:
                return wanted
            free &= free - 1
    return 0


@compiled
def _same_flit(s: State, router: int, channel: int, out: int, granted: int) -> int:
    """The granted branches of a tree that send the flit that `out` sends, as bits."""
    here = (router * s.channels + channel) * PORTS
    outs = 1 << out
    for other in range(PORTS):
        offers = s.mask[router, OFFER + other] >> channel & 1
        if granted >> other & 1 and offers and s.branch[here + other, BRANCH_SENT] == s.branch[here + out, BRANCH_SENT]:
            outs |= 1 << other
    return outs


@inlined
def match_switch(s: State, router: int) -> bool:
    """`matched` output ports (as bits) and `picked` channel of every input port; whether there are any.

    Every output port grants an input port, every input port accepts one output port: several only for the same flit
    of a tree. Requests of heads that have no channel yet yield to others of their input port.
    """
    vcs, base = s.vcs, router * PORTS
    some = False
    for port in range(PORTS):
        requests = s.mask[router, OFFER + port]
        if s.speculates:
            requests |= _speculative(s, router, port)
            s.small[REQUESTS, port] = requests
        if requests:
            some = True
            winner = s.small[PORT_OF, first(requests, s.link[base + port, SWITCH_GRANT] * vcs)]
            s.small[GRANTED, winner] |= 1 << port
    if not some:
        return False
    for port in range(PORTS):
        granted = s.small[GRANTED, port]
        s.small[MATCHED, port] = 0
        if granted == 0:
            continue
        s.small[GRANTED, port] = 0
        out = first(granted, s.link[base + port, SWITCH_ACCEPT])
        mine = s.mask[router, OFFER + out] >> (port * vcs) & ((1 << vcs) - 1)
        if s.speculates and mine == 0:
            mine = s.small[REQUESTS, out] >> (port * vcs) & ((1 << vcs) - 1)
        vc = first(mine, s.link[base + port, TURN])
        channel = port * vcs + vc
        outs = 1 << out
        if s.channel[router * s.channels + channel, PORT] == TREE:
            outs = _same_flit(s, router, channel, out, granted)
        s.small[MATCHED, port] = outs
        s.small[PICKED, port] = vc
        s.link[base + port, SWITCH_ACCEPT] = out + 1 if out + 1 < PORTS else 0
        s.link[base + port, TURN] = vc + 1 if vc + 1 < vcs else 0
        while outs:
            s.link[base + lowest(outs), SWITCH_GRANT] = port + 1 if port + 1 < PORTS else 0
            outs &= outs - 1
    return True


@inlined
def _take(s: State, router: int, port: int, channel: int, candidates: int) -> None:
    """An input channel accepts the first granting channel of an output port at or after its pointer."""
    vcs, base = s.vcs, router * s.channels
    here = base + channel
    pointer = s.channel[here, CHANNEL_ACCEPT] - port * vcs
    vc = first(candidates, pointer) if 0 < pointer < vcs else lowest(candidates)
    out = port * vcs + vc
    s.channel[base + out, CHANNEL_GRANT] = channel + 1 if channel + 1 < s.channels else 0
    s.channel[here, CHANNEL_ACCEPT] = out + 1 if out + 1 < s.channels else 0
    s.mask[router, FREE + port] ^= 1 << vc
    s.mask[router, WANT + port] ^= 1 << channel
    s.channel[base + out, OWNER] = channel
    if s.channel[here, PORT] == TREE:
        s.branch[here * PORTS + port, BRANCH_OUT] = out
        ready = can_send(s, router, channel, port)
    else:
        s.channel[here, OUT] = out
        ready = s.channel[base + out, CREDITS] > 0
    if ready:
        s.mask[router, OFFER + port] |= 1 << channel


@inlined
def match_channels(s: State, router: int) -> None:
    """Heads ask for every free channel of their port, whatever its credits; a tree asks at each of its ports."""
    for port in range(PORTS):
        wanted, free = s.mask[router, WANT + port], s.mask[router, FREE + port]
        if wanted == 0 or free == 0:
            continue
        if wanted & (wanted - 1) == 0:
            _take(s, router, port, lowest(wanted), free)
            continue
        winners = 0
        while free:
            vc = lowest(free)
            free &= free - 1
            winner = first(wanted, s.channel[router * s.channels + port * s.vcs + vc, CHANNEL_GRANT])
            s.small[GRANTS, winner] |= 1 << vc
            winners |= 1 << winner
        while winners:
            winner = lowest(winners)
            winners &= winners - 1
            _take(s, router, port, winner, s.small[GRANTS, winner])
            s.small[GRANTS, winner] = 0
