"""One run of the benchmarks as plain data: machine, versions, seeds, and every row, with its ratio as a number."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .timing import Row, show

#: packages whose version a figure may depend on; those that are not installed are left out
_PACKAGES = ("spikesim-py", "numpy", "numba", "scipy", "torch", "badcrossbar", "aihwkit", "spikingjelly")
_ERROR = re.compile(r"\d[\d.]*e[-+]?\d+")
_RATIO = re.compile(r"(\d[\d,]*\.?\d*)x")


@dataclass(frozen=True)
class Section:
    """One table: what it compares, how its rows are made, and the seeds of what is random in it."""

    title: str
    rows: Callable[[], Iterable[Row]]
    seeds: tuple[int, ...] = ()


def run(sections: Mapping[str, Section]) -> Iterator[dict[str, Any]]:
    """Run them one after the other, printing each; one that fails says why in its place.

    Yields:
        All that is known after each section, so that a run that is stopped has left what was finished.
    """
    found: dict[str, Any] = {}
    record = {
        "machine": machine(),
        "versions": {"python": platform.python_version()} | versions(),
        "commit": _commit(),
        "date": time.strftime("%Y-%m-%d"),
        "asked": list(sections),
        "sections": found,
    }
    for key, section in sections.items():
        begin = time.perf_counter()
        about: dict[str, Any] = {"title": section.title, "seeds": list(section.seeds)}
        try:
            rows = list(section.rows())
            show(section.title, rows)
            about["rows"] = [_row(row) for row in rows]
        except Exception as error:  # the others are still worth having
            about["error"] = f"{type(error).__name__}: {error}".splitlines()[0]
            print(f"{section.title}: {about['error']}")
        found[key] = about | {"seconds": round(time.perf_counter() - begin, 1), "load": round(os.getloadavg()[0], 1)}
        yield record


def _row(row: Row) -> dict[str, Any]:
    what, measured, shown, goal = row
    return {
        "name": name(what),
        "what": what.strip(),
        "measured": measured,
        "ratio": shown,
        "value": ratio(shown),
        "goal": goal,
    }


def name(what: str) -> str:
    """What a row is called in every run: without the errors that it states (`"ladder, 3e-07 from it"`)."""
    return _ERROR.sub("…", what.strip())


def ratio(shown: str) -> float | None:
    """The first number of times in a text (`"1,234x NeuroSim"`: 1234), None where it has none."""
    match = _RATIO.search(shown)
    return float(match[1].replace(",", "")) if match else None


def ratios(record: Mapping[str, Any]) -> dict[str, float]:
    """Every ratio of a run by `section: name`."""
    return {
        f"{key}: {row['name']}": row["value"]
        for key, section in record["sections"].items()
        for row in section.get("rows", ())
        if row["value"] is not None
    }


def machine() -> dict[str, Any]:
    """Processor, cores that this process may use, and how many threads it takes."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "threads": os.environ.get("NUMBA_NUM_THREADS", "all"),
    }


def versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return named or platform.processor() or platform.machine()


def _commit() -> str:
    try:
        told = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True)
    except OSError:  # no git here
        return ""
    return told.stdout.strip() if told.returncode == 0 else ""
