"""The job table of a study."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import console, new_table

if TYPE_CHECKING:
    from ...sweep import Job


def print_jobs(jobs: Sequence[Job]) -> None:
    """One line per job, the oldest first."""
    table = new_table("jobs", "job", "kind", "from", "state", "designs", "last sign of life")
    table.add_column("message", overflow="fold")  # may be long: the numbers stay readable
    for job in jobs:
        state = f"{job.state} ({job.request} asked for)" if job.request and job.active else job.state
        age = f"{max(0.0, time.time() - job.heartbeat):.0f} s ago"
        table.add_row(str(job.id), job.kind, job.origin, state, f"{job.done}/{job.total}", age, job.message)
    console().print(table)
