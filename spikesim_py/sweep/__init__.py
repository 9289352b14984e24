"""Design spaces, executors, the study file, its jobs, and fronts."""

from .bulk import cost_sweep
from .launch import ask, jobs, launch, relaunch, resume
from .run import DryRun, dry_run, sweep
from .space import Design, Space, designs, load_space, sweeps
from .store import Bulk, Job, Store
from .study import ParetoRow, Study, crowded, load_study, nondominated, pareto_table

__all__ = [
    "Bulk",
    "Design",
    "DryRun",
    "Job",
    "ParetoRow",
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
