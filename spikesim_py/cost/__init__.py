"""What a network costs on a chip: energy, latency and area as a tree of components."""

from .result import CostResult, cost_network
from .tree import CostNode, Grade, branch, component

__all__ = ["CostNode", "CostResult", "Grade", "branch", "component", "cost_network"]
