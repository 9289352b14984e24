"""The loop over cycles: sources, wires, and the routers that are awake.

The readable twin of the whole router is `twin.py`; state and its words are in `state.py`. Every wire delays by a fixed
number of cycles, so what routers do to each other needs no order within a cycle, and an idle one costs nothing.
Numba's cache looks at this file alone: touch it after a change of the kernels that it calls.
"""

from __future__ import annotations

from .bits import compiled, inlined
from .kernels_flits import offer_branches, place_after, send_flit, start, step
from .state import (
    AWAKE,
    AWAKE_ROUTERS,
    AWAKE_SOURCES,
    CREATED,
    CREDIT_TO,
    CREDITS,
    FLITS,
    FLYING,
    FRONT,
    IDLE,
    LEFT,
    OFFER,
    OUT,
    OWNER,
    PLACE,
    PORT,
    QUEUE,
    QUEUE_END,
    RETURNED,
    RING,
    ROUTERS,
    SOURCE,
    SOURCE_AWAKE,
    SOURCE_VC,
    SOURCES,
    STORED,
    TO,
    TREE,
    UNSENT,
    WIRE_FLIT,
    WIRE_TO,
    WIRED,
    Journal,
    State,
)

#: cycles from a source to its router
INJECTION = 2
LOCAL = 4


@inlined
def _wake(s: State, router: int) -> None:
    if not s.node[router, AWAKE]:
        s.node[router, AWAKE] = 1
        s.awake_list[ROUTERS, s.tally[AWAKE_ROUTERS]] = router
        s.tally[AWAKE_ROUTERS] += 1


@inlined
def _wake_source(s: State, node: int) -> None:
    if not s.node[node, SOURCE_AWAKE]:
        s.node[node, SOURCE_AWAKE] = 1
        s.awake_list[SOURCES, s.tally[AWAKE_SOURCES]] = node
        s.tally[AWAKE_SOURCES] += 1


@inlined
def _receive_credits(s: State, slot: int) -> None:
    count = s.due[RETURNED, slot]
    for k in range(count):
        place = s.wires[CREDIT_TO, slot, k]
        router, out = place // PLACE, place % PLACE
        there = router * s.channels + out
        s.channel[there, CREDITS] += 1
        if router >= s.nodes:
            _wake_source(s, router - s.nodes)
            continue
        owner = s.channel[there, OWNER]
        if owner < 0:
            continue
        here = router * s.channels + owner
        if s.channel[here, PORT] == TREE:
            offer_branches(s, router, owner)
            _wake(s, router)
        elif s.channel[there, CREDITS] == 1 and s.channel[here, STORED]:
            s.mask[router, OFFER + s.channel[here, PORT]] |= 1 << owner
            _wake(s, router)
    s.due[RETURNED, slot] = 0
    s.tally[FLYING] -= count


@inlined
def _receive_flits(s: State, slot: int) -> None:
    count = s.due[WIRED, slot]
    for k in range(count):
        place = s.wires[WIRE_TO, slot, k]
        router, channel = place // PLACE, place % PLACE
        here = router * s.channels + channel
        stored = s.channel[here, STORED]
        s.fifo[here * s.slots + place_after(s, s.channel[here, FRONT], stored)] = s.wires[WIRE_FLIT, slot, k]
        s.channel[here, STORED] = stored + 1
        if s.channel[here, OUT] == IDLE:
            start(s, router, channel)
            _wake(s, router)
        elif s.channel[here, PORT] == TREE:
            offer_branches(s, router, channel)
            _wake(s, router)
        elif stored == 0 and s.channel[router * s.channels + s.channel[here, OUT], CREDITS] > 0:
            s.mask[router, OFFER + s.channel[here, PORT]] |= 1 << channel
            _wake(s, router)
    s.due[WIRED, slot] = 0
    s.tally[FLYING] -= count


@inlined
def _choose_channel(s: State, node: int, packet: int) -> bool:
    """A head takes the next channel in turn that has a credit; one that forks needs room for all its flits."""
    needed = s.packet[packet, FLITS] if s.packet[packet, TO] < 0 else 1
    credits = (s.nodes + node) * s.channels
    vc = s.node[node, SOURCE_VC]
    for _ in range(s.vcs):
        vc = vc + 1 if vc + 1 < s.vcs else 0
        if s.channel[credits + vc, CREDITS] >= needed:
            s.node[node, SOURCE_VC] = vc
            s.node[node, UNSENT] = s.packet[packet, FLITS]
            return True
    return False


@inlined
def _inject(s: State, j: Journal, node: int, cycle: int) -> bool:
    """The flit that a source sends in this cycle; whether it must be asked again in the next."""
    place = s.node[node, QUEUE]
    if place == s.node[node, QUEUE_END] or s.packet[j.order[place], CREATED] > cycle:
        return False
    packet = j.order[place]
    if s.node[node, UNSENT] == 0:
        if not _choose_channel(s, node, packet):
            return False
        j.injected[packet] = cycle
    vc = s.node[node, SOURCE_VC]
    there = (s.nodes + node) * s.channels + vc
    if s.channel[there, CREDITS] == 0:
        return False
    s.channel[there, CREDITS] -= 1
    s.node[node, UNSENT] -= 1
    last = 1 if s.node[node, UNSENT] == 0 else 0
    s.node[node, QUEUE] += last
    send_flit(s, cycle + INJECTION, node * PLACE + LOCAL * s.vcs + vc, 2 * packet + last)
    return True


@compiled
def run(s: State, j: Journal, last_cycle: int) -> int:
    """Simulate until every counted packet has arrived, nothing moves any more, or after `last_cycle`.

    Returns:
        Cycles simulated.
    """
    cycle, created, packets = 0, 0, len(j.order)
    while cycle <= last_cycle:
        _receive_credits(s, cycle % RING)
        _receive_flits(s, cycle % RING)
        while created < packets and s.packet[j.by_cycle[created], CREATED] <= cycle:
            _wake_source(s, s.packet[j.by_cycle[created], SOURCE])
            created += 1
        kept = 0
        for k in range(s.tally[AWAKE_SOURCES]):
            node = s.awake_list[SOURCES, k]
            if _inject(s, j, node, cycle):
                s.awake_list[SOURCES, kept] = node
                kept += 1
            else:
                s.node[node, SOURCE_AWAKE] = 0
        s.tally[AWAKE_SOURCES] = kept
        kept = 0
        for k in range(s.tally[AWAKE_ROUTERS]):
            router = s.awake_list[ROUTERS, k]
            if step(s, j, router, cycle):
                s.awake_list[ROUTERS, kept] = router
                kept += 1
            else:
                s.node[router, AWAKE] = 0
        s.tally[AWAKE_ROUTERS] = kept
        cycle += 1
        if s.tally[LEFT] == 0:
            return cycle
        if kept == 0 and s.tally[FLYING] == 0 and s.tally[AWAKE_SOURCES] == 0:
            if created == packets:
                return cycle
            cycle = max(cycle, s.packet[j.by_cycle[created], CREATED])
    return cycle
