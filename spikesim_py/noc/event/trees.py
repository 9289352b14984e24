"""Packets as trees of links, laid out for kernels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..fabric import Floats, Ints


class Trees(NamedTuple):
    """The edges of packets, in the order in which heads may pass them: parents before children.

    Attributes:
        root: (packets + 1,) where each packet's edges begin; the first is its injection link.
        link: (edges,) 5 node + output port, or 5 nodes + node of an injection link.
        parent: (edges,) the edge before, or -1. packet: (edges,) whose it is. leaf: (deliveries,) last edge of each.
    """

    root: Ints
    link: NDArray[np.int32]
    parent: NDArray[np.int32]
    packet: NDArray[np.int32]
    leaf: Ints

    def along(self, values: Floats, highest: bool = False) -> Floats:
        """(deliveries,) the sum of (edges,) values on the way to each destination, or the highest."""
        return self.along_edges(values, highest)[self.leaf]

    def along_edges(self, values: Floats, highest: bool = False) -> Floats:
        """(edges,) the same up to and with each edge."""
        from .kernels_trees import accumulate

        return accumulate(self.parent, values, highest)  # type: ignore[no-any-return]


def trees(source: Ints, first: Ints, destination: Ints, width: int, nodes: int) -> Trees:
    """XY routes of packets, each from one node to destinations first[i] to first[i + 1]; every link of a tree once."""
    from .kernels_trees import count_edges, grow_trees

    size = count_edges(source, first, destination, width)
    root, leaf = np.empty(len(source) + 1, np.int64), np.empty(len(destination), np.int64)
    link, parent = np.empty(size, np.int32), np.empty(size, np.int32)
    edges = grow_trees(source, first, destination, width, nodes, root, link, parent, leaf)
    packet = np.repeat(np.arange(len(source), dtype=np.int32), np.diff(root))
    return Trees(root, link[:edges], parent[:edges], packet, leaf)
