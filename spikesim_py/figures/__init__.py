"""Pure functions from results (plain data of reports and studies) to plotly figures and offline pages."""

from .activity import layer_activity_figure
from .breakdown import breakdown_figure
from .fronts import front_probability_figure, hypervolume_figure
from .mesh import mesh_figure
from .pareto import pareto_figure
from .roofline import roofline_figure
from .sensitivity import main_effects_figure, sensitivity_figure
from .style import GRAPH_CONFIG, QUIET
from .sunburst import sunburst_figure
from .waterfall import waterfall_figure

__all__ = [
    "GRAPH_CONFIG",
    "QUIET",
    "breakdown_figure",
    "front_probability_figure",
    "hypervolume_figure",
    "layer_activity_figure",
    "main_effects_figure",
    "mesh_figure",
    "pareto_figure",
    "roofline_figure",
    "sensitivity_figure",
    "sunburst_figure",
    "waterfall_figure",
]
