"""The network on chip: who sends what to whom, over which links, and how long that takes without contention."""

from .analytic import Flow, flows, idle_share, needed_rows, needed_share
from .blocks import Blocks, Sums, all_blocks, layer_sums
from .edges import Label, owners
from .traffic import Traffic, Transfer, traffic
from .zero_load import LinkLoads, ZeroLoad, link_loads, route, zero_load, zero_load_cycles

__all__ = [
    "Blocks",
    "Flow",
    "Label",
    "LinkLoads",
    "Sums",
    "Traffic",
    "Transfer",
    "ZeroLoad",
    "all_blocks",
    "flows",
    "idle_share",
    "layer_sums",
    "link_loads",
    "needed_rows",
    "needed_share",
    "owners",
    "route",
    "traffic",
    "zero_load",
    "zero_load_cycles",
]
