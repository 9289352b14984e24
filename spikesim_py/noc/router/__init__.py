"""The cycle-exact router: packets of any trace, deterministic bursts, and steady loads."""

from .cycle import simulate
from .patterns import partners
from .synthetic import Load, burst, load
from .trace import read_packets, write_counters, write_histogram, write_packets

__all__ = [
    "Load",
    "burst",
    "load",
    "partners",
    "read_packets",
    "simulate",
    "write_counters",
    "write_histogram",
    "write_packets",
]
