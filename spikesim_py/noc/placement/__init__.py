"""Where on the mesh a tile lies: annealed on flits times links or on the busiest link."""

from .optimize import Figures, Objective, Placed, optimized_places, placement_figures

__all__ = ["Figures", "Objective", "Placed", "optimized_places", "placement_figures"]
