"""The state of all routers and sources as plain arrays, and what the simulation writes down.

A few wide arrays, since Numba's compile time grows with their number; the names below are their columns.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..fabric import LOCAL, PORTS, Fabric, Ints, Packets

#: most virtual channels: the input channels of a router are bits of one word
MOST_VCS = 12
#: of an input channel's OUT: no packet; a packet that has no output channel yet
IDLE, WAITING = -2, -1
#: of an input channel's PORT: a packet that forks
TREE = 5
#: slots of the rings that hold what is on the wires: more than the longest delay in cycles
RING = 8
#: routers and channels in one number: 64 router + channel
PLACE = 64

#: packets: source; destination, or -1 - tree; length; first delivery; cycle of creation; 1 if it must arrive
SOURCE, TO, FLITS, FIRST, CREATED, COUNTED = range(6)
#: input channels: first flit in the buffer, and how many; output channel (0 to 5 V - 1) and port of the packet in
#: front; of a tree its ports as bits, and its flits that all branches have. Output channels: input channel that holds
#: it, or -1; free slots behind it, also the sources'. Round-robin pointers of both
FRONT, STORED, OUT, PORT, BRANCHES, SHIFTED, OWNER, CREDITS, CHANNEL_GRANT, CHANNEL_ACCEPT = range(10)
#: branches of a tree, by input channel and port: output channel, and flits that it has
BRANCH_OUT, BRANCH_SENT = range(2)
#: routers, by output port: input channels that wait for an output channel, and that can send a flit (channel, flit and
#: credit are there), output channels that no packet holds, each as bits; and heads in the routing stage
WANT, OFFER, FREE, ROUTING = 0, 5, 10, 15
#: ports: place of the channels that feed input port p, and that output port p feeds; round-robin pointers
ACROSS, SWITCH_GRANT, SWITCH_ACCEPT, TURN = range(4)
#: nodes: coordinates; whether router and source are awake; of the source the place in `Journal.order` of the packet
#: that is sent or sent next, where its packets end, flits still to be sent once the head is, channel last used
X, Y, AWAKE, SOURCE_AWAKE, QUEUE, QUEUE_END, UNSENT, SOURCE_VC = range(8)
#: rows of `awake_list`; of `due`: how many flits and credits arrive in a cycle modulo 8; of `wires`: which ones
ROUTERS, SOURCES = range(2)
WIRED, RETURNED = range(2)
WIRE_TO, WIRE_FLIT, CREDIT_TO = range(3)
#: rows of `small`: port of a channel, then scratch of the allocators
PORT_OF, REQUESTS, GRANTED, MATCHED, PICKED, GRANTS = range(6)
#: how many routers and sources are awake, flits and credits on wires, counted arrivals to come
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
    packet: Array  # (packets + 1, 6), the last for its FIRST
    destination: Array  # (deliveries,)
    trees: Array  # (trees, nodes) output ports of the tree at a router, as bits
    fifo: Array  # (input channels x B,)
    channel: Array  # (output channels, then sources', 10)
    branch: Array  # (input channels x 5, 2)
    mask: Array  # (nodes, 16)
    link: Array  # (nodes x 5, 4)
    node: Array  # (nodes, 8)
    awake_list: Array  # (2, nodes)
    due: Array  # (2, 8)
    wires: Array  # (3, 8, 8 nodes)
    small: Array  # (6, 5 V)
    tally: Array  # (4,)


class Journal(NamedTuple):
    """Packets by source and by cycle, and what becomes of them."""

    by_cycle: Ints  # (packets,)
    order: Ints  # by source, then as they come
    injected: Ints
    arrived: Ints  # (deliveries,)
    vc_flits: Ints  # (output channels,)


def journal(packets: Packets, fabric: Fabric) -> Journal:
    return Journal(
        by_cycle=np.argsort(packets.cycle, kind="stable"),
        order=np.argsort(packets.source, kind="stable"),
        injected=np.full(len(packets), -1),
        arrived=np.full(len(packets.destination), -1),
        vc_flits=np.zeros(fabric.nodes * PORTS * fabric.vcs, np.int64),
    )


def fresh(packets: Packets, fabric: Fabric, counted: NDArray[np.bool_], to: Ints, trees: NDArray[np.uint8]) -> State:
    """Empty routers, and sources with their packets; `to` and `trees` as `cycle.forks` gives them."""
    nodes, vcs = fabric.nodes, fabric.vcs
    channels = nodes * PORTS * vcs
    channel = np.zeros((2 * channels, 10), np.int32)
    channel[:, OUT], channel[:, OWNER], channel[:, CREDITS] = IDLE, -1, fabric.buffer_flits
    mask = np.zeros((nodes, 16), np.int64)
    mask[:, FREE : FREE + PORTS] = (1 << vcs) - 1
    small = np.zeros((6, PORTS * vcs), np.int64)
    small[PORT_OF] = np.repeat(np.arange(PORTS), vcs)
    return State(
        nodes=nodes,
        vcs=vcs,
        channels=PORTS * vcs,
        slots=fabric.buffer_flits,
        routes=fabric.pipeline == "A",
        speculates=fabric.pipeline == "C",
        credit_delay=2 if fabric.pipeline == "D" else 0,
        packet=_packet(packets, counted, to),
        destination=np.array(packets.destination, np.int64),
        trees=trees,
        fifo=np.zeros(channels * fabric.buffer_flits, np.int64),
        channel=channel,
        branch=np.zeros((channels * PORTS, 2), np.int32),
        mask=mask,
        link=_link(fabric),
        node=_node(packets, fabric),
        awake_list=np.zeros((2, nodes), np.int64),
        due=np.zeros((2, RING), np.int64),
        wires=np.zeros((3, RING, nodes * RING), np.int64),
        small=small,
        tally=np.array([0, 0, 0, int(np.diff(packets.first)[counted].sum())]),
    )


def _packet(packets: Packets, counted: NDArray[np.bool_], to: Ints) -> Ints:
    packet = np.zeros((len(packets) + 1, 6), np.int64)
    packet[:, FIRST] = packets.first
    columns = {SOURCE: packets.source, TO: to, FLITS: packets.flits, CREATED: packets.cycle, COUNTED: counted}
    for column, values in columns.items():
        packet[:-1, column] = values
    return packet


def _link(fabric: Fabric) -> Ints:
    """At the mesh's edge nothing is ever sent."""
    node = np.arange(fabric.nodes)
    link = np.zeros((fabric.nodes, PORTS, 4), np.int64)
    for port, (step, opposite) in enumerate(((1, 1), (-1, 0), (fabric.width, 3), (-fabric.width, 2))):
        link[:, port, ACROSS] = (node + step) * PLACE + opposite * fabric.vcs
    link[:, LOCAL, ACROSS] = (fabric.nodes + node) * PLACE
    return link.reshape(-1, 4)


def _node(packets: Packets, fabric: Fabric) -> Ints:
    node = np.zeros((fabric.nodes, 8), np.int64)
    node[:, Y], node[:, X] = np.divmod(np.arange(fabric.nodes), fabric.width)
    node[:, QUEUE_END] = np.bincount(packets.source, minlength=fabric.nodes).cumsum()
    node[1:, QUEUE] = node[:-1, QUEUE_END]
    node[:, SOURCE_VC] = fabric.vcs - 1
    return node
