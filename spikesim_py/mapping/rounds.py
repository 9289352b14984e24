"""Layers that take the tiles of a small chip in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .._arrays import Real, where
from ..errors import MappingError


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


def rounds(tiles: Mapping[str, int], max_tiles: int | None) -> list[list[str]]:
    """Groups of layers that fit `max_tiles` tiles each, in order; None: any number fits.

    Raises:
        MappingError: a layer has more tiles than the chip.
    """
    if max_tiles is None:
        return [list(tiles)]
    for name, need in tiles.items():
        if need > max_tiles:
            raise MappingError(
                f"chip.max_tiles = {max_tiles}: layer {name!r} alone needs {need} tiles (larger tiles, tile.pes and "
                f"pe.crossbars, or larger crossbars need fewer)"
            )
    groups: list[list[str]] = []
    for name, index in zip(tiles, round_indices(list(tiles.values()), max_tiles), strict=True):
        if index == len(groups):
            groups.append([])
        groups[-1].append(name)
    return groups
