"""What every fidelity of the NoC takes and returns: a fabric, packets, and one result.

Node ids are x + width y. Output ports of a router: 0 = +x, 1 = -x, 2 = +y, 3 = -y, 4 = the node itself (BookSim2's
order for dimension-ordered meshes, which settles its arbiters' ties).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Pipeline = Literal["A", "B", "C", "D"]
Fidelity = Literal["analytic", "event", "cycle"]

PORTS = 5
LOCAL = 4
#: cycles that a head takes per router, link included: A routes, allocates a channel, allocates the switch and
#: traverses it; B looks ahead; C also allocates channel and switch together; D is B with slower credits
HOP_CYCLES: Mapping[str, int] = {"A": 5, "B": 4, "C": 3, "D": 4}


@dataclass(frozen=True)
class Fabric:
    """A 2-D mesh of wormhole routers with XY routing.

    Attributes:
        width, height: routers along x and y. vcs: virtual channels per input port. buffer_flits: slots per channel.
        pipeline: stages of a router, see `HOP_CYCLES`.
    """

    width: int
    height: int
    vcs: int = 2
    buffer_flits: int = 4
    pipeline: Pipeline = "B"

    @property
    def nodes(self) -> int:
        return self.width * self.height


@dataclass(frozen=True, eq=False)
class Packets:
    """Packets in the order in which their sources queue them. A packet goes to one node, or to many as a tree.

    Attributes:
        source: (n,) node ids. flits: (n,) length, header included. cycle: (n,) when the packet is created, not
            decreasing per source. label: (n,) which transfer it belongs to (any number).
        first: (n + 1,) where the destinations of each packet begin in `destination`, (m,) node ids; m deliveries.
    """

    source: Ints
    flits: Ints
    cycle: Ints
    label: Ints
    first: Ints
    destination: Ints

    def __len__(self) -> int:
        return len(self.source)


@dataclass(frozen=True, eq=False)
class NocResult:
    """What became of the packets: the same for every fidelity.

    Attributes:
        fabric, packets: what was simulated. fidelity: how.
        duration_cycles: until nothing is in flight: the last arrival plus one.
        arrival_cycle: (m,) when each delivery's tail was read. network_cycles: (m,) from the injection of its head.
        link_flits: (nodes, 5) flits that left every router by every port.
        vc_flits: (nodes, 5, vcs) the same by virtual channel of the next router; None where channels are not simulated.
        warnings: why the numbers may be off.
    """

    fabric: Fabric
    packets: Packets
    fidelity: Fidelity
    duration_cycles: float
    arrival_cycle: Floats
    network_cycles: Floats
    link_flits: Floats
    vc_flits: Ints | None = None
    warnings: tuple[str, ...] = ()

    @cached_property
    def latency_cycles(self) -> Floats:
        """(m,) from a packet's creation to the arrival of its tail; time in the source's queue included."""
        copies = np.diff(self.packets.first)
        return self.arrival_cycle - np.repeat(self.packets.cycle, copies)

    @property
    def mean_latency_cycles(self) -> float:
        return float(self.latency_cycles.mean())

    def percentile_cycles(self, percent: float) -> float:
        """A percentile of the latency, linear between deliveries."""
        return float(np.percentile(self.latency_cycles, percent))

    @property
    def link_load(self) -> Floats:
        """(nodes, 5) flits per cycle on every output port."""
        return self.link_flits / self.duration_cycles
