"""Tiles to routers: simulated annealing of flits times links, or of the largest link load.

Kirkpatrick, Gelatt and Vecchi, Science 220 (1983). Moves go to any place near by, which exchanges two tiles or takes a
free place; how near shrinks with the temperature, as in VPR (Betz and Rose, FPL 1997).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError, did_you_mean

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Objective = Literal["hops", "max_link"]

#: temperatures of a run and the factor between them: down to a thousandth
_STEPS, _COOLING = 100, 0.93
#: the first temperature over the mean change of a proposal: the loads are annealed from what the hops gave
_HEAT = {"hops": 0.5, "max_link": 0.05}
#: proposals per temperature and tile^(4/3) (VPR has 10), and the pairs of tiles (pairs times links) that a run looks at
_MOVES, _EFFORT = 10, {"hops": 2e9, "max_link": 2e8}


class Figures(NamedTuple):
    """What a placement costs: flits times links, and the flits over the busiest link between routers."""

    hops: float
    max_link: float


@dataclass(frozen=True, eq=False)
class Placed:
    """Tiles on a mesh.

    Attributes:
        places: (tiles, 2) x and y of every tile. before, after: figures of the better of snake and row-major, by the
            objective, and of `places`.
    """

    places: Ints
    before: Figures
    after: Figures


class _Graph(NamedTuple):
    """Pairs of tiles that exchange anything, as a kernel takes them; the port is the last tile."""

    first: Ints
    other: NDArray[np.int32]
    sent: Floats
    received: Floats
    both: Floats


def optimized_places(
    volumes: Floats, port_volumes: Floats, width: int, height: int, seed: int = 0, objective: Objective = "hops"
) -> Placed:
    """Places with a smaller objective than snake and row-major have, or theirs; the same on every machine.

    Args:
        volumes: (tiles, tiles) flits from tile to tile.
        port_volumes: (tiles, 2) flits that each tile gets from and sends to the port at router (0, 0).
        seed: any whole number.
    """
    from .kernels import anneal

    if objective not in get_args(Objective):
        raise InputError(f"objective {objective!r}: must be hops or max_link{did_you_mean(objective, _HEAT)}")
    graph, tiles = _graph(volumes, port_volumes), len(volumes)
    _check_room(tiles, width, height)

    def cost(places: Ints) -> float:
        return float(getattr(_figures(graph, places, width, height), objective))

    start = best = min(_orders(tiles, width), key=cost)
    for name in ("hops", "max_link") if objective == "max_link" else ("hops",):
        links, loads = name == "max_link", np.empty((4, height, width))
        moves, at = _moves(graph, tiles, width + height, name), _with_port(best)
        found = anneal(graph, *at, loads, links, moves, _STEPS, _COOLING, _HEAT[name], np.uint64(seed % 2**64))  # type: ignore[arg-type]
        best = min(best, np.stack(found, 1)[:-1], key=cost)
    before, after = (_figures(graph, places, width, height) for places in (start, best))
    return Placed(best, before, after)


def placement_figures(volumes: Floats, port_volumes: Floats, places: Ints, width: int, height: int) -> Figures:
    """What given (tiles, 2) places cost."""
    _check_room(len(places), width, height)
    return _figures(_graph(volumes, port_volumes), np.asarray(places, np.int64), width, height)


def _figures(graph: _Graph, places: Ints, width: int, height: int) -> Figures:
    from .kernels import figures

    return Figures(*(float(value) for value in figures(graph, *_with_port(places), np.empty((4, height, width)))))


def _orders(tiles: int, width: int) -> tuple[Ints, Ints]:
    """(tiles, 2) places of a snake and row by row."""
    y, x = np.divmod(np.arange(tiles), width)
    return np.stack([np.where(y % 2 == 1, width - 1 - x, x), y], 1), np.stack([x, y], 1)


def _with_port(places: Ints) -> tuple[Ints, Ints]:
    """(tiles + 1,) columns and rows of the tiles and of the port."""
    return np.append(places[:, 0], 0), np.append(places[:, 1], 0)


def _check_room(tiles: int, width: int, height: int) -> None:
    if tiles > width * height:
        raise InputError(f"{tiles} tiles do not fit {width} x {height} routers: enlarge the mesh")


def _graph(volumes: Floats, port_volumes: Floats) -> _Graph:
    tiles = len(volumes)
    if np.shape(volumes) != (tiles, tiles) or np.shape(port_volumes) != (tiles, 2):
        shapes = f"{np.shape(volumes)} and {np.shape(port_volumes)}"
        raise InputError(f"volumes and port_volumes of shapes {shapes}: must be (tiles, tiles) and (tiles, 2)")
    if not (np.all(np.isfinite(volumes)) and np.min(volumes, initial=0) >= 0 and np.min(port_volumes, initial=0) >= 0):
        raise InputError("volumes, port_volumes: must be finite and 0 or more")
    sent = np.zeros((tiles + 1, tiles + 1))
    sent[:tiles, :tiles] = volumes
    sent[tiles, :tiles], sent[:tiles, tiles] = np.asarray(port_volumes).T
    np.fill_diagonal(sent, 0.0)
    pairs = (sent > 0) | (sent.T > 0)
    first = np.append(0, pairs.sum(1).cumsum()).astype(np.int64)
    other = np.nonzero(pairs)[1].astype(np.int32)
    return _Graph(first, other, sent[pairs], sent.T[pairs], (sent + sent.T)[pairs])


def _moves(graph: _Graph, tiles: int, links: int, objective: str) -> int:
    """Proposals per temperature."""
    pairs = 2 * len(graph.other) // (tiles + 1) + 1  # of both tiles of an exchange
    work = pairs if objective == "hops" else pairs * links
    return int(min(max(_MOVES * round(tiles ** (4 / 3)), 500), _EFFORT[objective] / (_STEPS * work))) + 1
