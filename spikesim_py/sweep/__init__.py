"""Design spaces, executors, the study file, and fronts."""

from .factors import Factor, factors
from .fronts import (
    REFERENCE,
    UnitBox,
    by_logarithm,
    front_mask,
    hypervolume,
    hypervolume_history,
    knee,
    nondominated,
    objectives,
)
from .goals import Goal, Pick, condition, find_design, parse_goal, pick, split_conditions
from .nearest import Advice, Change, nearest_front_design
from .run import DryRun, dry_run, sweep
from .sensitivity import MainEffect, Sensitivity, main_effects, metric_sensitivity, sampled_indices, sensitivity
from .space import Design, Space, designs, load_space, sweeps
from .store import Store
from .study import ParetoRow, Study, crowded, load_study, pareto_table
from .summary import FrontSummary, front_summary
from .uncertainty import accuracy_draws, cost_draws, front_probability

__all__ = [
    "REFERENCE",
    "Advice",
    "Change",
    "Design",
    "DryRun",
    "Factor",
    "FrontSummary",
    "Goal",
    "MainEffect",
    "ParetoRow",
    "Pick",
    "Sensitivity",
    "Space",
    "Store",
    "Study",
    "UnitBox",
    "accuracy_draws",
    "by_logarithm",
    "condition",
    "cost_draws",
    "crowded",
    "designs",
    "dry_run",
    "factors",
    "find_design",
    "front_mask",
    "front_probability",
    "front_summary",
    "hypervolume",
    "hypervolume_history",
    "knee",
    "load_space",
    "load_study",
    "main_effects",
    "metric_sensitivity",
    "nearest_front_design",
    "nondominated",
    "objectives",
    "pareto_table",
    "parse_goal",
    "pick",
    "sampled_indices",
    "sensitivity",
    "split_conditions",
    "sweep",
    "sweeps",
]
