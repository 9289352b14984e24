"""How much of the true front each way to search finds, by accuracies measured: the space `digits-space`.

All 2,208 different accuracies of its 27,648 designs were measured once (`--truth`: 200 images of the search split, 2
device instances; 208 s on one thread) and are read from `tests/reference/digits_space.csv`, so that a search replays
in seconds. What is compared is the hypervolume of accuracy and log EDAP, as a share of the true front's; its reference
is a tenth of the front's range beyond its worst values. All methods are told every accuracy once, for all designs that
have it, and only new accuracies count::

    python benchmarks/search_front.py                  # 10 seeds of every method; docs/images/search-front.svg
    python benchmarks/search_front.py --seeds 3 --methods gp random
"""

from __future__ import annotations

import argparse
import csv
import io
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from search_front_plot import save

from spikesim_py._files import write_atomic
from spikesim_py.datasets import load_dataset
from spikesim_py.inference import accuracy_interval, simulate
from spikesim_py.sweep import load_space
from spikesim_py.sweep.candidates import Candidates, enumerate_space
from spikesim_py.sweep.keys import Arms, arms, first_labels
from spikesim_py.sweep.resolve import Protocol, Resolver
from spikesim_py.sweep.search import METHODS, Field, Told, losses, method
from spikesim_py.sweep.search.improvement import Front

ROOT = Path(__file__).resolve().parent.parent
TRUTH, FIGURE = ROOT / "tests/reference/digits_space.csv", ROOT / "docs/images/search-front.svg"
#: accuracies measured, at which the table looks
BUDGETS = (25, 50, 100, 200)
#: what the accuracies depend on
AXES = ("network", "network.time_steps", "mapping.signs", "device.cell_bits", "crossbar.rows", "adc.bits")
#: device instances, as the space has it; samples, all of the split
CHIPS, SAMPLES = 2, 200


@dataclass(frozen=True)
class Truth:
    """The space with every accuracy known.

    Attributes:
        field: as a search sees it. accuracy: (accuracies,). front: the true one. reference, floor: of volumes.
    """

    field: Field
    accuracy: np.ndarray
    front: Front
    reference: np.ndarray
    floor: float

    def share(self, known: np.ndarray) -> float:
        """Of the true volume, that of the designs whose accuracy (a mask) is known."""
        designs, arms_ = self.field.listed()
        mine = known[arms_.of]
        front = Front(losses(designs)[mine], self.accuracy[arms_.of][mine], self.reference, self.floor)
        return front.volume() / self.front.volume()


@dataclass(frozen=True)
class Run:
    """One search: share of the volume after 1, 2, ... accuracies, and CPU time per proposal."""

    method: str
    seed: int
    shares: np.ndarray
    cpu_ms: float


def load_truth() -> Truth:
    """From the table; costs are today's."""
    resolver = Resolver(load_space("digits-space"))
    designs = enumerate_space(resolver, metrics=("edap",))
    with TRUTH.open() as stream:
        rows = {tuple(row[axis] for axis in AXES): row for row in csv.DictReader(stream)}
    mine = [rows[tuple(str(designs.axes(i)[axis]) for axis in AXES)] for i in range(len(designs))]
    label = first_labels(np.array([[int(row["accuracy_of"])] for row in mine]))
    first = np.unique(label, return_index=True)[1]
    found = Arms(label, first, tuple(range(len(AXES))))
    accuracy = np.array([int(mine[i]["correct_200"]) / (SAMPLES * CHIPS) for i in first])
    field = Field(resolver.space, designs, found, designs.among)
    return _with_front(field, designs, accuracy)


def _with_front(field: Field, designs: Candidates, accuracy: np.ndarray) -> Truth:
    cost, scores = losses(designs), accuracy[field.listed()[1].of]
    all_of_it = Front(cost, scores, cost.max(axis=0) + 1, -1.0)
    low, high = all_of_it.losses.min(axis=0), all_of_it.losses.max(axis=0)
    reference = high + 0.1 * (high - low)
    floor = float(all_of_it.scores.min() - 0.1 * np.ptp(all_of_it.scores))
    return Truth(field, accuracy, Front(cost, scores, reference, floor), reference, floor)


def search(truth: Truth, name: str, seed: int, budget: int) -> Run:
    """Replay a search."""
    way, known = method(name, truth.field, seed), np.zeros(len(truth.accuracy), dtype=bool)
    shares, proposals, cpu = list[float](), 0, 0.0
    while len(shares) < budget:
        started = time.process_time()
        asked = way.ask(1)
        cpu, proposals = cpu + time.process_time() - started, proposals + 1
        if not asked:
            break
        arm = truth.field.arm(asked[0])
        started = time.process_time()
        way.tell(Told(asked[0], float(truth.accuracy[arm])))
        cpu += time.process_time() - started
        if not known[arm]:
            known[arm] = True
            shares.append(truth.share(known))
        elif proposals > 50 * budget:  # it asks for what is known, again and again
            break
    return Run(name, seed, np.array(shares), 1e3 * cpu / proposals)


def measure_truth() -> None:
    """Measure every accuracy of the space, and write the table."""
    space = load_space("digits-space")
    resolver, protocol = Resolver(space), Protocol(space.data, "search", SAMPLES, CHIPS, 0)
    designs = enumerate_space(resolver, metrics=())
    found = arms(resolver, designs, protocol)
    measured = [_measured(resolver, designs.axes(int(index)), protocol) for index in found.first]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*AXES, "accuracy_of", "correct_50", "correct_100", "correct_200", "low", "high"])
    seen: dict[tuple[Any, ...], int] = {}
    for i, arm in enumerate(found.of.tolist()):
        seen.setdefault(tuple(designs.axes(i)[axis] for axis in AXES), arm)
    writer.writerows([*axes, arm, *measured[arm]] for axes, arm in seen.items())
    write_atomic(TRUTH, text.getvalue())


def _measured(resolver: Resolver, axes: Any, protocol: Protocol) -> tuple[Any, ...]:
    design = resolver.design(axes, protocol)
    data = load_dataset(protocol.data, protocol.split, SAMPLES)
    correct = simulate(design.network, design.hardware, data, chips=CHIPS, seed=protocol.seed).correct
    _, (low, high) = accuracy_interval(correct, seed=protocol.seed)
    return (*(int(correct[:, :n].sum()) for n in (50, 100, SAMPLES)), round(low, 5), round(high, 5))


def table(runs: Sequence[Run]) -> Iterator[str]:
    """Markdown: mean and least share over the seeds, and CPU time."""
    yield "| method | " + " | ".join(f"after {n}" for n in BUDGETS) + " | CPU per proposal |"
    yield "| --- |" + " --- |" * (len(BUDGETS) + 1)
    for name in dict.fromkeys(run.method for run in runs):
        mine = [run for run in runs if run.method == name]
        cells = []
        for budget in BUDGETS:
            shares = [run.shares[min(budget, len(run.shares)) - 1] for run in mine]
            cells.append(f"{np.mean(shares):.3f} ({min(shares):.3f})")
        yield f"| {name} | " + " | ".join(cells) + f" | {np.mean([run.cpu_ms for run in mine]):.1f} ms |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--methods", nargs="+", default=["gp", "nsga2", "sobol", "random"], choices=list(METHODS))
    parser.add_argument("--truth", action="store_true", help="measure every accuracy again, and stop")
    given = parser.parse_args()
    if given.truth:
        measure_truth()
        return
    truth = load_truth()
    designs, found = truth.field.listed()
    print(f"{len(designs)} designs, {len(found)} accuracies, {len(truth.front.scores)} on the front", flush=True)
    runs = []
    for name in given.methods:
        runs += [search(truth, name, seed, max(BUDGETS)) for seed in range(given.seeds)]
        print(list(table(runs))[-1], flush=True)
    print("\n".join(table(runs)))
    save(runs, FIGURE)


if __name__ == "__main__":
    main()
