"""What the benchmarks share: the shortest of many runs, and tables of rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from rich.console import Console
from rich.table import Table

#: what, measured, ratio, goal
Row = tuple[str, str, str, str]


def best(action: Callable[[], Any], seconds: float = 1.0, fewest: int = 3) -> float:
    """The shortest of many runs, in seconds, after one run that compiles and caches."""
    action()
    times: list[float] = []
    while sum(times) < seconds or len(times) < fewest:
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def show(title: str, rows: Iterable[Row]) -> None:
    table = Table(title=title, title_justify="left")
    for name in ("what", "measured", "ratio", "goal"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for row in rows:
        table.add_row(*row)
    Console(width=118).print(table)
