"""The study of distillation: what its table is made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.distillation_study import CHOSEN, SETTINGS, Row, differences, interval, one_seed, recipe, table


def _rows(method: str, *reached: float) -> list[Row]:
    return [Row("d", seed, 2, method, accuracy) for seed, accuracy in enumerate(reached)]


def test_differences_are_of_the_same_seed():
    rows = _rows("naive", 90, 92, 91) + _rows("logits", 91, 92) + [Row("d", 0, 4, "logits", 1.0)]
    assert differences(rows, 2, "logits").tolist() == [1, 0]


def test_the_interval_is_students():
    """Of -1, 0, 1: standard error 1 / sqrt(3), t(0.975, 2) = 4.3027."""
    mean, half = interval(np.array([-1.0, 0, 1]))
    assert (mean, half) == (0, pytest.approx(4.302653 / 3**0.5))


def test_the_table_marks_intervals_that_exclude_zero():
    rows = _rows("naive", 90, 90, 90) + _rows("sure", 91, 91.1, 90.9) + _rows("vague", 89, 91, 93)
    assert [line.rstrip(" |").endswith("* | 3") for line in table(rows)[2:]] == [False, True, False]


def test_students_of_a_seed_differ_in_their_losses_alone():
    setting = SETTINGS["event-digits"]
    for bits, methods in CHOSEN.items():
        first, *others = (recipe(setting, 7, bits, method) for method in methods)
        assert all(other.model_copy(update={"losses": first.losses, "name": first.name}) == first for other in others)


def test_one_seed_trains_every_network():
    tiny = replace(SETTINGS["event-digits"], samples=64, reported=20, teacher_epochs=1, epochs=1)
    rows = list(one_seed(tiny, 0))
    assert [row.method for row in rows if row.weight_bits == 2] == list(CHOSEN[2])
    assert len(rows) == 1 + sum(map(len, CHOSEN.values()))
