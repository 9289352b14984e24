"""The network on chip: who sends what to whom, over which links, and how long that takes without contention."""

from .analytic import Flow, flows, idle_share, needed_rows, needed_share
from .traffic import Traffic, Transfer, owners, tile_shares, traffic
from .zero_load import LinkLoads, ZeroLoad, link_loads, route, zero_load, zero_load_cycles

__all__ = [
    "Flow",
    "LinkLoads",
    "Traffic",
    "Transfer",
    "ZeroLoad",
    "flows",
    "idle_share",
    "link_loads",
    "needed_rows",
    "needed_share",
    "owners",
    "route",
    "tile_shares",
    "traffic",
    "zero_load",
    "zero_load_cycles",
]
