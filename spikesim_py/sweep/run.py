"""Running a sweep: each distinct accuracy is measured once, each design is costed, each result kept at once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..evaluate import Measurement, assemble, measure
from ..hardware import Hardware
from ..importers import load_network
from ..report import Report
from .control import Progress, running
from .executors import executor as named_executor
from .executors import guarded
from .space import Design, Source, Space, designs, load_space
from .store import Store
from .study import Study


@dataclass(frozen=True)
class DryRun:
    """How much a sweep would do: designs in all, designs stored, accuracies that are still to be measured."""

    designs: int
    stored: int
    measurements: int


def sweep(
    space: Source,
    *,
    store: str | Path,
    executor: str = "local",
    workers: int | None = None,
    resume: bool = True,
    progress: Progress | None = None,
    origin: str = "python",
    job: int | None = None,
) -> Study:
    """Evaluate every design of a space into a study file.

    Args:
        space: bundled name, YAML file, plain data or `Space`.
        store: the study file; made if it is not there.
        executor: `local` (a supervised pool of processes), `serial` (this process), `dask` or `dask:ADDRESS` (a
            cluster).
        workers: processes of `local` and `dask` (default: one per core); results do not depend on it.
        resume: keep what the store has and do the rest; False refuses a store that has results.
        progress: called whenever a design is finished.
        origin: who started it, for the study's table of jobs: `cli`, `app` or `python`.
        job: a row of that table that waits for this run (see `launch`); None makes one.

    Returns:
        The study. A sweep that somebody paused or cancelled returns what it has; `Study.jobs` says so.

    Raises:
        InputError: the space, one of its designs, the executor or the store cannot be used, or another process works
            on the study; nothing has run then.
    """
    plan = load_space(space)
    run = named_executor(executor, workers)
    points = designs(plan)
    spec = {"space": plan.model_dump(mode="json"), "executor": executor, "workers": workers}
    with Store.write(store, plan, resume) as kept, running(kept, "sweep", spec, origin, job, progress) as control:
        driver = _Driver(kept, points, control.progress)
        driver.finish_measured()
        jobs = driver.jobs()
        items = [_Job(plan, waiting[0][1].source, waiting[0][1].hardware) for waiting in jobs.values()]
        keys = list(jobs)
        with closing(control.run(run, _measure, items)) as outcomes:  # Ctrl-C here ends the workers at once
            for index, status, value in outcomes:
                driver.take(keys[index], status, value)
    return Study(Path(store).expanduser())


def dry_run(space: Source, store: str | Path) -> DryRun:
    """What `sweep` would do, without doing it; the store need not exist."""
    points = designs(load_space(space))
    if not Path(store).expanduser().exists():
        return DryRun(len(points), 0, len({point.accuracy_key for point in points}))
    with Store.read(store) as kept:
        finished, measured = kept.finished(), kept.measurements()
    missing = [point for point in points if point.key not in finished]
    return DryRun(len(points), len(points) - len(missing), len({point.accuracy_key for point in missing} - measured))


@dataclass(frozen=True)
class _Job:
    """One accuracy to measure, on any chip that has it. The network goes as a name: small items cross pipes safely."""

    space: Space
    network: str
    hardware: Hardware


def _measure(job: _Job) -> Measurement:
    """Without single samples: a study holds means, and each of its designs would be costed once per sample."""
    space = job.space
    made = measure(
        load_network(job.network),
        job.hardware,
        data=space.data,
        split=space.split,
        samples=space.samples,
        chips=space.chips,
        seed=space.seed,
    )
    return replace(made, activity=replace(made.activity, each=None))


class _Driver:
    """The only writer of a study: takes measurements as they come, costs the designs that wait for them."""

    def __init__(self, store: Store, points: list[Design], progress: Progress) -> None:
        finished = store.finished()
        self._store, self._progress, self._total = store, progress, len(points)
        self._waiting: dict[str, list[tuple[int, Design]]] = {}
        for position, point in enumerate(points):
            if point.key not in finished:
                self._waiting.setdefault(point.accuracy_key, []).append((position, point))
        self._done = sum(point.key in finished for point in points)
        self._tell()

    def jobs(self) -> dict[str, list[tuple[int, Design]]]:
        """Designs that wait, by the accuracy that they wait for."""
        return dict(self._waiting)

    def finish_measured(self) -> None:
        """Cost the designs whose accuracy an earlier run has measured."""
        for key in self._store.measurements() & self._waiting.keys():
            self._cost(key, self._store.measurement(key))

    def take(self, key: str, status: str, value: Any) -> None:
        """One outcome of the executor."""
        if status == "ok" and value.accuracy.key != key:
            status, value = "error", "its network's file was changed while the sweep ran"
        if status == "ok":
            self._store.add_measurement(key, value, self._config(key))
            self._cost(key, value)
        else:
            self._each(key, lambda position, design: self._store.add_failure(position, design, f"{status}: {value}"))

    def _config(self, key: str) -> dict[str, Any]:
        """What is measured under a key, by the first design that waits for it."""
        first = self._waiting[key][0][1]
        return {"network": first.source, "axes": dict(first.axes), "hardware": first.hardware.model_dump(mode="json")}

    def _cost(self, key: str, measured: Measurement) -> None:
        def finish(position: int, design: Design) -> None:
            status, report = guarded(lambda record: assemble(design.network, design.hardware, record), measured)
            if status == "ok":
                self._store.add_design(position, design, report, columns(design, report))
            else:
                self._store.add_failure(position, design, f"{status}: {report}")

        self._each(key, finish)

    def _each(self, key: str, act: Callable[[int, Design], None]) -> None:
        for position, design in self._waiting.pop(key):
            act(position, design)
            self._done += 1
            self._tell()

    def _tell(self) -> None:
        self._progress(self._done, self._total, f"designs, {len(self._waiting)} accuracies to measure")


def columns(design: Design, report: Report) -> dict[str, Any]:
    """The numbers of a design that tables and figures use."""
    hardware, interval = design.hardware, report.accuracy_ci
    bits = [node.weight_bits or 32 for node in design.network.layers]
    row: dict[str, Any] = {field: value for axis, value in design.axes.items() for field in axis.split("+")}
    row |= {
        "network": report.network,
        "chip": report.chip,
        "weight_bits": max(bits),
        "crossbar.rows": hardware.crossbar.rows,
        "crossbar.cols": hardware.crossbar.cols,
        "adc.bits": hardware.adc.bits,
    }
    row |= report.metrics()
    low, high = interval if interval else (None, None)
    key = report.measured.key if report.measured else None
    return row | {
        "accuracy_low": low,
        "accuracy_high": high,
        "report_hash": report.report_hash,
        "accuracy_key": key,
    }
