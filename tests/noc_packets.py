"""What the tests of the network's router share: packets from short lists, hypothesis strategies, reference tables."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from spikesim_py.noc.fabric import Fabric, Packets
from spikesim_py.noc.zero_load import route

REFERENCE = Path(__file__).parent / "reference"
#: source, destinations, flits, cycle
Row = tuple[int, Sequence[int], int, int]


def reference(name: str) -> list[dict[str, str]]:
    lines = (REFERENCE / name).read_text().splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def packets(rows: Sequence[Row]) -> Packets:
    source, flits, cycle = (np.array([row[k] for row in rows], np.int64) for k in (0, 2, 3))
    first = np.concatenate([[0], np.cumsum([len(row[1]) for row in rows], dtype=np.int64)])
    destination = np.array([node for row in rows for node in row[1]], np.int64)
    return Packets(source, flits, cycle, np.arange(len(rows)), first, destination)


@st.composite
def traces(draw: st.DrawFn, pipelines: str = "ABCD", forks: bool = True) -> tuple[Packets, Fabric]:
    """Up to 40 packets on a small mesh."""
    width, height, vcs, buffer_flits = (draw(st.integers(1, most)) for most in (4, 4, 4, 8))
    fabric = Fabric(width, height, vcs, buffer_flits, draw(st.sampled_from(pipelines)))
    node = st.integers(0, fabric.nodes - 1)
    rows: list[Row] = []
    cycle = 0
    for _ in range(draw(st.integers(1, 40))):
        where = draw(st.lists(node, min_size=1, max_size=fabric.nodes if forks else 1, unique=True))
        cycle += draw(st.integers(0, 3))
        rows.append((draw(node), where, draw(st.integers(1, buffer_flits if len(where) > 1 else 6)), cycle))
    return packets(rows), fabric


def tree_flits(sent: Packets, fabric: Fabric) -> np.ndarray:
    """(nodes, 5) flits by output port when every link of a packet's XY tree carries every flit once."""
    flits = np.zeros((fabric.nodes, 5), np.int64)
    steps = {(1, 0): 0, (-1, 0): 1, (0, 1): 2, (0, -1): 3}
    for number, source in enumerate(sent.source.tolist()):
        used = set()
        for to in sent.destination[sent.first[number] : sent.first[number + 1]].tolist():
            path = route((source % fabric.width, source // fabric.width), (to % fabric.width, to // fabric.width))
            for (x, y), (next_x, next_y) in pairwise(path):
                used.add((x + fabric.width * y, steps[next_x - x, next_y - y]))
            used.add((to, 4))
        for node, port in used:
            flits[node, port] += sent.flits[number]
    return flits
