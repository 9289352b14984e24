"""One study, one SQLite file (WAL): designs with their frozen reports, measured accuracies, bulk costs, and jobs.

The driver of a sweep is the only writer of results; each one is a transaction of its own, so that whatever kills the
driver, finished results stay. Readers never block the writer. WAL needs memory that processes share: keep the file on
a disk of the driver's machine, not on a network file system.
"""

from .bulk import BLOCK, Bulk, Costs
from .jobs import Job, JobKind, JobState, JobTable
from .results import Store
from .schema import SCHEMA_VERSION

__all__ = ["BLOCK", "SCHEMA_VERSION", "Bulk", "Costs", "Job", "JobKind", "JobState", "JobTable", "Store"]
