"""Writes docs/benchmarks.md from docs/benchmarks.json, or from a run (a file) that takes its place."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
BASELINE = DOCS.parent / "benchmarks" / "baseline.json"

HEAD = """\
# Benchmarks

`make bench` runs them all on one thread and writes one JSON file with machine, versions, seeds and every row
(`runs/benchmarks.json`); `python -m benchmarks SECTION ...` runs some. `python docs/bench_page.py RUN.json` makes this
page. Rows without a ratio are peers, or figures that have none; a goal is what the design asks for.

**Gate.** `python -m benchmarks --gate` runs the sections that `benchmarks/baseline.json` guards and
exits with 1, naming the ratio, if one is missing or worse than its tolerance allows. It compares ratios to a peer of
the same run, which a slow or busy machine shares, and never seconds. The last column has its value, how much of it may
be lost, and which way is better: of `100x, 60%, higher` at least 40x passes, of `1x, 60%, lower` at most 2.5x. Times
have wide tolerances, because peer and ours do not run in the same milliseconds; what is counted has narrow ones.
"""


def page(record: Mapping[str, Any], baseline: Mapping[str, Mapping[str, Any]]) -> str:
    """The whole page, from a run and the guards."""
    return "\n".join([HEAD, about(record), *(section(*item, baseline) for item in record["sections"].items())])


def about(record: Mapping[str, Any]) -> str:
    """Where and with what it ran."""
    machine = record["machine"]
    loads, cores = [section["load"] for section in record["sections"].values()], machine["cores"]
    left = [key for key in record["asked"] if key not in record["sections"]]
    stopped = f" Stopped before: {', '.join(left)}." if left else ""
    shared = (
        f" **The machine was shared**: its load was {min(loads):g} to {max(loads):g} "
        f"on {cores} cores. Times are the shortest of several runs, or of the processor, and still too "
        f"long; ratios suffer less."
        if max(loads) > cores
        else ""
    )
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    return (
        f"**This run**: {record['date']}, commit {record['commit']}, {machine['processor']}, {cores} cores, "
        f"{machine['system']}, threads: {machine['threads']}; {versions}.{shared}{stopped}\n"
    )


def section(key: str, found: Mapping[str, Any], baseline: Mapping[str, Mapping[str, Any]]) -> str:
    """One table; a guarded ratio says what the gate compares it with."""
    seeds = f", seeds {', '.join(map(str, found['seeds']))}" if found["seeds"] else ""
    title = f"## {key}\n\n{found['title'][0].upper()}{found['title'][1:]} ({found['seconds']:g} s{seeds}).\n"
    if "error" in found:
        return f"{title}\nDid not run: {found['error']}\n"
    return "\n".join([title, *_table(key, found["rows"], baseline), ""])


def _table(key: str, rows: list[Mapping[str, Any]], baseline: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "| what | measured | ratio | goal | gate |"
    yield "|---|--:|--:|--:|--:|"
    for row in rows:
        guard = baseline.get(f"{key}: {row['name']}")
        gate = f"{guard['value']:g}x, {guard['tolerance']:.1%}, {guard['better']}" if guard else ""
        cells = (row["what"], row["measured"], row["ratio"], row["goal"], gate)
        yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def main() -> None:
    source = DOCS / "benchmarks.json"
    if sys.argv[1:]:
        shutil.copyfile(sys.argv[1], source)
    record, baseline = (json.loads(path.read_text(encoding="utf-8")) for path in (source, BASELINE))
    (DOCS / "benchmarks.md").write_text(page(record, baseline), encoding="utf-8")


if __name__ == "__main__":
    main()
