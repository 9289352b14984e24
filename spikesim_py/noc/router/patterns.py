"""Traffic patterns: where a node sends, as BookSim2 (28f43299, traffic.cpp) defines them.

With id = x + width y: transpose (x, y) to (y, x); bitcomp every bit inverted; shuffle the bits rotated left by one;
bitrev the bits reversed; tornado half-way round, coordinate + ceil(k / 2) - 1 modulo k, and neighbor coordinate + 1
modulo k, in each dimension of k nodes; uniform to any node, itself included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ...errors import InputError, did_you_mean
from ..fabric import Fabric, Ints

UNIFORM = "uniform"


def partners(traffic: str, fabric: Fabric) -> Ints | None:
    """(nodes,) where every node sends, or None if that is drawn for every packet.

    Raises:
        InputError: an unknown pattern, or one that this mesh cannot have.
    """
    if traffic == UNIFORM:
        return None
    if traffic not in _PARTNERS:
        known = [UNIFORM, *_PARTNERS]
        raise InputError(f"traffic = {traffic!r}: must be one of {', '.join(known)}{did_you_mean(str(traffic), known)}")
    return _PARTNERS[traffic](fabric)


def _transpose(fabric: Fabric) -> Ints:
    if fabric.width != fabric.height:
        raise InputError(f"traffic = 'transpose': needs a square mesh, got {fabric.width} x {fabric.height}")
    return np.arange(fabric.nodes).reshape(fabric.height, fabric.width).T.ravel()


def _bits(fabric: Fabric, traffic: str) -> int:
    """Of a node id."""
    if fabric.nodes & (fabric.nodes - 1):
        mesh = f"{fabric.width} x {fabric.height} = {fabric.nodes}"
        raise InputError(f"traffic = {traffic!r}: needs a number of nodes that is a power of two, got {mesh}")
    return fabric.nodes.bit_length() - 1


def _bitcomp(fabric: Fabric) -> Ints:
    _bits(fabric, "bitcomp")
    return np.arange(fabric.nodes)[::-1].copy()


def _shuffle(fabric: Fabric) -> Ints:
    bits = _bits(fabric, "shuffle")
    node = np.arange(fabric.nodes)
    return (node << 1 & fabric.nodes - 1) | node >> max(bits - 1, 0)


def _bitrev(fabric: Fabric) -> Ints:
    bits = _bits(fabric, "bitrev")
    node = np.arange(fabric.nodes)
    reverse = np.zeros_like(node)
    for bit in range(bits):
        reverse |= (node >> bit & 1) << bits - 1 - bit
    return reverse


def _shifted(fabric: Fabric, x: int, y: int) -> Ints:
    node = np.arange(fabric.nodes)
    row, column = np.divmod(node, fabric.width)
    to: Ints = (column + x) % fabric.width + (row + y) % fabric.height * fabric.width
    return to


def _tornado(fabric: Fabric) -> Ints:
    return _shifted(fabric, (fabric.width + 1) // 2 - 1, (fabric.height + 1) // 2 - 1)


def _neighbor(fabric: Fabric) -> Ints:
    return _shifted(fabric, 1, 1)


_PARTNERS: Mapping[str, Callable[[Fabric], Ints]] = {
    "transpose": _transpose,
    "bitcomp": _bitcomp,
    "shuffle": _shuffle,
    "bitrev": _bitrev,
    "tornado": _tornado,
    "neighbor": _neighbor,
}
