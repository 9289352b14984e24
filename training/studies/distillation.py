"""What each way of training brings to a quantized network: paired seeds, mean difference to naive quantization.

A float teacher learns from all its images; then it is quantized with 128 of them, as one who is given a network and a
few samples must do. For every seed, a teacher is trained first. All students of that seed start with its weights, see
the same images in the same order, and have the same epochs; they differ in their losses alone. *Naive* is
quantization-aware training with the task's loss alone (MD-SNN's own baseline could not be read; rounding a teacher's
weights without training is worse). `multi-stage` has an assistant in between, of twice the student's bits, with as
many epochs of its own. `sei` is that paper's loss only; `shortcuts` its structure only, in a network with a shortcut
around every convolution (`sei_convnet`), whose teacher has them too; `sei-bwsnn` is both. Differences are of accuracy
on the report split, in points, with the 95 % interval of Student's t over the seeds.

Setting and weight of the membranes (0.1, of 0.03 to 1) were chosen with seed 100 on the search and calibration splits,
and are the same for all data sets and widths; other weights are the library's defaults. CIFAR-10, whose channels are
twice to four times as many, came last, and nothing was chosen on it. Ten seeds of MNIST and event digits (five of
networks with shortcuts, and of CIFAR-10, where networks with shortcuts were not trained) are frozen in
`configs/studies/distillation.csv`; `spikesim study distillation` trains fewer of the bundled one, `--full` ten of MNIST
and event digits (`--data-root`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from spikesim_py._resources import config_dir
from spikesim_py.datasets import network_data
from spikesim_py.studies.base import Claim, Findings, PaperStudy, Verdict

from ..config import TrainingConfig
from ..loop import accuracy_of
from ..module import SpikingNetwork
from ..trainer import fit
from .distillation_figure import figure

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
CHOSEN: dict[int, tuple[str, ...]] = {4: ("naive", "logits", "md-snn", "rmp", "multi-stage")}
CHOSEN |= {2: CHOSEN[4], 1: ("naive", "logits", "md-snn", "rmp", "multi-stage", "sei", "shortcuts", "sei-bwsnn")}


@dataclass(frozen=True)
class Setting:
    """Sizes of a study.

    Attributes:
        channels: of the three convolutions, of teacher and students.
        taught, samples: images that the teacher and the students learn from, the latter among the former.
        reported: images of the report split. None: all.
        teacher_epochs, epochs: of the teacher and of each student.
    """

    data: str
    channels: tuple[int, int, int]
    taught: int | None
    samples: int
    reported: int | None
    teacher_epochs: int
    epochs: int


SETTINGS = {
    "mnist": Setting("mnist", (8, 16, 16), 4000, 128, 2000, 8, 20),
    "event-digits": Setting("event-digits", (8, 16, 16), None, 128, None, 60, 20),
    "cifar10": Setting("cifar10", (16, 32, 64), 20_000, 128, 5000, 10, 20),
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
            "channels": list(setting.channels),
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
    for data, bits, method in kinds(rows):
        gain = differences([row for row in rows if row.data == data], bits, method)
        if method != "naive" and len(gain) > 1:
            found.append(Gain(data, bits, method, len(gain), *interval(gain)))
    return found


def kinds(rows: list[Row]) -> list[tuple[str, int, str]]:
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


#: what is published of a method: that it is better than quantization without it
PUBLISHED = {
    "logits": "Hinton et al., arXiv 1503.02531",
    "md-snn": "MD-SNN, DATE 2026, abstract",
    "rmp": "RMP-Loss, ICCV 2023, abstract",
    "multi-stage": "Distilling Spikes, ICPR 2021, abstract",
    "sei": "SEI-BWSNN, arXiv 2508.12609, abstract",
    "shortcuts": "SEI-BWSNN, arXiv 2508.12609, abstract",
    "sei-bwsnn": "SEI-BWSNN, arXiv 2508.12609, abstract",
}
#: seeds count from here
FIRST_SEED = 200
#: data sets and seeds of the short version and of the long one
SHORT, FULL = {"event-digits": 3}, {"mnist": 10, "event-digits": 10}


def frozen() -> list[Row]:
    """Ten seeds of MNIST and event digits, five of networks with shortcuts and of CIFAR-10."""
    return from_csv((config_dir("studies") / "distillation.csv").read_text(encoding="utf-8"))


def verdict_of(gain: Gain) -> Verdict:
    """Whether a method is better; `open` where the interval holds 0: not shown."""
    return "open" if not gain.sure else "reproduced" if gain.mean > 0 else "not reproduced"


def shown(gain: Gain) -> str:
    """Mean, interval, and what it says."""
    return f"{gain.mean:+.2f} ± {gain.half:.2f} points{'' if gain.sure else ', not shown'}"


def claims(found: Iterable[Gain], before: Iterable[Gain]) -> tuple[Claim, ...]:
    """One for each method and width of `found`; beside it, what was found `before` with more seeds."""
    earlier: dict[tuple[int, str], list[str]] = {}
    for gain in before:
        earlier.setdefault((gain.weight_bits, gain.method), []).append(f"{gain.data} {shown(gain)}, {gain.seeds} seeds")
    return tuple(
        Claim(
            f"better than naive quantization: {gain.method}, {gain.weight_bits}-bit weights, {gain.data}",
            f"it is ({PUBLISHED[gain.method]})",
            f"{shown(gain)}, {gain.seeds} seeds",
            verdict_of(gain),
            f"frozen: {'; '.join(earlier.get((gain.weight_bits, gain.method), ['none']))}",
        )
        for gain in found
    )


def study(seeds: dict[str, int]) -> Findings:
    """So many seeds of each data set."""
    rows = [
        row
        for data, count in seeds.items()
        for seed in range(FIRST_SEED, FIRST_SEED + count)
        for row in one_seed(SETTINGS[data], seed)
    ]
    found = gains(rows)
    notes = (
        f"Seeds of this run: {', '.join(f'{data} {count}' for data, count in seeds.items())}. Three convolutions, "
        "T = 4, membranes of 4 bits; students learn from 128 images for 20 epochs.",
        "Not shown: the 95 % interval (Student's t over paired seeds) holds 0. Without any effect, "
        f"{0.05 * len(found):.2g} of {len(found)} intervals exclude 0 by chance.",
        "Published gains are of deeper networks on harder data; only their sign is held against.",
        f"The frozen seeds (configs/studies/distillation.csv, docs/training_methods.md) begin at {FIRST_SEED} too: "
        "where they say less of a data set than fewer seeds here do, they are right.",
    )
    return Findings(tuple(asdict(row) for row in rows), figure(found), claims(found, gains(frozen())), notes)


STUDY = PaperStudy(
    name="distillation",
    about="ways of distilling a quantized network, in paired seeds against naive quantization",
    sources=(
        "MD-SNN (DATE 2026, arXiv 2512.04443), abstract",
        "RMP-Loss (Guo et al., ICCV 2023, arXiv 2308.06787), abstract",
        "Distilling Spikes (Kushawaha et al., ICPR 2021, arXiv 2005.00288), abstract",
        "SEI-BWSNN (arXiv 2508.12609), abstract",
        "Distilling the knowledge in a neural network (Hinton et al., arXiv 1503.02531)",
    ),
    run=lambda full: study(FULL if full else SHORT),
)
