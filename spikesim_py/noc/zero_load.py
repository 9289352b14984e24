"""The mesh without contention: XY routes, link counters, and latency.

A packet of L flits over R routers (R = links + 1) takes 2 + h R + (L - 1) cycles, h = 5 cycles per router with
pipeline A (route, allocate a channel, allocate the switch, traverse, link) and 4 with look-ahead routing (B):
BookSim2 (28f43299), latency-1 channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from .fabric import HOP_CYCLES
from .traffic import Traffic, Transfer

Place = tuple[int, int]
LinkLoads = dict[tuple[Place, Place], float]


@dataclass(frozen=True)
class ZeroLoad:
    """One transfer on an empty mesh, per time-step.

    Attributes:
        head_cycles: until the farthest packet's head is out. serial_cycles: flits that follow it through the
            busiest link, or injection or ejection port. flit_links, flit_routers: flits times what they pass.
    """

    transfer: Transfer
    head_cycles: float
    serial_cycles: float
    flit_links: float
    flit_routers: float

    @property
    def cycles(self) -> float:
        """Until the last flit is out."""
        return self.head_cycles + self.serial_cycles


def zero_load_cycles(routers: Any, flits: Any, pipeline: str) -> Any:
    """Latency of a packet of `flits` flits over `routers` routers, in cycles; scalars or arrays."""
    return 2 + HOP_CYCLES[pipeline] * routers + (flits - 1)


def zero_load(traffic: Traffic, pipeline: str) -> tuple[ZeroLoad, ...]:
    """Every transfer on an empty mesh: its busiest port or link bounds the stream. Contention needs the simulator."""
    return tuple(_one(transfer, pipeline) for transfer in traffic.transfers)


def _one(transfer: Transfer, pipeline: str) -> ZeroLoad:
    used = transfer.flits > 0
    farthest = int(transfer.links[used].max()) + 1 if used.any() else 0
    busiest = max(transfer.flits.sum(1).max(), transfer.flits.sum(0).max(), _busiest_link(transfer))
    links = float((transfer.flits * transfer.links).sum())
    return ZeroLoad(
        transfer,
        float(zero_load_cycles(farthest, 1, pipeline)) if used.any() else 0.0,
        max(float(busiest) - 1.0, 0.0),
        links,
        links + float(transfer.flits.sum()),
    )


def _busiest_link(transfer: Transfer) -> float:
    """Flits over the busiest link: every pair loads a stretch of its source's row and one of its target's column."""
    x, y = (transfer.sources[:, None, axis] for axis in (0, 1))
    to_x, to_y = (transfer.destinations[None, :, axis] for axis in (0, 1))
    along_x = _busiest_stretch(y, x, to_x, transfer.flits)
    return max(along_x, _busiest_stretch(to_x, y, to_y, transfer.flits))


def _busiest_stretch(line: Any, start: Any, end: Any, flits: Any) -> float:
    """The largest sum of flits over one place of any line, in one direction; they pass all places from start to end."""
    line, start, end, flits = (part.ravel() for part in np.broadcast_arrays(line, start, end, flits))
    most = 0.0
    for forth in (end > start, end < start):
        steps = np.zeros((int(line.max()) + 1, int(max(start.max(), end.max())) + 2))
        np.add.at(steps, (line[forth], np.minimum(start, end)[forth]), flits[forth])
        np.add.at(steps, (line[forth], np.maximum(start, end)[forth]), -flits[forth])
        most = max(most, float(steps.cumsum(1).max()))
    return most


def route(source: Place, destination: Place) -> tuple[Place, ...]:
    """The places that a packet visits under XY routing, both ends included."""
    (x, y), (to_x, to_y) = source, destination
    path = [(x, y)]
    while x != to_x:
        x += 1 if to_x > x else -1
        path.append((x, y))
    while y != to_y:
        y += 1 if to_y > y else -1
        path.append((x, y))
    return tuple(path)


def link_loads(traffic: Traffic) -> LinkLoads:
    """Flits per inference over every link that carries any: (from place, to place) to flits."""
    loads: LinkLoads = {}
    for transfer in traffic.transfers:
        for i, source in enumerate(transfer.sources.tolist()):
            for j, destination in enumerate(transfer.destinations.tolist()):
                flits = float(transfer.flits[i, j]) * transfer.steps
                if not flits:
                    continue
                path = route((source[0], source[1]), (destination[0], destination[1]))
                for link in pairwise(path):
                    loads[link] = loads.get(link, 0.0) + flits
    return loads
