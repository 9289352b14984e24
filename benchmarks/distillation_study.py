"""What each way of training brings to a quantized network: paired seeds, mean difference to naive quantization.

A float teacher learns from all its images; then it is quantized with 128 of them, as one who is given a network and a
few samples must do. For every seed, a teacher is trained first. All students of that seed start with its weights, see
the same images in the same order, and have the same epochs; they differ in their losses alone. *Naive* is
quantization-aware training with the task's loss alone (MD-SNN's own baseline could not be read; rounding a teacher's
weights without training is worse). `multi-stage` has an assistant in between, of twice the student's bits, with as
many epochs of its own. `sei` is that paper's loss only; `shortcuts` its structure only, in a network with a shortcut
around every convolution (`sei_convnet`), whose teacher has them too; `sei-bwsnn` is both. Differences are of accuracy
on the report split, in points, with the 95 % interval of Student's t over the seeds::

    python -m benchmarks.distillation_study --data mnist --data-root ~/data --csv mnist.csv
    python -m benchmarks.distillation_study --data event-digits --csv events.csv
    python -m benchmarks.distillation_study --data event-digits --methods shortcuts sei-bwsnn --seeds 5 --csv sei.csv
    python -m benchmarks.distillation_study --read mnist.csv events.csv --csv study.csv --plot study.svg
    python -m benchmarks.distillation_study --quick

Setting and weight of the membranes (0.1, of 0.03 to 1) were chosen with seed 100 on the search and calibration splits,
and are the same for both data sets and all widths; other weights are the library's defaults.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from spikesim_py._files import write_atomic
from spikesim_py.datasets import network_data
from training import SpikingNetwork, TrainingConfig, fit
from training.loop import accuracy_of

from .distillation_plot import save

_MD = {"logits": {}, "membrane": {"weight": 0.1}}
#: losses beside the task's, by method
METHODS: dict[str, dict[str, Any]] = {
    "naive": {},
    "logits": {"logits": {}},
    "md-snn": _MD,
    "rmp": {"rmp": {"stages": "all"}},
    "multi-stage": _MD,
    "sei": {"sei": {}},
    "shortcuts": {},
    "sei-bwsnn": {"sei": {}},
}
#: architecture by method, where it is another than the plain one
STRUCTURES = {"shortcuts": "sei_convnet", "sei-bwsnn": "sei_convnet"}
#: methods by weight bits: one bit has no bits to go through, and SEI's paper is on one bit
CHOSEN = {4: ("naive", "logits", "md-snn", "rmp", "multi-stage")}
CHOSEN |= {2: CHOSEN[4], 1: ("naive", "logits", "md-snn", "rmp", "multi-stage", "sei", "shortcuts", "sei-bwsnn")}


@dataclass(frozen=True)
class Setting:
    """Sizes of a study.

    Attributes:
        taught, samples: images that the teacher and the students learn from, the latter among the former.
        reported: images of the report split. None: all.
        teacher_epochs, epochs: of the teacher and of each student.
    """

    data: str
    taught: int | None
    samples: int
    reported: int | None
    teacher_epochs: int
    epochs: int


SETTINGS = {
    "mnist": Setting("mnist", 4000, 128, 2000, 8, 20),
    "event-digits": Setting("event-digits", None, 128, None, 60, 20),
}
#: from a student's seed to its teacher's, who is to see its images in another order
_TEACHER_SEED = 1000


@dataclass(frozen=True)
class Row:
    """One trained network; `accuracy` on the report split, in percent."""

    data: str
    seed: int
    weight_bits: int
    method: str
    accuracy: float


class Gain(NamedTuple):
    """Mean difference to naive quantization in points, and half of its 95 % interval."""

    data: str
    weight_bits: int
    method: str
    seeds: int
    mean: float
    half: float

    @property
    def sure(self) -> bool:
        """Whether the interval excludes 0."""
        return abs(self.mean) > self.half


def recipe(setting: Setting, seed: int, bits: int | None, method: str = "naive") -> TrainingConfig:
    """Three convolutions, T = 4; `bits` None: the teacher."""
    fields: dict[str, Any] = {
        "name": f"{setting.data}-{bits or 'fp'}-{method}",
        "dataset": setting.data,
        "samples": setting.samples if bits else setting.taught,
        "seed": seed if bits else seed + _TEACHER_SEED,
        "architecture": {
            "name": STRUCTURES.get(method, "convnet"),
            "channels": [8, 16, 16],
            "pool_after": [1, 2, 3],
            "time_steps": 4,
        },
        "optimization": {"epochs": setting.epochs if bits else setting.teacher_epochs, "learning_rate": 4e-3},
    }
    if bits is not None:
        fields["quantization"] = {"weight_bits": bits, "membrane_bits": 4}
        fields["distillation"] = {"teacher": "of the same seed"}
        fields["losses"] = METHODS[method]
    return TrainingConfig.model_validate(fields)


def one_seed(setting: Setting, seed: int, only: Collection[str] = tuple(METHODS)) -> Iterator[Row]:
    """The networks of a seed by the methods `only`, behind their teachers (32 bits)."""
    teachers: dict[str | None, SpikingNetwork] = {}
    for bits, methods in CHOSEN.items():
        for method in filter(only.__contains__, methods):
            structure = STRUCTURES.get(method)
            if structure not in teachers:
                teachers[structure], _ = fit(recipe(setting, seed, None, method))
                yield _row(setting, seed, 32, f"teacher, {structure}" if structure else "teacher", teachers[structure])
            teacher = above = teachers[structure]
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


def gains(rows: list[Row]) -> list[Gain]:
    """Of every method beside naive quantization that has two seeds or more, in order of the rows."""
    found = []
    for data, bits, method in _kinds(rows):
        gain = differences([row for row in rows if row.data == data], bits, method)
        if method != "naive" and len(gain) > 1:
            found.append(Gain(data, bits, method, len(gain), *interval(gain)))
    return found


def table(rows: list[Row]) -> list[str]:
    """Lines of markdown, one for each method and width."""
    lines = [
        "| data | weight bits | method | accuracy, % | difference to naive, points | seeds |",
        "|---|---|---|---|---|---|",
    ]
    found = {gain[:3]: gain for gain in gains(rows)}
    for kind in _kinds(rows):
        reached = np.array([row.accuracy for row in rows if (row.data, row.weight_bits, row.method) == kind])
        gain, (data, bits, method) = found.get(kind), kind
        shown = f"{gain.mean:+.2f} ± {gain.half:.2f}" + (" *" if gain.sure else "") if gain else ""
        lines.append(f"| {data} | {bits} | {method} | {reached.mean():.2f} | {shown} | {len(reached)} |")
    return lines


def _kinds(rows: list[Row]) -> list[tuple[str, int, str]]:
    """Data, width and method of rows, each once."""
    return list(dict.fromkeys((row.data, row.weight_bits, row.method) for row in rows))


def as_csv(rows: list[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(Row.__annotations__), lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return text.getvalue()


def from_csv(text: str) -> list[Row]:
    """What `as_csv` wrote."""
    lines = csv.DictReader(io.StringIO(text))
    return [
        Row(at["data"], int(at["seed"]), int(at["weight_bits"]), at["method"], float(at["accuracy"])) for at in lines
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=SETTINGS, default="event-digits")
    parser.add_argument("--data-root", help="folder with MNIST")
    parser.add_argument("--seeds", type=int, default=10, choices=range(2, 1000), metavar="N", help="(default 10)")
    parser.add_argument("--first-seed", type=int, default=200, help="seeds count from here (default 200)")
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
        save(gains(rows), given.plot)
    print(*table(rows), "* the interval excludes 0", sep="\n")


def _trained(given: argparse.Namespace) -> Iterator[Row]:
    setting, seeds = SETTINGS[given.data], given.seeds
    if given.quick:
        setting, seeds = replace(setting, taught=128, samples=128, reported=100, teacher_epochs=1, epochs=1), 2
    for seed in range(given.first_seed, given.first_seed + seeds):
        yield from one_seed(setting, seed, given.methods)


if __name__ == "__main__":
    main()
