"""Optuna's samplers by ask and tell (`pip install 'spikesim-py[optuna]'`): TPE, its default for several objectives."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ...errors import InputError
from .method import Field, Method, Point, Told, losses

#: proposals that it repeats, or that a constraint forbids, before a free one is drawn at random
TRIES = 50


class Optuna(Method):
    """Every axis is a categorical parameter. It cannot be told what designs cost before they are measured."""

    def __init__(self, field: Field, seed: int) -> None:
        try:
            import optuna
        except ImportError:
            raise InputError("search = 'optuna': needs Optuna: pip install 'spikesim-py[optuna]'") from None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._field, self._random = field, np.random.default_rng(seed)
        self._axes = {axis: list(range(len(values))) for axis, values in field.space.axes.items()}
        costs: list[Literal["minimize", "maximize"]] = ["minimize"] * (len(field.space.objectives) - 1)
        sampler = optuna.samplers.TPESampler(seed=seed)
        self._study: Any = optuna.create_study(sampler=sampler, directions=[*costs, "maximize"])
        self._trials: dict[Point, tuple[Any, list[float]]] = {}
        self._seen: set[Point] = set()
        self._failed = optuna.trial.TrialState.FAIL

    def ask(self, count: int) -> list[Point]:
        chosen: list[Point] = []
        for tried in range(2 * TRIES * count):
            if len(chosen) == count:
                break
            if tried >= TRIES * count:  # its sampler repeats itself
                drawn = {axis: int(self._random.integers(len(codes))) for axis, codes in self._axes.items()}
                self._study.enqueue_trial(drawn)
            trial = self._study.ask()
            codes = [trial.suggest_categorical(axis, choices) for axis, choices in self._axes.items()]
            point = self._add(codes, trial)
            if point is None:
                self._study.tell(trial, state=self._failed)
            else:
                chosen.append(point)
        return chosen

    def tell(self, told: Told) -> None:
        self._seen.add(told.point)
        if told.point in self._trials:
            trial, costs = self._trials.pop(told.point)
            self._study.tell(trial, [*costs, told.accuracy])

    def _add(self, codes: list[int], trial: Any) -> Point | None:
        """The design, if it is allowed and new."""
        allowed = self._field.costed(np.array([codes], np.int32))
        if not len(allowed):
            return None
        point: Point = tuple(allowed.codes[0].tolist())
        if point in self._seen:
            return None
        self._seen.add(point)
        self._trials[point] = (trial, losses(allowed)[0].tolist())
        return point
