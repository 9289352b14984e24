"""Design spaces, executors, the study file, and fronts."""

from .factors import Factor, factors
from .fronts import UnitBox, front_mask, hypervolume, hypervolume_history, knee, nondominated, objectives
from .goals import Goal, Pick, parse_goal, pick
from .nearest import Advice, Change, nearest_front_design
from .run import DryRun, dry_run, sweep
from .sensitivity import MainEffect, Sensitivity, main_effects, sampled_indices, sensitivity
from .space import Design, Space, designs, load_space, sweeps
from .store import Store
from .study import ParetoRow, Study, crowded, load_study, pareto_table
from .uncertainty import accuracy_draws, cost_draws, front_probability

__all__ = [
    "Advice",
    "Change",
    "Design",
    "DryRun",
    "Factor",
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
    "cost_draws",
    "crowded",
    "designs",
    "dry_run",
    "factors",
    "front_mask",
    "front_probability",
    "hypervolume",
    "hypervolume_history",
    "knee",
    "load_space",
    "load_study",
    "main_effects",
    "nearest_front_design",
    "nondominated",
    "objectives",
    "pareto_table",
    "parse_goal",
    "pick",
    "sampled_indices",
    "sensitivity",
    "sweep",
    "sweeps",
]
