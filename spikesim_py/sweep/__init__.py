"""Design spaces, executors, the study file, its jobs, and fronts."""

from .bulk import cost_sweep
from .candidates import designs
from .estimate import DryRun, dry_run
from .hunt import Pick
from .launch import ask, jobs, launch, relaunch, resume
from .plan import Search
from .run import sweep
from .space import Design, Space, load_space, sweeps
from .store import Bulk, Job, Store
from .study import ParetoRow, Study, crowded, load_study, nondominated, pareto_table

__all__ = [
    "Bulk",
    "Design",
    "DryRun",
    "Job",
    "ParetoRow",
    "Pick",
    "Search",
    "Space",
    "Store",
    "Study",
    "ask",
    "cost_sweep",
    "crowded",
    "designs",
    "dry_run",
    "jobs",
    "launch",
    "load_space",
    "load_study",
    "nondominated",
    "pareto_table",
    "relaunch",
    "resume",
    "sweep",
    "sweeps",
]
