"""Packets hop by hop: who gets which channel and link, and when.

A packet is a tree of *edges* in the order in which its head may pass them: the injection link, links, ejection links.
An edge holds a virtual channel of its link from the head's allocation until its tail has won the switch, and L slots
of the link. Nothing happens per flit. Times are cycles in which the switch is won.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

Array = Any
_NEVER = 1 << 60
#: from winning the switch to the next buffer, and from the source to the first one
_WIRE, _INJECTION_WIRE = 3, 2
#: slots of the wheel of events; what lies further ahead comes round again
_WHEEL = 4096


@njit(cache=True)
def _push(wheel: Array, following: Array, due: Array, edge: int, cycle: int, fresh: int) -> None:
    """Note an edge for a cycle, after those that are there; those that have waited (0) go before fresh ones (1)."""
    due[edge], slot = cycle, cycle & (_WHEEL - 1)
    following[edge] = -1
    if wheel[0, fresh, slot] < 0:
        wheel[0, fresh, slot] = edge
    else:
        following[wheel[1, fresh, slot]] = edge
    wheel[1, fresh, slot] = edge


@njit(cache=True)
def _span(length: int, slots: int) -> int:
    """Over how many more buffers a packet reaches."""
    return (length - 1) // slots if length > slots else 0


@njit(cache=True)
def _wrapped(place: int, slots: int) -> int:
    """A place modulo a number that it exceeds by little."""
    while place >= slots:
        place -= slots
    return place


@njit(cache=True)
def _start(wheel: Array, following: Array, due: Array, edge: int, sibling: Array, cycle: int) -> int:
    """Note an edge and those beside it; how many."""
    count = 0
    while edge >= 0:
        _push(wheel, following, due, edge, cycle, 1)
        edge = sibling[edge]
        count += 1
    return count


@njit(cache=True, error_model="numpy")
def run(
    flits: Array,
    created: Array,
    order: Array,
    queues: Array,
    packet: Array,
    root: Array,
    link: Array,
    parent: Array,
    child: Array,
    sibling: Array,
    nodes: int,
    vcs: int,
    slots: int,
    routing: int,
    allocation: int,
    credit: int,
    head: Array,
    tail: Array,
) -> None:
    """Send every packet; fills `head` and `tail`, (edges,) cycles in which both win the switch.

    Args:
        flits, created: (packets,). order: packets by source, `queues` (nodes + 1,) where each source's begin.
        packet, link, parent, child, sibling: of every edge. root: (packets + 1,).
        routing: cycles before a head may ask for a channel. allocation: cycles from a channel to the switch.
        credit: cycles until a slot that was left can be used.
    """
    edges, channels = len(link), 6 * nodes * vcs
    wheel = np.full((2, 2, _WHEEL), -1)
    following, due = np.empty(edges, np.int32), head  # a head's cycle is what it is due for until it is known
    waiting = np.full((2, 6 * nodes), -1)  # edges without a channel, per link
    behind = np.full((2, channels), -1)  # packets in a channel's buffer, by the edge on which they came
    channel = np.full(edges, -1, np.int32)
    free_input, feeding = np.zeros(6 * nodes, np.int64), np.full(6 * nodes, -1)  # the edge whose packet it served last
    free_link, free_channel = np.zeros(6 * nodes, np.int64), np.zeros(channels, np.int64)
    entered, left = np.zeros(channels, np.int64), np.zeros(channels, np.int64)  # flits into and out of a buffer
    enter, leave = np.zeros(channels, np.int64), np.zeros(channels, np.int64)  # the same modulo its slots
    leaves = np.full((channels, slots), -_NEVER)  # when the last ones left or will
    starved = np.full(channels, -1)  # the edge that holds a channel without a slot
    inside, unsettled = np.zeros(edges, np.int32), np.zeros(edges, np.int32)
    stretch = max(credit + _WIRE - slots, 0)
    pending = 0
    for edge in range(edges):  # a tail settles once the head is so far ahead that the buffers between hold the rest
        up, level, span = edge, 0, _span(flits[packet[edge]], slots)
        while up >= 0 and level <= span:
            unsettled[up] += 1
            up = parent[up]
            level += 1
        if parent[edge] >= 0:
            inside[parent[edge]] += 1
    for node in range(nodes):
        if queues[node] < queues[node + 1]:
            first = order[queues[node]]
            _push(wheel, following, due, root[first], created[first], 1)
            pending += 1
    cursor = queues[:-1].copy()
    stack = np.empty(flits.max() // slots + 2, np.int64)
    cycle = 0
    while pending > 0:
        slot = cycle & (_WHEEL - 1)
        for fresh in range(2):
            edge = wheel[0, fresh, slot]
            wheel[0, fresh, slot] = -1
            while edge >= 0:
                after_this = following[edge]
                if due[edge] > cycle:
                    _push(wheel, following, due, edge, due[edge], fresh)
                    edge = after_this
                    continue
                pending -= 1
                line, length = link[edge], flits[packet[edge]]
                span = _span(length, slots)
                injected, ejected = line >= 5 * nodes, line < 5 * nodes and line % 5 == 4
                if channel[edge] < 0:  # the channel that is free first; it lasts until the tail has left
                    best, least = -1, _NEVER
                    for vc in range(vcs):
                        if free_channel[line * vcs + vc] < least:
                            best, least = line * vcs + vc, free_channel[line * vcs + vc]
                    if best < 0:
                        following[edge] = -1
                        if waiting[0, line] < 0:
                            waiting[0, line] = edge
                        else:
                            following[waiting[1, line]] = edge
                        waiting[1, line] = edge
                        edge = after_this
                        continue
                    if least > cycle:
                        _push(wheel, following, due, edge, least, 0)
                        pending += 1
                        edge = after_this
                        continue
                    channel[edge] = best
                    free_channel[best] = _NEVER
                    earliest = cycle if injected else cycle + allocation
                else:
                    earliest = cycle
                held = channel[edge]
                if not ejected:
                    if entered[held] - left[held] >= slots:
                        starved[held] = edge
                        edge = after_this
                        continue
                    earliest = max(earliest, leaves[held, enter[held]] + credit)
                won = max(earliest, free_link[line])
                if not injected:  # an input port sends one flit per cycle, to all branches of a packet at once
                    feed = link[parent[edge]]
                    won = max(won, free_input[feed] - (length if feeding[feed] == parent[edge] else 0))
                    feeding[feed], free_input[feed] = parent[edge], won + length
                free_link[line] = max(free_link[line], earliest) + length
                last = won + length - 1 + span * stretch
                if not ejected:
                    if entered[held] + length - 1 - slots < left[held]:
                        last = max(last, leaves[held, _wrapped(enter[held] + length - 1, slots)] + credit)
                    entered[held] += length
                    enter[held] = _wrapped(enter[held] + length, slots)
                if not injected:
                    wire = _INJECTION_WIRE if link[parent[edge]] >= 5 * nodes else _WIRE
                    last = max(last, tail[parent[edge]] + wire)
                head[edge], tail[edge] = won, last
                # the packet comes into the next buffer, in front or behind others
                if not ejected:
                    following[edge] = -1
                    if behind[0, held] < 0:
                        behind[0, held] = behind[1, held] = edge
                        start = won + (_INJECTION_WIRE if injected else _WIRE) + routing
                        pending += _start(wheel, following, due, child[edge], sibling, start)
                    else:
                        following[behind[1, held]] = edge
                        behind[1, held] = edge
                # flits leave the buffer that the packet lay in, once all branches have them
                up = parent[edge]
                if up >= 0:
                    inside[up] -= 1
                    if inside[up] == 0:
                        buffer = channel[up]
                        place, pace = leave[buffer], (last - won) / max(length - 1, 1)
                        for flit in range(length):
                            leaves[buffer, place] = won + int(flit * pace)
                            place = place + 1 if place + 1 < slots else 0
                        leave[buffer] = place
                        left[buffer] += length
                        if starved[buffer] >= 0:
                            _push(wheel, following, due, starved[buffer], won + credit, 0)
                            pending += 1
                            starved[buffer] = -1
                # tails that are settled free their channel, their buffer's front and their source
                up, level, top = edge, 0, 0
                while up >= 0 and level <= span:
                    tail[up] = max(tail[up], won + length - 1 - level * slots + level * credit)
                    unsettled[up] -= 1
                    if unsettled[up] == 0:
                        stack[top] = up
                        top += 1
                    up = parent[up]
                    level += 1
                while top > 0:
                    top -= 1
                    done = stack[top]
                    end = tail[done] + 1
                    free_channel[channel[done]] = end
                    line = link[done]
                    woken = waiting[0, line]
                    if woken >= 0:
                        waiting[0, line] = following[woken]
                        _push(wheel, following, due, woken, end, 0)
                        pending += 1
                    if line >= 5 * nodes:
                        node = line - 5 * nodes
                        cursor[node] += 1
                        if cursor[node] < queues[node + 1]:
                            entry = order[cursor[node]]
                            _push(wheel, following, due, root[entry], max(created[entry], end), 1)
                            pending += 1
                        continue
                    came = parent[done]
                    ready = end
                    settled = True
                    branch = child[came]
                    while branch >= 0:
                        settled = settled and unsettled[branch] == 0
                        ready = max(ready, tail[branch] + 1)
                        branch = sibling[branch]
                    if settled:
                        buffer = channel[came]
                        entering = following[came]
                        behind[0, buffer] = entering
                        if entering >= 0:
                            wire = _INJECTION_WIRE if link[entering] >= 5 * nodes else _WIRE
                            start = max(ready, head[entering] + wire) + routing
                            pending += _start(wheel, following, due, child[entering], sibling, start)
                edge = after_this
        cycle += 1
