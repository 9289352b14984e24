"""Packets as trees of edges: routes that share their first links, sums along them, children of each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

Array = Any


@njit(cache=True)
def count_edges(source: Array, first: Array, destination: Array, width: int) -> int:
    """At most so many edges: routes that share nothing."""
    total = len(source)
    for packet in range(len(source)):
        x, y = source[packet] % width, source[packet] // width
        for i in range(first[packet], first[packet + 1]):
            total += abs(destination[i] % width - x) + abs(destination[i] // width - y) + 1
    return total


@njit(cache=True)
def grow_trees(
    source: Array,
    first: Array,
    destination: Array,
    width: int,
    nodes: int,
    root: Array,
    link: Array,
    parent: Array,
    leaf: Array,
) -> int:
    """Fill every packet's edges, parents before children; how many there are.

    root: (packets + 1,) first edge, the injection link 5 nodes + source. link: (edges,) 5 node + port. parent: (edges,)
    edge before it, -1. leaf: (deliveries,) ejection edge of each.
    """
    edges, marks = 0, np.full(nodes, -1)  # the edge that enters a node, if it is this packet's
    steps = np.array([1, -1, width, -width])
    for packet in range(len(source)):
        root[packet] = edges
        link[edges], parent[edges] = 5 * nodes + source[packet], -1
        marks[source[packet]] = edges
        edges += 1
        for i in range(first[packet], first[packet + 1]):
            at, to = source[packet], destination[i]
            while at != to:
                x, to_x = at % width, to % width
                port = (0 if to_x > x else 1) if x != to_x else (2 if to > at else 3)
                there = at + steps[port]
                if marks[there] < root[packet]:
                    link[edges], parent[edges] = 5 * at + port, marks[at]
                    marks[there] = edges
                    edges += 1
                at = there
            link[edges], parent[edges] = 5 * at + 4, marks[at]
            leaf[i] = edges
            edges += 1
    root[len(source)] = edges
    return edges


@njit(cache=True)
def accumulate(parent: Array, values: Array, highest: bool) -> Array:
    """(edges,) the sum of values from the root to each edge, or the highest."""
    total = values.copy()
    for edge in range(len(parent)):
        if parent[edge] >= 0:
            before = total[parent[edge]]
            total[edge] = max(before, total[edge]) if highest else before + total[edge]
    return total


@njit(cache=True)
def find_children(parent: Array, child: Array, sibling: Array) -> None:
    """(edges,) first edge behind each and the next one behind the same, or -1."""
    child[:], sibling[:] = -1, -1
    for edge in range(len(parent) - 1, -1, -1):
        if parent[edge] >= 0:
            sibling[edge] = child[parent[edge]]
            child[parent[edge]] = edge
