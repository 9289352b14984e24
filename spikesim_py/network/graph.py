"""The order in which a graph with delayed edges runs: node by node, and loops step by step."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np

from .model import AnyNode


def groups(nodes: Sequence[AnyNode]) -> tuple[tuple[AnyNode, ...], ...]:
    """The nodes in an order in which every one's inputs are there: alone, or those of a loop together.

    A loop is a strongly connected set of nodes, in the order of the list. Of several that could be next, the one that
    comes first in the list is.
    """
    place = {node.name: index for index, node in enumerate(nodes)}
    edges = [(place[source], place[node.name]) for node in nodes for source in node.inputs if source in place]
    if all(source < reader for source, reader in edges):
        return tuple((node,) for node in nodes)
    count, label = _strong(len(nodes), edges)
    members: list[list[AnyNode]] = [[] for _ in range(count)]
    for node, group in zip(nodes, label, strict=True):
        members[group].append(node)
    return tuple(tuple(members[group]) for group in _sorted(members, label, edges, place))


def _strong(size: int, edges: Sequence[tuple[int, int]]) -> tuple[int, list[int]]:
    from scipy.sparse import coo_array  # here: graphs without loops need not wait for it
    from scipy.sparse.csgraph import connected_components

    sources, readers = np.array(edges).T
    matrix = coo_array((np.ones(len(edges)), (sources, readers)), (size, size))
    count, label = connected_components(matrix, connection="strong")
    return int(count), label.tolist()


def _sorted(
    members: Sequence[Sequence[AnyNode]], label: Sequence[int], edges: Sequence[tuple[int, int]], place: dict[str, int]
) -> list[int]:
    """Groups in topological order (Kahn)."""
    between = {(label[source], label[reader]) for source, reader in edges if label[source] != label[reader]}
    waits, readers = [0] * len(members), [list[int]() for _ in members]
    for source, reader in between:
        waits[reader] += 1
        readers[source].append(reader)
    first = [place[group[0].name] for group in members]
    ready = [(first[group], group) for group in range(len(members)) if not waits[group]]
    heapq.heapify(ready)
    order = []
    while ready:
        _, group = heapq.heappop(ready)
        order.append(group)
        for reader in readers[group]:
            waits[reader] -= 1
            if not waits[reader]:
                heapq.heappush(ready, (first[reader], reader))
    return order


def is_loop(group: Sequence[AnyNode]) -> bool:
    """Whether a group runs step by step: several nodes, or a delay of itself."""
    return len(group) > 1 or group[0].name in group[0].inputs
