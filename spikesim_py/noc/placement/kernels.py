"""Annealing of places; `reference.py` says the same with costs computed anew for every proposal.

Only additions, multiplications, divisions and comparisons of IEEE doubles, and a generator of whole numbers: the same
seed gives the same places on every machine.

Loads are (4, height, width) flits: over the links +x, -x, +y and -y of the router that they leave.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

Array = Any
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@njit(cache=True)
def _word(state: Array) -> int:
    """The next 32 random bits: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    state[0] += _GOLDEN
    word = state[0]
    word = (word ^ (word >> np.uint64(30))) * _FIRST
    word = (word ^ (word >> np.uint64(27))) * _SECOND
    return np.int64((word ^ (word >> np.uint64(31))) >> np.uint64(32))  # type: ignore[return-value]


@njit(cache=True)
def _below(state: Array, bound: int) -> int:
    return (_word(state) * bound) >> 32


@njit(cache=True)
def _near(state: Array, at: int, reach: int, size: int) -> int:
    """A column (or row) at most `reach` away."""
    low, high = max(at - reach, 0), min(at + reach, size - 1)
    return low + _below(state, high - low + 1)


@njit(cache=True)
def _power(load: float) -> float:
    """What a link costs: many of these in sum grow like their largest."""
    square = load * load
    return square * square * square


@njit(cache=True)
def _send(loads: Array, x: int, y: int, to_x: int, to_y: int, flits: float) -> float:
    """Add flits to an XY route; by how much the sum of powers grows."""
    growth = 0.0
    port, step = (0, 1) if to_x > x else (1, -1)
    for at in range(x, to_x, step):
        growth += _power(loads[port, y, at] + flits) - _power(loads[port, y, at])
        loads[port, y, at] += flits
    port, step = (2, 1) if to_y > y else (3, -1)
    for at in range(y, to_y, step):
        growth += _power(loads[port, at, to_x] + flits) - _power(loads[port, at, to_x])
        loads[port, at, to_x] += flits
    return growth


@njit(cache=True)
def _fill(graph: Array, x: Array, y: Array, loads: Array) -> None:
    """Loads of all links, from nothing."""
    first, other, sent, _, _ = graph
    loads[:] = 0.0
    for tile in range(len(first) - 1):
        for i in range(first[tile], first[tile + 1]):
            _send(loads, x[tile], y[tile], x[other[i]], y[other[i]], sent[i])


@njit(cache=True)
def figures(graph: Array, x: Array, y: Array, loads: Array) -> tuple[float, float]:
    """Flits times links, and the largest link load; fills `loads`."""
    _fill(graph, x, y, loads)
    return loads.sum(), loads.max()


@njit(cache=True)
def _hops_change(graph: Array, tile: int, to_x: int, to_y: int, partner: int, x: Array, y: Array) -> float:
    """What it adds to the flits times links if a tile moves; those with its partner in a swap stay."""
    first, other, _, _, both = graph
    change, at_x, at_y = 0.0, x[tile], y[tile]
    for i in range(first[tile], first[tile + 1]):
        k = other[i]
        if k != partner:
            change += both[i] * (abs(to_x - x[k]) + abs(to_y - y[k]) - abs(at_x - x[k]) - abs(at_y - y[k]))
    return change


@njit(cache=True)
def _resend(graph: Array, tile: int, partner: int, sign: float, x: Array, y: Array, loads: Array) -> float:
    """Add (or take away) all that a tile sends and receives, but for what it exchanges with `partner`."""
    first, other, sent, received, _ = graph
    growth, at_x, at_y = 0.0, x[tile], y[tile]
    for i in range(first[tile], first[tile + 1]):
        k = other[i]
        if k != partner:
            if sent[i] > 0.0:
                growth += _send(loads, at_x, at_y, x[k], y[k], sign * sent[i])
            if received[i] > 0.0:
                growth += _send(loads, x[k], y[k], at_x, at_y, sign * received[i])
    return growth


@njit(cache=True)
def _move(tile: int, to_x: int, to_y: int, x: Array, y: Array, tile_at: Array) -> None:
    """Take a place, in exchange with what lies there; -1 is nothing."""
    at_x, at_y, partner = x[tile], y[tile], tile_at[to_y, to_x]
    tile_at[at_y, at_x], tile_at[to_y, to_x] = partner, tile
    x[tile], y[tile] = to_x, to_y
    if partner >= 0:
        x[partner], y[partner] = at_x, at_y


@njit(cache=True)
def _links_change(
    graph: Array, tile: int, to_x: int, to_y: int, x: Array, y: Array, tile_at: Array, loads: Array
) -> float:
    """Move a tile; what that adds to the sum of powers. Moving it back undoes it."""
    partner = tile_at[to_y, to_x]
    change = _resend(graph, tile, -1, -1.0, x, y, loads)
    if partner >= 0:
        change += _resend(graph, partner, tile, -1.0, x, y, loads)
    _move(tile, to_x, to_y, x, y, tile_at)
    change += _resend(graph, tile, -1, 1.0, x, y, loads)
    if partner >= 0:
        change += _resend(graph, partner, tile, 1.0, x, y, loads)
    return change


@njit(cache=True)
def _accepted(state: Array, change: float, temperature: float) -> bool:
    """Metropolis' rule with (1 + z / 8)^-8 for exp(-z), which every machine rounds alike."""
    if change <= 0.0:
        return True
    share = 1.0 + change / (8.0 * temperature)
    share *= share
    share *= share
    return _word(state) * (share * share) < 4294967296.0


@njit(cache=True)
def anneal(
    graph: Array,
    x: Array,
    y: Array,
    loads: Array,
    links: bool,
    moves: int,
    steps: int,
    cooling: float,
    heat: float,
    seed: int,
) -> tuple[Array, Array]:
    """Columns and rows of the best state found; the last tile, the port, stays.

    Args:
        graph: `first` (tiles + 2,) where the pairs of each tile begin; `other`, flits `sent`, `received`, and `both`
            in sum, of each pair.
        x, y: (tiles + 1,) columns and rows to begin with, changed. loads: (4, height, width) room for loads.
        links: whether the largest link load counts (as a sum of powers), else flits times links.
        moves: proposals per temperature. steps: temperatures, each `cooling` times the one before; the first is `heat`
            times the mean change of a proposal.
    """
    _, height, width = loads.shape
    tiles, largest = len(x) - 1, max(width, height)
    tile_at = np.full((height, width), -1)
    for tile in range(tiles):
        tile_at[y[tile], x[tile]] = tile
    state = np.array([seed], np.uint64)
    best_x, best_y, best = x.copy(), y.copy(), figures(graph, x, y, loads)[int(links)]
    temperature, reach = 0.0, largest
    for step in range(-1, steps):  # step -1 only measures the changes
        total = 0.0
        for _ in range(moves):
            tile = _below(state, tiles)
            at_x, at_y = x[tile], y[tile]
            to_x, to_y = _near(state, at_x, reach, width), _near(state, at_y, reach, height)
            partner = tile_at[to_y, to_x]
            if partner == tile:
                continue
            if links:
                change = _links_change(graph, tile, to_x, to_y, x, y, tile_at, loads)
            else:
                change = _hops_change(graph, tile, to_x, to_y, partner, x, y)
                if partner >= 0:
                    change += _hops_change(graph, partner, at_x, at_y, tile, x, y)
            total += abs(change)
            taken = step >= 0 and _accepted(state, change, temperature)
            if taken and not links:
                _move(tile, to_x, to_y, x, y, tile_at)
            elif links and not taken:
                _links_change(graph, tile, at_x, at_y, x, y, tile_at, loads)
            elif taken and change != 0.0 and loads.max() < best:
                best_x, best_y, best = x.copy(), y.copy(), loads.max()
        cost = figures(graph, x, y, loads)[int(links)]  # also forgets the rounding of loads
        if cost < best:
            best_x, best_y, best = x.copy(), y.copy(), cost
        temperature = temperature * cooling if step >= 0 else heat * total / moves
        if temperature == 0.0:
            break
        reach = max(largest * (steps - step) // steps, 1)
    return best_x, best_y
