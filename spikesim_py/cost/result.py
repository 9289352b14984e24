"""One entry to the cost room: picks the library, returns one type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..activity import Activity
from ..hardware import Hardware
from ..mapping import map_network
from ..network import Network
from .tree import CostNode


@dataclass(frozen=True)
class CostResult:
    """What a cost library returns.

    Attributes:
        tree: chip -> layer (and `shared`) -> component; `critical_ns` of the root is the latency.
        interval_ns: steady state between inferences.
        critical_stage: the layer that takes longest per inference.
        crossbars, pes, tiles: how much of each the design takes.
        utilization: share of crossbar cells that hold a weight.
        macs: layer to the dense multiply-accumulates per time-step that the costs stand for.
        notes: what a reader of the numbers must know (extrapolations, ignored fields, released defects).
    """

    tree: CostNode
    interval_ns: float
    critical_stage: str
    crossbars: int
    pes: int
    tiles: int
    utilization: float
    macs: Mapping[str, int]
    notes: tuple[str, ...]


def cost_network(network: Network, hardware: Hardware, activity: Activity) -> CostResult:
    """Cost of `network` on `hardware` at `activity`.

    Float networks have no cells: they are costed as a digital FP32 design, and the notes say so.
    """
    if network.arithmetic == "float":
        from .digital import digital_cost

        return digital_cost(network, hardware, activity)
    if hardware.cost.library == "spikesim_released":
        from .released import released_cost

        return released_cost(network, hardware)
    from .parametric import parametric_cost

    return parametric_cost(map_network(network, hardware), activity)
