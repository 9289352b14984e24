"""What each way of training brings to a quantized network: paired seeds, mean difference to naive quantization.

For every seed a float teacher is trained first. All students of that seed start with its weights, see the same images
in the same order, and have the same epochs; they differ in their losses alone. `multi-stage` has an assistant in
between, of twice the student's bits, with as many epochs of its own. Differences are of accuracy on the report split,
in points, with the 95 % interval of Student's t over the seeds::

    python benchmarks/distillation_study.py --data event-digits --seeds 5 --csv study.csv
    python benchmarks/distillation_study.py --data mnist --data-root ~/data --seeds 5 --csv study.csv
    python benchmarks/distillation_study.py --quick

The weight of the membranes (0.01, of 0.003 to 0.1) was chosen at 2 bits on the search split of event-digits with seeds
0 and 1, which are none of the study's; other weights are the library's defaults. The teacher must have converged: a
first run of two seeds with 25 epochs gave teachers that were worse on the report split than students trained without
them, and taught nothing; hence 60.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from spikesim_py._files import write_atomic
from spikesim_py.datasets import network_data
from training import SpikingNetwork, TrainingConfig, fit
from training.loop import accuracy_of

_MD = {"logits": {}, "membrane": {"weight": 0.01}}
#: losses beside the task's, by method
METHODS: dict[str, dict[str, Any]] = {
    "naive": {},
    "logits": {"logits": {}},
    "md-snn": _MD,
    "rmp": {"rmp": {"stages": "all"}},
    "multi-stage": _MD,
    "sei": {"sei": {}},
}
#: methods by weight bits: one bit has no bits to go through, and SEI's paper is on one bit
CHOSEN = {4: ("naive", "logits", "md-snn", "rmp", "multi-stage")}
CHOSEN |= {2: CHOSEN[4], 1: ("naive", "logits", "md-snn", "rmp", "multi-stage", "sei")}


@dataclass(frozen=True)
class Setting:
    """Sizes of a study: data, images learnt from and reported on (None: all), epochs of teacher and student."""

    data: str
    samples: int | None
    reported: int | None
    teacher_epochs: int
    epochs: int


SETTINGS = {
    "event-digits": Setting("event-digits", None, None, 60, 20),
    "mnist": Setting("mnist", 1000, 2000, 20, 8),
}


@dataclass(frozen=True)
class Row:
    """One trained network; `accuracy` on the report split, in percent."""

    data: str
    seed: int
    weight_bits: int
    method: str
    accuracy: float


def recipe(setting: Setting, seed: int, bits: int | None, method: str = "naive") -> TrainingConfig:
    """Three convolutions, T = 4; `bits` None: the teacher."""
    fields: dict[str, Any] = {
        "name": f"{setting.data}-{bits or 'fp'}-{method}",
        "dataset": setting.data,
        "samples": setting.samples,
        "seed": seed,
        "architecture": {"channels": [8, 16, 16], "pool_after": [1, 2, 3], "time_steps": 4},
        "optimization": {"epochs": setting.epochs if bits else setting.teacher_epochs, "learning_rate": 4e-3},
    }
    if bits is not None:
        fields["quantization"] = {"weight_bits": bits, "membrane_bits": 8}
        fields["distillation"] = {"teacher": "of the same seed"}
        fields["losses"] = METHODS[method]
    return TrainingConfig.model_validate(fields)


def one_seed(setting: Setting, seed: int) -> Iterator[Row]:
    """All networks of a seed, the teacher (32 bits) first."""
    teacher, _ = fit(recipe(setting, seed, None))
    yield _row(setting, seed, 32, "teacher", teacher)
    for bits, methods in CHOSEN.items():
        for method in methods:
            above = teacher
            if method == "multi-stage":
                above, _ = fit(recipe(setting, seed, 2 * bits, method), teacher=teacher)
            student, _ = fit(recipe(setting, seed, bits, method), teacher=above)
            yield _row(setting, seed, bits, method, student)


def _row(setting: Setting, seed: int, bits: int, method: str, module: SpikingNetwork) -> Row:
    report = network_data(module.blueprint, setting.data, "report").head(setting.reported)
    return Row(setting.data, seed, bits, method, 100 * accuracy_of(module, report))


def differences(rows: list[Row], bits: int, method: str) -> np.ndarray:
    """Accuracy less that of naive quantization, in points, for each seed that has both."""
    found = {(row.seed, row.method): row.accuracy for row in rows if row.weight_bits == bits}
    seeds = sorted(seed for seed, name in found if name == method and (seed, "naive") in found)
    return np.array([found[seed, method] - found[seed, "naive"] for seed in seeds])


def interval(values: np.ndarray) -> tuple[float, float]:
    """Mean, and half of the 95 % interval by Student's t."""
    error = values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(stats.t.ppf(0.975, len(values) - 1) * error)


def table(rows: list[Row]) -> list[str]:
    """Lines of markdown, one for each method and width."""
    lines = [
        "| data | weight bits | method | accuracy, % | difference to naive, points | seeds |",
        "|---|---|---|---|---|---|",
    ]
    for data, bits, method in dict.fromkeys((row.data, row.weight_bits, row.method) for row in rows):
        ours = [row for row in rows if row.data == data]
        reached = np.array([row.accuracy for row in ours if (row.weight_bits, row.method) == (bits, method)])
        gain, shown = differences(ours, bits, method), ""
        if method not in ("naive", "teacher") and len(gain) > 1:
            mean, half = interval(gain)
            shown = f"{mean:+.2f} ± {half:.2f}" + (" *" if abs(mean) > half else "")
        lines.append(f"| {data} | {bits} | {method} | {reached.mean():.2f} | {shown} | {len(reached)} |")
    return lines


def as_csv(rows: list[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(Row.__annotations__), lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return text.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=SETTINGS, default="event-digits")
    parser.add_argument("--data-root", help="folder with MNIST")
    parser.add_argument("--seeds", type=int, default=5, choices=range(2, 1000), metavar="N", help="(default 5)")
    parser.add_argument("--first-seed", type=int, default=100, help="seeds count from here (default 100)")
    parser.add_argument("--csv", type=Path, help="file to write, one line per network")
    parser.add_argument("--quick", action="store_true", help="two seeds, one epoch: does it run?")
    given = parser.parse_args()
    if given.data_root:
        os.environ["SPIKESIM_DATA"] = given.data_root
    setting, seeds = SETTINGS[given.data], given.seeds
    if given.quick:
        setting, seeds = replace(setting, samples=128, reported=100, teacher_epochs=1, epochs=1), 2
    rows: list[Row] = []
    for seed in range(given.first_seed, given.first_seed + seeds):
        for row in one_seed(setting, seed):
            rows.append(row)
            print(f"{row.data} seed {row.seed}: {row.weight_bits} bits, {row.method}: {row.accuracy:.2f} %", flush=True)
            if given.csv:
                write_atomic(given.csv, as_csv(rows))
    print(*table(rows), "* the interval excludes 0", sep="\n")


if __name__ == "__main__":
    main()
