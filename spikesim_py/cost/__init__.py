"""What a network costs on a chip: energy, latency and area as a tree of components."""

from .programming import Programming, programming_cost
from .released_lists import released_layers
from .result import CostResult, cost_network
from .schedule import check_exit
from .tree import CostNode, Grade, branch, component

__all__ = [
    "CostNode",
    "CostResult",
    "Grade",
    "Programming",
    "branch",
    "check_exit",
    "component",
    "cost_network",
    "programming_cost",
    "released_layers",
]
