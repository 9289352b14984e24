"""The loop over cycles: sources, wires, and the routers that are awake.

The readable twin of the whole router is `twin.py`; state and its words are in `state.py`. Every wire delays by a fixed
number of cycles, so what routers do to each other needs no order within a cycle, and an idle one costs nothing.
"""

from __future__ import annotations

from .bits import compiled, inlined
from .kernels_flits import offer_branches, place_after, send_flit, start, step
from .state import AWAKE_ROUTERS, AWAKE_SOURCES, FLYING, IDLE, LEFT, PLACE, RING, ROW, TREE, Journal, State

#: cycles from a source to its router
INJECTION = 2
LOCAL = 4


@inlined
def _wake(s: State, router: int) -> None:
    if not s.awake[router]:
        s.awake[router] = True
        s.routers[s.tally[AWAKE_ROUTERS]] = router
        s.tally[AWAKE_ROUTERS] += 1


@inlined
def _wake_source(s: State, node: int) -> None:
    if not s.source_awake[node]:
        s.source_awake[node] = True
        s.sources[s.tally[AWAKE_SOURCES]] = node
        s.tally[AWAKE_SOURCES] += 1


@inlined
def _receive_credits(s: State, slot: int) -> None:
    count = s.returned[slot]
    for k in range(count):
        place = s.credit_to[slot, k]
        router, out = place // PLACE, place % PLACE
        there = router * s.channels + out
        s.credit[there] += 1
        if router >= s.nodes:
            _wake_source(s, router - s.nodes)
            continue
        owner = s.owner[there]
        if owner < 0:
            continue
        here = router * s.channels + owner
        if s.port[here] == TREE:
            offer_branches(s, router, owner)
            _wake(s, router)
        elif s.credit[there] == 1 and s.stored[here]:
            s.offer[router * ROW + s.port[here]] |= 1 << owner
            _wake(s, router)
    s.returned[slot] = 0
    s.tally[FLYING] -= count


@inlined
def _receive_flits(s: State, slot: int) -> None:
    count = s.wired[slot]
    for k in range(count):
        place = s.wire_to[slot, k]
        router, channel = place // PLACE, place % PLACE
        here = router * s.channels + channel
        stored = s.stored[here]
        s.fifo[here * s.slots + place_after(s, s.front[here], stored)] = s.wire_flit[slot, k]
        s.stored[here] = stored + 1
        if s.out[here] == IDLE:
            start(s, router, channel)
            _wake(s, router)
        elif s.port[here] == TREE:
            offer_branches(s, router, channel)
            _wake(s, router)
        elif stored == 0 and s.credit[router * s.channels + s.out[here]] > 0:
            s.offer[router * ROW + s.port[here]] |= 1 << channel
            _wake(s, router)
    s.wired[slot] = 0
    s.tally[FLYING] -= count


@inlined
def _choose_channel(s: State, node: int, packet: int) -> bool:
    """A head takes the next channel in turn that has a credit; one that forks needs room for all its flits."""
    needed = s.flits[packet] if s.to[packet] < 0 else 1
    credits = (s.nodes + node) * s.channels
    vc = s.source_vc[node]
    for _ in range(s.vcs):
        vc = vc + 1 if vc + 1 < s.vcs else 0
        if s.credit[credits + vc] >= needed:
            s.source_vc[node] = vc
            s.unsent[node] = s.flits[packet]
            return True
    return False


@inlined
def _inject(s: State, j: Journal, node: int, cycle: int) -> bool:
    """The flit that a source sends in this cycle; whether it must be asked again in the next."""
    place = s.queue[node]
    if place == j.queues[node + 1] or j.created[j.order[place]] > cycle:
        return False
    packet = j.order[place]
    if s.unsent[node] == 0:
        if not _choose_channel(s, node, packet):
            return False
        j.injected[packet] = cycle
    vc = s.source_vc[node]
    there = (s.nodes + node) * s.channels + vc
    if s.credit[there] == 0:
        return False
    s.credit[there] -= 1
    s.unsent[node] -= 1
    last = 1 if s.unsent[node] == 0 else 0
    s.queue[node] += last
    send_flit(s, cycle + INJECTION, node * PLACE + LOCAL * s.vcs + vc, 2 * packet + last)
    return True


@compiled
def run(s: State, j: Journal, last_cycle: int) -> int:
    """Simulate until every counted packet has arrived, nothing moves any more, or after `last_cycle`.

    Returns:
        Cycles simulated.
    """
    cycle, created, packets = 0, 0, len(j.created)
    while cycle <= last_cycle:
        _receive_credits(s, cycle % RING)
        _receive_flits(s, cycle % RING)
        while created < packets and j.created[j.by_cycle[created]] <= cycle:
            _wake_source(s, s.source[j.by_cycle[created]])
            created += 1
        kept = 0
        for k in range(s.tally[AWAKE_SOURCES]):
            node = s.sources[k]
            if _inject(s, j, node, cycle):
                s.sources[kept] = node
                kept += 1
            else:
                s.source_awake[node] = False
        s.tally[AWAKE_SOURCES] = kept
        kept = 0
        for k in range(s.tally[AWAKE_ROUTERS]):
            router = s.routers[k]
            if step(s, j, router, cycle):
                s.routers[kept] = router
                kept += 1
            else:
                s.awake[router] = False
        s.tally[AWAKE_ROUTERS] = kept
        cycle += 1
        if s.tally[LEFT] == 0:
            return cycle
        if kept == 0 and s.tally[FLYING] == 0 and s.tally[AWAKE_SOURCES] == 0:
            if created == packets:
                return cycle
            cycle = max(cycle, j.created[j.by_cycle[created]])
    return cycle
