"""Design spaces, executors, the study file, its jobs, and fronts."""

from .answers import advice_answer, front_answer, pick_answer, records, sensitivity_answer
from .bulk import cost_sweep
from .candidates import designs
from .estimate import DryRun, dry_run
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
from .imported import import_results, read_results
from .launch import ask, jobs, launch, relaunch, resume
from .nearest import Advice, Change, nearest_front_design
from .overlay import FrontComparison, compare_fronts
from .plan import Search
from .run import sweep
from .sensitivity import MainEffect, Sensitivity, main_effects, metric_sensitivity, sampled_indices, sensitivity
from .space import Design, Space, load_space, sweeps
from .store import Bulk, Job, Store
from .study import Study, crowded, load_study
from .summary import FrontSummary, front_summary
from .uncertainty import accuracy_draws, cost_draws, front_probability
from .where import where

__all__ = [
    "REFERENCE",
    "Advice",
    "Bulk",
    "Change",
    "Design",
    "DryRun",
    "Factor",
    "FrontComparison",
    "FrontSummary",
    "Goal",
    "Job",
    "MainEffect",
    "Pick",
    "Search",
    "Sensitivity",
    "Space",
    "Store",
    "Study",
    "UnitBox",
    "accuracy_draws",
    "advice_answer",
    "ask",
    "by_logarithm",
    "compare_fronts",
    "condition",
    "cost_draws",
    "cost_sweep",
    "crowded",
    "designs",
    "dry_run",
    "factors",
    "find_design",
    "front_answer",
    "front_mask",
    "front_probability",
    "front_summary",
    "hypervolume",
    "hypervolume_history",
    "import_results",
    "jobs",
    "knee",
    "launch",
    "load_space",
    "load_study",
    "main_effects",
    "metric_sensitivity",
    "nearest_front_design",
    "nondominated",
    "objectives",
    "parse_goal",
    "pick",
    "pick_answer",
    "read_results",
    "records",
    "relaunch",
    "resume",
    "sampled_indices",
    "sensitivity",
    "sensitivity_answer",
    "split_conditions",
    "sweep",
    "sweeps",
    "where",
]
