"""How far a long command is: a live bar on a terminal, else a line every few seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def progress() -> Iterator[Callable[[int, int, str], None]]:
    """A live bar on a terminal, else a line every few seconds."""
    if sys.stdout.isatty():
        with _bar() as report:
            yield report
        return
    last = [0.0]

    def line(done: int, total: int, what: str) -> None:
        now = time.monotonic()
        if done == total or now - last[0] >= 5:
            last[0] = now
            print(f"{done}/{total} {what}", flush=True)

    yield line


@contextmanager
def training_progress() -> Iterator[Callable[[Any], None]]:
    """The same progress, fed by a trainer's epochs."""
    with progress() as report:
        yield lambda epoch: report(
            epoch.epoch,
            epoch.epochs,
            f"epochs, loss {epoch.task_loss:.3f}, training accuracy {epoch.train_accuracy:.1%}",
        )


@contextmanager
def _bar() -> Iterator[Callable[[int, int, str], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as bar:
        task = bar.add_task("sweep", total=None)

        def report(done: int, total: int, what: str) -> None:
            bar.update(task, completed=done, total=total, description=what)

        yield report
