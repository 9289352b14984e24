"""The network on chip: who sends what to whom, over which links, and how long that takes.

`burst` and `load` run synthetic traffic and `simulate` any packets, cycle by cycle.
"""

from .analytic import flows
from .blocks import Blocks, Sums, all_blocks, layer_sums
from .edges import Label, owners
from .fabric import Fabric, Fidelity, NocResult, Packets
from .fidelity import run
from .flow import Flow, Late, late
from .multicast import FlitLinks, flit_links, loads_by_label, route_links, tree_links
from .records import Records, Trains, records
from .refine import check_closed_form, in_closed_form, is_refined, refined
from .router import Load, burst, load, read_packets, simulate, write_counters, write_histogram, write_packets
from .schedule import LayerTiming, Scheduled, schedule_packets
from .shares import idle_share, needed_rows, needed_share
from .traffic import Traffic, Transfer, traffic
from .zero_load import LinkLoads, ZeroLoad, link_loads, route, zero_load, zero_load_cycles

__all__ = [
    "Blocks",
    "Fabric",
    "Fidelity",
    "FlitLinks",
    "Flow",
    "Label",
    "Late",
    "LayerTiming",
    "LinkLoads",
    "Load",
    "NocResult",
    "Packets",
    "Records",
    "Scheduled",
    "Sums",
    "Traffic",
    "Trains",
    "Transfer",
    "ZeroLoad",
    "all_blocks",
    "burst",
    "check_closed_form",
    "flit_links",
    "flows",
    "idle_share",
    "in_closed_form",
    "is_refined",
    "late",
    "layer_sums",
    "link_loads",
    "load",
    "loads_by_label",
    "needed_rows",
    "needed_share",
    "owners",
    "read_packets",
    "records",
    "refined",
    "route",
    "route_links",
    "run",
    "schedule_packets",
    "simulate",
    "traffic",
    "tree_links",
    "write_counters",
    "write_histogram",
    "write_packets",
    "zero_load",
    "zero_load_cycles",
]
