"""Layers that take the tiles of a small chip in turn."""

from __future__ import annotations

from collections.abc import Sequence

from .._arrays import Real, where


def round_indices(tiles: Sequence[Real], max_tiles: Real) -> list[Real]:
    """The round of every layer, from 0: in their order, layers share a round while they fit the chip together.

    Every layer has a tile or more. Numbers, or arrays with one element per design. A layer with more tiles than the
    chip gets a round of its own, which does not fit either: hold `tiles` against `max_tiles` apart.
    """
    found: list[Real] = []
    used, index = max_tiles, -1  # a full round before the first
    for need in tiles:
        fits = used + need <= max_tiles
        used, index = where(fits, used + need, need), where(fits, index, index + 1)
        found.append(index)
    return found
