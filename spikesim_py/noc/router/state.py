"""The state of all routers and sources as plain arrays, and what the simulation writes down."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..fabric import LOCAL, PORTS, Fabric, Ints, Packets

#: most virtual channels: the input channels of a router are bits of one word
MOST_VCS = 12
#: of an input channel's `out`: no packet; a packet that has no output channel yet
IDLE, WAITING = -2, -1
#: of an input channel's `port`: a packet that forks
TREE = 5
#: ports of a router in a row of masks, padded to a cache line
ROW = 8
#: slots of the rings that hold what is on the wires: more than the longest delay in cycles
RING = 8
#: routers and channels in one number: 64 router + channel
PLACE = 64
#: places in `tally`: how many routers and sources are awake, flits and credits on wires, counted arrivals to come
AWAKE_ROUTERS, AWAKE_SOURCES, FLYING, LEFT = range(4)
Array = NDArray[Any]


class State(NamedTuple):
    """Routers are r, ports p (input or output), channels of a port v, V of them; buffers hold B flits.

    The input channels of router r are at 5 V r + p V + v, its output channels the same with p the output port. The
    source at node n counts its credits as router nodes + n. A flit is 2 packet + (1 if it is the last).
    """

    nodes: int
    vcs: int
    channels: int  # 5 V
    slots: int
    routes: bool  # a stage of its own for routing
    speculates: bool
    credit_delay: int
    x: Array  # (nodes,)
    y: Array
    across: Array  # (5 nodes,) place of the channel that feeds input port p, and that is fed by output port p
    port_of: Array  # (5 V,) port of a channel
    source: Array  # (packets,)
    to: Array  # node, or -1 - tree
    flits: Array
    first: Array  # (packets + 1,) and (deliveries,), see `Packets`
    destination: Array
    trees: Array  # (trees, nodes) output ports of the tree at a router, as bits
    fifo: Array  # (input channels x B,)
    front: Array  # (input channels,) first flit in the buffer, and how many
    stored: Array
    out: Array  # output channel of the packet in front (0 to 5 V - 1), or IDLE, or WAITING
    port: Array  # output port of the packet in front, or TREE
    branches: Array  # of a tree: its output ports as bits
    shifted: Array  # its flits that all branches have
    branch_out: Array  # (input channels x 5,) output channel of a branch, or WAITING, and how many flits it has
    branch_sent: Array
    owner: Array  # (output channels,) the input channel that holds it, or -1
    credit: Array  # (output channels, then sources',)
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
    requests: Array  # scratch of the allocators
    granted: Array
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
    counted: NDArray[np.bool_]  # those that must arrive
    injected: Ints
    arrived: Ints  # (deliveries,)
    vc_flits: Ints  # (output channels,)


def _plain(values: Ints) -> Ints:
    """Another layout or type would compile the kernel anew."""
    return np.array(values, np.int64)


def journal(packets: Packets, fabric: Fabric, counted: NDArray[np.bool_]) -> Journal:
    order = np.argsort(packets.source, kind="stable")
    return Journal(
        created=_plain(packets.cycle),
        by_cycle=np.argsort(packets.cycle, kind="stable"),
        order=order,
        queues=np.searchsorted(packets.source[order], np.arange(fabric.nodes + 1)),
        counted=counted,
        injected=np.full(len(packets), -1),
        arrived=np.full(len(packets.destination), -1),
        vc_flits=np.zeros(fabric.nodes * PORTS * fabric.vcs, np.int64),
    )


def _across(fabric: Fabric) -> Ints:
    """(5 nodes,) see `State.across`; at the mesh's edge nothing is ever sent."""
    node = np.arange(fabric.nodes)
    place = np.zeros((fabric.nodes, PORTS), np.int64)
    for port, (step, opposite) in enumerate(((1, 1), (-1, 0), (fabric.width, 3), (-fabric.width, 2))):
        place[:, port] = (node + step) * PLACE + opposite * fabric.vcs
    place[:, LOCAL] = (fabric.nodes + node) * PLACE
    return place.ravel()


def fresh(packets: Packets, fabric: Fabric, journal: Journal, to: Ints, trees: NDArray[np.uint8]) -> State:
    """Empty routers, and sources with their packets; `to` and `trees` as `cycle.forks` gives them."""
    nodes, vcs = fabric.nodes, fabric.vcs
    channels = nodes * PORTS * vcs

    def zeros(size: int | tuple[int, int], kind: type[np.generic] = np.int32) -> Array:
        return np.zeros(size, kind)

    return State(
        nodes=nodes,
        vcs=vcs,
        channels=PORTS * vcs,
        slots=fabric.buffer_flits,
        routes=fabric.pipeline == "A",
        speculates=fabric.pipeline == "C",
        credit_delay=2 if fabric.pipeline == "D" else 0,
        x=(np.arange(nodes) % fabric.width).astype(np.int32),
        y=(np.arange(nodes) // fabric.width).astype(np.int32),
        across=_across(fabric),
        port_of=np.repeat(np.arange(PORTS), vcs),
        source=_plain(packets.source),
        to=to,
        flits=_plain(packets.flits),
        first=_plain(packets.first),
        destination=_plain(packets.destination),
        trees=trees,
        fifo=zeros(channels * fabric.buffer_flits, np.int64),
        front=zeros(channels),
        stored=zeros(channels),
        out=np.full(channels, IDLE, np.int32),
        port=zeros(channels),
        branches=zeros(channels),
        shifted=zeros(channels),
        branch_out=zeros(channels * PORTS),
        branch_sent=zeros(channels * PORTS),
        owner=np.full(channels, -1, np.int32),
        credit=np.full(2 * channels, fabric.buffer_flits, np.int32),
        routing=zeros(nodes, np.int64),
        want=zeros(nodes * ROW, np.int64),
        offer=zeros(nodes * ROW, np.int64),
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
        source_vc=np.full(nodes, vcs - 1, np.int32),
        wired=zeros(RING),
        wire_to=zeros((RING, nodes * PORTS), np.int64),
        wire_flit=zeros((RING, nodes * PORTS), np.int64),
        returned=zeros(RING),
        credit_to=zeros((RING, nodes * RING), np.int64),
        requests=zeros(PORTS, np.int64),
        granted=zeros(PORTS),
        matched=zeros(PORTS),
        picked=zeros(PORTS),
        grants=zeros(PORTS * vcs),
        tally=np.array([0, 0, 0, int(np.diff(packets.first)[journal.counted].sum())]),
    )
