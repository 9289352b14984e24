"""A search under way: proposals become measurements, stage by stage, and what is found becomes picks.

Nothing here runs or waits: an executor draws tasks from `Hunt.tasks` when a worker is free, and hands outcomes to
`Hunt.take`. With the executor `serial` the same seed gives the same search; with more workers, proposals depend on
which answer comes first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import moocore
import numpy as np
from numpy.typing import NDArray

from ..datasets import network_data
from ..evaluate import Measurement
from ..report import Accuracy
from .candidates import values_of
from .fidelity import reach, stage_samples, standard_error
from .plan import Search
from .resolve import Resolver, Task, config_of
from .search import BLIND, Field, Point, Told, losses, method
from .space import Design, Value
from .store import Store

Floats = NDArray[np.float64]
#: an accuracy: its number where they are listed, else a design that has it
Arm = int | Point
#: in a measurement's configuration: the key of the accuracy that it is the beginning of
_WHOLE = "beginning_of"
#: there: whether another study lent it
_LENT = "lent"


@dataclass(frozen=True)
class Chosen:
    """A design that no other one beats, by the search's own measurements: on the search split, and chosen by them."""

    axes: dict[str, Value]
    accuracy: Accuracy


@dataclass
class _Trial:
    """An accuracy on its way, by a design that has it.

    Attributes:
        axes: of the design that is measured.
        codes, losses: of the designs that have the accuracy, without those that cost more than another in all.
        samples: of each stage.
    """

    point: Point
    axes: dict[str, Value]
    codes: NDArray[np.int32]
    losses: Floats
    samples: tuple[int, ...]
    stage: int = 0
    accuracy: Accuracy | None = None

    @property
    def finished(self) -> bool:
        return self.accuracy is not None and self.accuracy.samples == self.samples[-1]


class Hunt:
    """One search.

    Args:
        field: where. name: of the method, not `auto`.
        store: has what was measured before, and keeps what is measured now.
        known: a measurement of another study by its key, None where none has it.
        progress: called with accuracies measured, the budget, and what is counted.
    """

    def __init__(
        self,
        resolver: Resolver,
        field: Field,
        name: str,
        search: Search,
        store: Store,
        known: Callable[[str], Measurement | None],
        progress: Callable[[int, int, str], None],
    ) -> None:
        self._resolver, self._field, self._search = resolver, field, search
        self._store, self._known, self._progress = store, known, progress
        self._method = method(name, field, search.seed)
        self._protocol = search.protocol(resolver.space)
        early = name in BLIND and resolver.space.chips == 1  # elsewhere it does not pay: docs/sweeps.md
        self._stages = search.stages or ((0.25, 1.0) if early else (1.0,))
        self._trials: dict[Arm, _Trial] = {}
        self._tasks: list[tuple[Arm, Design]] = []
        self._waiting: deque[Arm] = deque()
        self._spent = 0
        self._recall()

    @property
    def unfinished(self) -> bool:
        """Whether designs wait for their next stage."""
        return bool(self._waiting)

    def tasks(self) -> Iterator[Task]:
        """What to measure next, as long as the budget lasts; first what was begun."""
        self._tasks.clear()
        while (arm := self._next()) is not None:
            trial = self._trials[arm]
            protocol = self._protocol.on(trial.samples[trial.stage])
            design = self._resolver.design(trial.axes, protocol)
            own, other = self._stored(design.accuracy_key)
            if trial.stage == 0 and (own or not other):
                self._spent += 1
            if (found := own or other) is not None:
                self._learn(arm, found)
                continue
            self._tasks.append((arm, design))
            yield Task(protocol, design.source, design.hardware)

    def take(self, index: int, status: str, value: Any) -> None:
        """The outcome of the task of that number."""
        arm, design = self._tasks[index]
        if status == "ok" and value.accuracy.key != design.accuracy_key:
            status, value = "error", "its network's file was changed while the search ran"
        if status != "ok":
            position = arm if isinstance(arm, int) else 0
            self._store.add_failure(position, self._resolver.design(design.axes), f"search: {status}: {value}")
            return
        whole = self._protocol.key(design.network, design.hardware)
        with self._store.together():
            self._store.add_measurement(design.accuracy_key, value, config_of(design) | {_WHOLE: whole})
            self._store.forget_failure(design.axes)
        self._learn(arm, value)

    def picks(self) -> list[Chosen]:
        """Designs that no other known one beats, measured in full on the search split."""
        found = [(trial, row) for trial in self._finished() for row in range(len(trial.losses))]
        if not found:
            return []
        values = np.array([[*trial.losses[row], -_of(trial).value] for trial, row in found])
        best = np.flatnonzero(moocore.is_nondominated(values))
        space = self._resolver.space
        return [Chosen(values_of(space, found[i][0].codes[found[i][1]]), _of(found[i][0])) for i in best]

    def _finished(self) -> list[_Trial]:
        return [trial for trial in self._trials.values() if trial.finished]

    def _recall(self) -> None:
        """What is known of these accuracies: a search that was stopped goes on, another study's come for nothing."""
        if self._field.arms is None or self._field.arms.keys is None:
            return
        numbers, paid = {key: arm for arm, key in enumerate(self._field.arms.keys)}, set[int]()
        for key in self._store.measurements():
            about = self._store.measured_config(key)
            arm = numbers.get(about.get(_WHOLE, key))
            if arm is not None:
                self._remember(arm, self._store.measurement(key).accuracy)
                paid |= set() if about.get(_LENT) else {arm}
        self._spent = len(paid)
        for key, arm in numbers.items():
            if arm not in self._trials and (found := self._stored(key)[1]):
                self._remember(arm, found.accuracy)
        for arm in sorted(numbers[key] for key in numbers if numbers[key] in self._trials):
            self._judge(arm)

    def _remember(self, arm: int, found: Accuracy) -> None:
        """Of two measurements the one of more samples."""
        trial = self._trials.setdefault(arm, self._trial(self._field.point(arm)))
        if trial.accuracy is None or found.samples > trial.accuracy.samples:
            trial.accuracy = found

    def _next(self) -> Arm | None:
        """A design to measure: one that waits for its next stage, else a new proposal."""
        if self._waiting:
            return self._waiting.popleft()
        while self._spent < self._search.budget:
            asked = self._method.ask(1)
            if not asked:
                return None
            arm = self._arm(asked[0])
            if arm not in self._trials:
                self._trials[arm] = self._trial(asked[0])
                return arm
            if (trial := self._trials[arm]).accuracy is not None:  # a design of an accuracy that is known
                self._method.tell(Told(asked[0], _of(trial).value))
        return None

    def _learn(self, arm: Arm, measured: Measurement) -> None:
        self._trials[arm].accuracy = measured.accuracy
        self._judge(arm)

    def _judge(self, arm: Arm) -> None:
        """On to the next stage, if there is one and it can matter; else the method is told."""
        trial = self._trials[arm]
        accuracy = _of(trial)
        if not trial.finished and not self._beaten(trial):
            trial.stage = sum(samples <= accuracy.samples for samples in trial.samples)
            self._waiting.append(arm)
            return
        self._method.tell(Told(trial.point, accuracy.value, standard_error(accuracy, trial.samples[-1])))
        self._progress(self._spent, self._search.budget, "accuracies searched")

    def _beaten(self, trial: _Trial) -> bool:
        """Whether none of its designs can reach the front any more: see `fidelity`."""
        most = reach(_of(trial), trial.samples[-1], max(1, len(trial.samples) - 1))
        better = [other.losses for other in self._finished() if _of(other).interval[0] > most]
        if not better:
            return False
        cheaper = (np.concatenate(better)[:, None] <= trial.losses).all(axis=2)
        return bool(cheaper.any(axis=0).all())

    def _stored(self, key: str) -> tuple[Measurement | None, Measurement | None]:
        """A measurement of this study, and of another."""
        try:
            return self._store.measurement(key), None
        except KeyError:
            found = self._known(key)
            if found is not None:
                self._store.add_measurement(key, found, {_LENT: True})
            return None, found

    def _arm(self, point: Point) -> Arm:
        """Which accuracy a design has: its number where they are listed, else the design itself."""
        return point if self._field.designs is None else self._field.arm(point)

    def _trial(self, point: Point) -> _Trial:
        arm = self._arm(point)
        if isinstance(arm, int):
            designs, arms = self._field.listed()
            found = designs[np.flatnonzero(arms.of == arm)]
        else:
            found = self._field.costed(np.array([point], np.int32))
        costs = losses(found)
        least = moocore.is_nondominated(costs) if costs.shape[1] > 1 else np.arange(len(costs)) == costs.argmin()
        axes = values_of(self._resolver.space, np.array(point))
        source, _, _ = self._resolver.parts(axes)
        data = network_data(
            self._resolver.network(source), self._protocol.data, self._protocol.split, self._protocol.samples
        )
        samples = stage_samples(self._stages, len(data))
        return _Trial(point, axes, found.codes[least], costs[least], samples)


def _of(trial: _Trial) -> Accuracy:
    assert trial.accuracy is not None  # only of what was measured
    return trial.accuracy
