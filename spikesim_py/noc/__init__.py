"""The network on chip: who sends what to whom, over which links, and how long that takes without contention."""

from .traffic import Traffic, Transfer, owners, partial_sum_bits, tile_shares, traffic
from .zero_load import LinkLoads, ZeroLoad, link_loads, route, zero_load, zero_load_cycles

__all__ = [
    "LinkLoads",
    "Traffic",
    "Transfer",
    "ZeroLoad",
    "link_loads",
    "owners",
    "partial_sum_bits",
    "route",
    "tile_shares",
    "traffic",
    "zero_load",
    "zero_load_cycles",
]
