"""Pure functions from results (plain data of reports and studies) to plotly figures and offline pages."""

from .activity import layer_activity_figure
from .breakdown import breakdown_figure
from .compare import compare_figure, fronts_figure
from .crossbar import adc_figure, conductance_figure, ir_drop_figure
from .degradation import degradation_figure, layer_degradation_figure
from .fronts import front_probability_figure, hypervolume_figure
from .mesh import mesh_figure, mesh_steps_figure
from .pareto import pareto_figure
from .roofline import roofline_figure
from .sensitivity import main_effects_figure, sensitivity_figure
from .style import GRAPH_CONFIG, QUIET, themed
from .sunburst import sunburst_figure
from .waterfall import build_up_figure, waterfall_figure

__all__ = [
    "GRAPH_CONFIG",
    "QUIET",
    "adc_figure",
    "breakdown_figure",
    "build_up_figure",
    "compare_figure",
    "conductance_figure",
    "degradation_figure",
    "front_probability_figure",
    "fronts_figure",
    "hypervolume_figure",
    "ir_drop_figure",
    "layer_activity_figure",
    "layer_degradation_figure",
    "main_effects_figure",
    "mesh_figure",
    "mesh_steps_figure",
    "pareto_figure",
    "roofline_figure",
    "sensitivity_figure",
    "sunburst_figure",
    "themed",
    "waterfall_figure",
]
