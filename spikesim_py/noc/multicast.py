"""Links of a packet: of an XY route, and of the tree that XY routes from one source to many destinations make together.

XY routes from one source never meet again once they part, so their union is a tree; a flit passes each of its links
once. A link is node x 5 + output port, in the numbering of `fabric`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .fabric import LOCAL, PORTS, Fabric, Ints, Packets


@dataclass(frozen=True)
class FlitLinks:
    """Flits times links between routers, if every destination got a copy of its own, and as trees."""

    unicast: int
    tree: int

    @property
    def saved(self) -> int:
        return self.unicast - self.tree


def route_links(source: int, destination: int, width: int) -> list[int]:
    """Links of the XY route, in order; without the port of the destination itself."""
    (y, x), (to_y, to_x) = divmod(source, width), divmod(destination, width)
    step_x, step_y = (1 if to_x > x else -1), (1 if to_y > y else -1)
    along_x = [(y * width + at) * PORTS + (0 if step_x > 0 else 1) for at in range(x, to_x, step_x)]
    along_y = [(at * width + to_x) * PORTS + (2 if step_y > 0 else 3) for at in range(y, to_y, step_y)]
    return along_x + along_y


def tree_links(source: int, destinations: Sequence[int], width: int) -> list[int]:
    """Links of the tree to all destinations, sorted: those of one route where there is one."""
    return sorted({link for destination in destinations for link in route_links(source, destination, width)})


def flit_links(packets: Packets, fabric: Fabric) -> FlitLinks:
    """What trees save over copies."""
    unicast = tree = 0
    for source, destinations, rows in sharing(packets):
        flits = int(packets.flits[rows].sum())
        unicast += flits * sum(len(route_links(source, to, fabric.width)) for to in destinations)
        tree += flits * len(tree_links(source, destinations, fabric.width))
    return FlitLinks(unicast, tree)


def sharing(packets: Packets) -> Iterator[tuple[int, tuple[int, ...], Ints]]:
    """(source, destinations, their packets) for every tree that is used, in the order of its first packet."""
    found: dict[tuple[int, tuple[int, ...]], list[int]] = {}
    first, every = packets.first.tolist(), packets.destination.tolist()
    for index, source in enumerate(packets.source.tolist()):
        found.setdefault((source, tuple(every[first[index] : first[index + 1]])), []).append(index)
    for (source, destinations), rows in found.items():
        yield source, destinations, np.array(rows, np.int64)


def loads_by_label(packets: Packets, fabric: Fabric, labels: int) -> Ints:
    """(labels, nodes, 5) flits that leave every router by every port, those of the nodes included, by packet label."""
    loads = np.zeros((labels, fabric.nodes * PORTS), np.int64)
    for source, destinations, rows in sharing(packets):
        flits = np.bincount(packets.label[rows], packets.flits[rows], labels).astype(np.int64)
        links = tree_links(source, destinations, fabric.width) + [to * PORTS + LOCAL for to in destinations]
        loads[:, links] += flits[:, None]  # no link is in a tree twice
    return loads.reshape(labels, fabric.nodes, PORTS)
