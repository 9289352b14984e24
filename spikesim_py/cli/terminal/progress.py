"""How far a long command is: a live bar on a terminal, else a line every few seconds, or events for programs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

#: seconds between two plain lines, and between two events
_LINE_S, _EVENT_S = 5.0, 0.5


@contextmanager
def progress(events: bool = False) -> Iterator[Callable[[int, int, str], None]]:
    """A live bar on a terminal, else a line every few seconds; or `events`, which is one line of JSON each."""
    if sys.stdout.isatty() and not events:
        with _bar() as report:
            yield report
        return
    show, pause = (_event_of, _EVENT_S) if events else (_line_of, _LINE_S)
    started, first, last, before = time.monotonic(), None, 0.0, (0, 0)

    def line(done: int, total: int, what: str) -> None:
        nonlocal started, first, last, before
        now = time.monotonic()
        if first is None:
            first = done
        elif done < before[0] or total != before[1]:  # something else is counted now, at a pace of its own
            started, first = now, done
        before = done, total
        if done == total or now - last >= pause:
            last = now
            show(done, total, what, _left(done - first, total - done, now - started))

    yield line


def event(name: str, **values: Any) -> None:
    """One event: a JSON object on a line of its own, on standard output."""
    print(json.dumps({"event": name, **values}), flush=True)


def _left(made: int, rest: int, seconds: float) -> float | None:
    """Seconds that the rest takes at the pace so far; None while there is none."""
    return seconds / made * rest if made else None


def _line_of(done: int, total: int, what: str, left: float | None) -> None:
    print(f"{done}/{total} {what}" + (f", about {left:.0f} s left" if left else ""), flush=True)


def _event_of(done: int, total: int, what: str, left: float | None) -> None:
    event("progress", done=done, total=total, what=what, seconds_left=left)


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
