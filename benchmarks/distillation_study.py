"""The study of distillation at any size, to a CSV: see `training/studies/distillation.py`::

python -m benchmarks.distillation_study --data mnist --data-root ~/data --csv mnist.csv
python -m benchmarks.distillation_study --data event-digits --csv events.csv
python -m benchmarks.distillation_study --data event-digits --methods shortcuts sei-bwsnn --seeds 5 --csv sei.csv
python -m benchmarks.distillation_study --read mnist.csv events.csv --csv study.csv --plot study.svg
python -m benchmarks.distillation_study --quick
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from spikesim_py._files import write_atomic
from training.studies.distillation import FIRST_SEED, METHODS, SETTINGS, Row, as_csv, from_csv, gains, kinds, one_seed
from training.studies.distillation_figure import figure


def table(rows: list[Row]) -> list[str]:
    """Lines of markdown, one for each method and width."""
    lines = [
        "| data | weight bits | method | accuracy, % | difference to naive, points | seeds |",
        "|---|---|---|---|---|---|",
    ]
    found = {gain[:3]: gain for gain in gains(rows)}
    for kind in kinds(rows):
        reached = np.array([row.accuracy for row in rows if (row.data, row.weight_bits, row.method) == kind])
        gain, (data, bits, method) = found.get(kind), kind
        shown = f"{gain.mean:+.2f} ± {gain.half:.2f}" + (" *" if gain.sure else "") if gain else ""
        lines.append(f"| {data} | {bits} | {method} | {reached.mean():.2f} | {shown} | {len(reached)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=SETTINGS, default="event-digits")
    parser.add_argument("--data-root", help="folder with MNIST")
    parser.add_argument("--seeds", type=int, default=10, choices=range(2, 1000), metavar="N", help="(default 10)")
    parser.add_argument(
        "--first-seed", type=int, default=FIRST_SEED, help=f"seeds count from here (default {FIRST_SEED})"
    )
    parser.add_argument("--methods", nargs="+", default=tuple(METHODS), choices=METHODS, help="(default all)")
    parser.add_argument("--csv", type=Path, help="file to write, one line per network")
    parser.add_argument("--plot", type=Path, help="SVG to write")
    parser.add_argument("--read", type=Path, nargs="+", metavar="CSV", help="show earlier runs; train nothing")
    parser.add_argument("--quick", action="store_true", help="two seeds, one epoch: does it run?")
    given = parser.parse_args()
    if given.data_root:
        os.environ["SPIKESIM_DATA"] = given.data_root
    rows: list[Row] = []
    for path in given.read or ():
        rows += from_csv(path.read_text(encoding="utf-8"))
    for row in () if given.read else _trained(given):
        rows.append(row)
        print(f"{row.data} seed {row.seed}: {row.weight_bits} bits, {row.method}: {row.accuracy:.2f} %", flush=True)
        if given.csv:
            write_atomic(given.csv, as_csv(rows))  # after each: a run that is stopped leaves what it has
    if given.read and given.csv:
        write_atomic(given.csv, as_csv(rows))
    if given.plot:
        write_atomic(given.plot, figure(gains(rows)))
    print(*table(rows), "* the interval excludes 0", sep="\n")


def _trained(given: argparse.Namespace) -> Iterator[Row]:
    setting, seeds = SETTINGS[given.data], given.seeds
    if given.quick:
        setting, seeds = replace(setting, taught=128, samples=128, reported=100, teacher_epochs=1, epochs=1), 2
    for seed in range(given.first_seed, given.first_seed + seeds):
        yield from one_seed(setting, seed, given.methods)


if __name__ == "__main__":
    main()
