"""The state of all routers and sources as plain arrays, and what the simulation writes down."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..fabric import LOCAL, PORTS, Fabric, Ints, Packets

#: of an input channel's `out`: no packet; a packet that has no output channel yet
IDLE, WAITING = -2, -1
#: ports of a router in a row of masks, padded to a cache line
ROW = 8
RING = 8
#: places in `tally`: how many routers and sources are awake, flits and credits on wires, counted arrivals to come
AWAKE_ROUTERS, AWAKE_SOURCES, FLYING, LEFT = range(4)
Array = NDArray[Any]


class State(NamedTuple):
    """Routers are r, ports p (input or output), channels of a port v, V of them; buffers hold B flits.

    Input channels are (r 5 + p) V + v, output channels the same with p the output port; credits of the source at
    node n for its channel v are at (5 nodes + n) V + v. A flit is 2 packet + (1 if it is the last).
    """

    nodes: int
    vcs: int
    slots: int
    routes: bool  # a stage of its own for routing
    speculates: bool
    credit_delay: int
    x: Array  # (nodes,)
    y: Array
    across: Array  # (5 nodes,) first output channel that feeds input port p = first input channel fed by output port p
    port_of: Array  # (5 V,) port of a bit
    origin: Array  # (packets,)
    to: Array
    flits: Array
    fifo: Array  # (input channels x B,)
    front: Array  # (input channels,) first flit in the buffer, and how many
    count: Array
    out: Array  # output channel of the packet in front, or IDLE, or WAITING
    port: Array  # output port of the packet in front
    owner: Array  # (output channels,) bit of the input channel that holds it, or -1
    credit: Array  # (output channels + V nodes,)
    routing: Array  # (nodes,) heads in the routing stage
    want: Array  # (8 nodes,) input channels that wait for a channel of an output port
    offer: Array  # input channels that can send a flit by an output port: channel, flit and credit are there
    free: Array  # channels of an output port that no packet holds
    channel_grant: Array  # round-robin pointers
    channel_accept: Array
    switch_grant: Array
    switch_accept: Array
    turn: Array
    awake: Array
    routers: Array
    source_awake: Array
    sources: Array
    queue: Array  # (nodes,) place in `Journal.order` of the packet that is sent or sent next
    unsent: Array  # its flits still to be sent once its head is
    source_vc: Array
    wired: Array  # (8,) flits that arrive in a cycle modulo 8
    wire_to: Array
    wire_flit: Array
    returned: Array  # the same for credits
    credit_to: Array
    granted: Array  # scratch of the allocators
    matched: Array
    picked: Array
    grants: Array
    tally: Array


class Journal(NamedTuple):
    """Packets by source and by cycle, and what becomes of them."""

    created: Ints  # (packets,)
    by_cycle: Ints
    order: Ints  # by source, then as they come
    queues: Ints  # (nodes + 1,) where each source's begin in `order`
    counted: Ints  # 1 for those that must arrive
    injected: Ints
    arrived: Ints
    vc_flits: Ints


def journal(packets: Packets, fabric: Fabric, counted: NDArray[np.bool_]) -> Journal:
    n = len(packets)
    order = np.argsort(packets.source, kind="stable")
    queues = np.searchsorted(packets.source[order], np.arange(fabric.nodes + 1))
    return Journal(
        packets.cycle,
        np.argsort(packets.cycle, kind="stable"),
        order,
        queues,
        counted.astype(np.int64),
        np.full(n, -1),
        np.full(n, -1),
        np.zeros(fabric.nodes * PORTS * fabric.vcs, np.int64),
    )


def _across(fabric: Fabric) -> Ints:
    """(5 nodes,) see `State.across`; at the mesh's edge nothing is ever sent."""
    node = np.arange(fabric.nodes)
    first = np.zeros((fabric.nodes, PORTS), np.int64)
    for port, (step, opposite) in enumerate(((1, 1), (-1, 0), (fabric.width, 3), (-fabric.width, 2))):
        first[:, port] = ((node + step) * PORTS + opposite) * fabric.vcs
    first[:, LOCAL] = (fabric.nodes * PORTS + node) * fabric.vcs
    return first.ravel()


def fresh(packets: Packets, fabric: Fabric, journal: Journal) -> State:
    """Empty routers, and sources with their packets."""
    nodes, vcs = fabric.nodes, fabric.vcs
    channels = nodes * PORTS * vcs

    def zeros(size: int | tuple[int, int], kind: type[np.generic] = np.int64) -> Array:
        return np.zeros(size, kind)

    return State(
        nodes=nodes,
        vcs=vcs,
        slots=fabric.buffer_flits,
        routes=fabric.pipeline == "A",
        speculates=fabric.pipeline == "C",
        credit_delay=2 if fabric.pipeline == "D" else 0,
        x=np.arange(nodes) % fabric.width,
        y=np.arange(nodes) // fabric.width,
        across=_across(fabric),
        port_of=np.repeat(np.arange(PORTS), vcs),
        origin=packets.source,
        to=packets.destination[packets.first[:-1]],
        flits=packets.flits,
        fifo=zeros(channels * fabric.buffer_flits),
        front=zeros(channels),
        count=zeros(channels),
        out=np.full(channels, IDLE),
        port=zeros(channels),
        owner=np.full(channels, -1),
        credit=np.full(channels + nodes * vcs, fabric.buffer_flits),
        routing=zeros(nodes),
        want=zeros(nodes * ROW),
        offer=zeros(nodes * ROW),
        free=np.full(nodes * ROW, (1 << vcs) - 1),
        channel_grant=zeros(channels),
        channel_accept=zeros(channels),
        switch_grant=zeros(nodes * PORTS),
        switch_accept=zeros(nodes * PORTS),
        turn=zeros(nodes * PORTS),
        awake=zeros(nodes, np.bool_),
        routers=zeros(nodes),
        source_awake=zeros(nodes, np.bool_),
        sources=zeros(nodes),
        queue=journal.queues[:-1].copy(),
        unsent=zeros(nodes),
        source_vc=np.full(nodes, vcs - 1),
        wired=zeros(RING),
        wire_to=zeros((RING, nodes * PORTS)),
        wire_flit=zeros((RING, nodes * PORTS)),
        returned=zeros(RING),
        credit_to=zeros((RING, nodes * RING)),
        granted=zeros(PORTS),
        matched=zeros(PORTS),
        picked=zeros(PORTS),
        grants=zeros(PORTS * vcs),
        tally=np.array([0, 0, 0, int(journal.counted.sum())]),
    )
