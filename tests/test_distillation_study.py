"""The study of distillation: what its table is made of."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks.distillation_plot import save
from benchmarks.distillation_study import (
    CHOSEN,
    SETTINGS,
    Row,
    as_csv,
    differences,
    from_csv,
    gains,
    interval,
    one_seed,
    recipe,
    table,
)


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


def test_students_of_a_seed_differ_in_their_losses_alone_and_those_of_sei_in_their_shortcuts():
    setting = SETTINGS["event-digits"]
    for bits, methods in CHOSEN.items():
        first = recipe(setting, 7, bits, methods[0])
        for method in methods:
            other = recipe(setting, 7, bits, method)
            name = "sei_convnet" if method in ("shortcuts", "sei-bwsnn") else "convnet"
            structure = first.architecture.model_copy(update={"name": name})
            alike = {"losses": first.losses, "name": first.name}
            assert other.model_copy(update=alike) == first.model_copy(update={"architecture": structure})


def test_one_seed_trains_every_network():
    tiny = replace(SETTINGS["event-digits"], taught=64, samples=64, reported=20, teacher_epochs=1, epochs=1)
    rows = list(one_seed(tiny, 0))
    assert [row.method for row in rows if row.weight_bits == 2] == list(CHOSEN[2])
    assert len(rows) == 2 + sum(map(len, CHOSEN.values()))
    assert [row.method for row in rows if row.weight_bits == 32] == ["teacher", "teacher, sei_convnet"]
    alone = list(one_seed(tiny, 0, ["shortcuts"]))
    assert alone == [row for row in rows if row.method in ("teacher, sei_convnet", "shortcuts")]


def test_what_was_written_is_read_again():
    rows = _rows("naive", 90, 91.25) + _rows("logits", 1 / 3)
    assert from_csv(as_csv(rows)) == rows


def test_the_figure_has_a_mark_for_every_gain_filled_where_it_is_sure(tmp_path):
    rows = _rows("naive", 90, 90, 90) + _rows("sure", 91, 91.1, 90.9) + _rows("vague", 89, 91, 93)
    rows += [Row("other", *row_of) for row_of in ((0, 4, "naive", 90.0), (1, 4, "naive", 90.0), (0, 4, "x", 91.0))]
    save(gains([*rows, Row("other", 1, 4, "x", 93.0)]), tmp_path / "study.svg")
    drawn = ElementTree.parse(tmp_path / "study.svg").iter("{http://www.w3.org/2000/svg}circle")
    assert [mark.get("fill") == "none" for mark in drawn] == [False, True, True]
