"""Running a sweep: each distinct accuracy is measured once, each design is costed, each result kept at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..evaluate import Measurement, assemble, measure
from ..report import Accuracy, Report
from .candidates import designs
from .control import Control, Progress, running
from .executors import executor as named_executor
from .executors import guarded
from .executors.contract import Executor
from .hunt import Hunt
from .plan import Search, as_search, field_of
from .resolve import Protocol, Resolver, Task, config_of
from .reuse import Others
from .space import Design, Source, fields_of, load_space
from .store import Store
from .study import Study


def sweep(
    space: Source,
    *,
    store: str | Path,
    search: Search | Mapping[str, Any] | str | None = None,
    reuse: Sequence[str | Path] = (),
    executor: str = "local",
    workers: int | None = None,
    resume: bool = True,
    progress: Progress | None = None,
    origin: str = "python",
    job: int | None = None,
) -> Study:
    """Evaluate a space into a study file: every design, or those that a search picks.

    A search measures on a split of its own. Its picks are measured again on the space's, and only they, with those
    accuracies, are the study's designs; their column `search_accuracy` is what the search saw, which is flattering.

    Args:
        space: bundled name, YAML file, plain data or `Space`.
        store: the study file; made if it is not there.
        search: how to search, its fields, or a method's name; None evaluates every design.
        reuse: other studies, whose measurements of the same accuracies are taken over.
        executor: `local` (a supervised pool of processes), `serial` (this process), `dask` or `dask:ADDRESS` (a
            cluster).
        workers: processes of `local` and `dask` (default: one per core); results do not depend on it, but for what a
            search proposes, which depends on what it has been told by then.
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
    plan, how = load_space(space), as_search(search)
    run = named_executor(executor, workers)
    spec: dict[str, Any] = {"space": plan.model_dump(mode="json"), "executor": executor, "workers": workers}
    spec |= {"reuse": [str(path) for path in reuse]} if reuse else {}
    spec |= {"search": asdict(how)} if how else {}
    resolver = Resolver(plan)
    field = field_of(resolver, how) if how else None
    points = [] if field else designs(plan, resolver)
    with (
        Others(reuse) as others,
        Store.write(store, plan, resume) as kept,
        running(kept, "sweep", spec, origin, job, progress) as control,
    ):
        kept.sweeps(plan)
        found: dict[str, Accuracy] = {}
        if how and field:
            hunt = Hunt(resolver, *field, how, kept, others.measurement, control.progress)
            _follow(hunt, control, run)
            if not control.paused:
                picks = hunt.picks()
                points = [resolver.design(pick.axes) for pick in picks]
                found = {point.key: pick.accuracy for point, pick in zip(points, picks, strict=True)}
        if not control.paused:
            _finish(_Driver(kept, points, control.progress, found), Protocol.of(plan), others, control, run)
        failed = len(kept.failed())
        control.last_words = f"{failed} design{'s' * (failed > 1)} failed" if failed else ""
    return Study(Path(store).expanduser())


def _follow(hunt: Hunt, control: Control, run: Executor) -> None:
    """Measure what a search proposes, until it has spent its budget, or nothing is left."""
    began = True
    while began or (hunt.unfinished and not control.paused):  # a last stage may come after the last proposal
        began = False
        with closing(control.run(run, _measure, hunt.tasks())) as outcomes:
            for index, status, value in outcomes:
                hunt.take(index, status, value)


def _finish(driver: _Driver, protocol: Protocol, others: Others, control: Control, run: Executor) -> None:
    """Measure what designs wait for."""
    driver.finish_measured(others)
    jobs = driver.jobs()
    items = [Task(protocol, waiting[0][1].source, waiting[0][1].hardware) for waiting in jobs.values()]
    keys = list(jobs)
    with closing(control.run(run, _measure, items)) as outcomes:  # Ctrl-C here ends the workers at once
        for index, status, value in outcomes:
            driver.take(keys[index], status, value)


def _measure(task: Task) -> Measurement:
    """Without single samples: a study holds means, and each of its designs would be costed once per sample."""
    how = task.protocol
    made = measure(
        task.source.load(),
        task.hardware,
        data=how.data,
        split=how.split,
        samples=how.samples,
        chips=how.chips,
        seed=how.seed,
    )
    return replace(made, activity=replace(made.activity, each=None))


class _Driver:
    """The only writer of a study: takes measurements as they come, costs the designs that wait for them."""

    def __init__(
        self, store: Store, points: list[Design], progress: Progress, searched: Mapping[str, Accuracy]
    ) -> None:
        finished = store.finished()
        self._store, self._progress, self._total = store, progress, len(points)
        self._searched = searched
        self._waiting: dict[str, list[tuple[int, Design]]] = {}
        for position, point in enumerate(points):
            if point.key not in finished:
                self._waiting.setdefault(point.accuracy_key, []).append((position, point))
        self._done = sum(point.key in finished for point in points)
        self._tell()

    def jobs(self) -> dict[str, list[tuple[int, Design]]]:
        """Designs that wait, by the accuracy that they wait for."""
        return dict(self._waiting)

    def finish_measured(self, others: Others) -> None:
        """Cost the designs whose accuracy an earlier run, or another study, has measured."""
        for key in self._store.measurements() & self._waiting.keys():
            self._cost(key, self._store.measurement(key))
        for key in list(self._waiting):
            if found := others.measurement(key):
                self.take(key, "ok", found)

    def take(self, key: str, status: str, value: Any) -> None:
        """One outcome of the executor."""
        if status == "ok" and value.accuracy.key != key:
            status, value = "error", "its network's file was changed while the sweep ran"
        if status == "ok":
            self._store.add_measurement(key, value, config_of(self._waiting[key][0][1]))
            self._cost(key, value)
        else:
            self._each(key, lambda position, design: self._store.add_failure(position, design, f"{status}: {value}"))

    def _cost(self, key: str, measured: Measurement) -> None:
        def finish(position: int, design: Design) -> None:
            status, report = guarded(lambda record: assemble(design.network, design.hardware, record), measured)
            if status == "ok":
                self._store.add_design(position, design, report, columns(design, report) | self._as_searched(design))
            else:
                self._store.add_failure(position, design, f"{status}: {report}")

        self._each(key, finish)

    def _as_searched(self, design: Design) -> dict[str, float]:
        """What a search saw of a design: on other images, and the best of many, so that it flatters."""
        found = self._searched.get(design.key)
        if found is None:
            return {}
        low, high = found.interval
        return {"search_accuracy": found.value, "search_accuracy_low": low, "search_accuracy_high": high}

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
    row: dict[str, Any] = fields_of(design.axes)
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
