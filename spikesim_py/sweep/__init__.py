"""Design spaces, executors, the study file, and fronts."""

from .candidates import designs
from .run import DryRun, dry_run, sweep
from .space import Design, Space, load_space, sweeps
from .store import Store
from .study import ParetoRow, Study, crowded, load_study, nondominated, pareto_table

__all__ = [
    "Design",
    "DryRun",
    "ParetoRow",
    "Space",
    "Store",
    "Study",
    "crowded",
    "designs",
    "dry_run",
    "load_space",
    "load_study",
    "nondominated",
    "pareto_table",
    "sweep",
    "sweeps",
]
