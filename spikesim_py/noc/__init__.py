"""The network on chip: who sends what to whom, over which links, and how long that takes.

`burst` and `load` run synthetic traffic and `simulate` any packets, cycle by cycle.
"""

from .analytic import Flow, flows, idle_share, needed_rows, needed_share
from .router import Load, burst, load, read_packets, simulate, write_counters, write_histogram, write_packets
from .traffic import Traffic, Transfer, owners, tile_shares, traffic
from .zero_load import LinkLoads, ZeroLoad, link_loads, route, zero_load, zero_load_cycles

__all__ = [
    "Flow",
    "LinkLoads",
    "Load",
    "Traffic",
    "Transfer",
    "ZeroLoad",
    "burst",
    "flows",
    "idle_share",
    "link_loads",
    "load",
    "needed_rows",
    "needed_share",
    "owners",
    "read_packets",
    "route",
    "simulate",
    "tile_shares",
    "traffic",
    "write_counters",
    "write_histogram",
    "write_packets",
    "zero_load",
    "zero_load_cycles",
]
