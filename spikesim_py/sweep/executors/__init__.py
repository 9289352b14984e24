"""Where measurements run: one contract, three executors."""

from __future__ import annotations

import os

from ...errors import InputError, did_you_mean
from .contract import Executor, Function, Outcome, Outcomes, Pulse, Status, guarded, serial

#: what may stand before a colon; after `dask:` comes the address of a scheduler
NAMES = ("local", "serial", "dask")


def executor(name: str, workers: int | None = None) -> Executor:
    """The executor of that name.

    Args:
        name: `serial` (this process), `local` (a supervised pool of processes), `dask` (a Dask cluster on this
            machine) or `dask:ADDRESS` (a Dask scheduler that runs already, such as `dask:tcp://10.0.0.5:8786`).
        workers: processes of `local` and `dask` (default: one per core); a running scheduler has its own.

    Raises:
        InputError: there is no such executor, or what it needs is not installed.
    """
    kind, _, address = name.partition(":")
    count = workers or os.cpu_count() or 1
    if kind == "dask":
        from .cluster import Cluster

        return Cluster(address or None, count)
    if name == "serial":
        return serial
    if name == "local":
        from .local import Pool

        return Pool(count)
    raise InputError(
        f"executor = {name!r}: unknown{did_you_mean(name, NAMES)} (known: {', '.join(NAMES)}, dask:ADDRESS)"
    )


__all__ = ["NAMES", "Executor", "Function", "Outcome", "Outcomes", "Pulse", "Status", "executor", "guarded", "serial"]
