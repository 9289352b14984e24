"""The study of distillation: what its table is made of."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks.distillation_study import table
from training.studies import distillation
from training.studies.distillation import (
    CHOSEN,
    SETTINGS,
    STRUCTURES,
    Gain,
    Row,
    as_csv,
    differences,
    from_csv,
    gains,
    interval,
    one_seed,
    recipe,
)
from training.studies.distillation_figure import figure


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


#: two batches, one epoch
TINY = replace(SETTINGS["event-digits"], taught=128, samples=128, reported=20, teacher_epochs=1, epochs=1)


def test_one_seed_trains_every_method_behind_its_teacher(monkeypatch):
    monkeypatch.setattr(distillation, "CHOSEN", {2: CHOSEN[2], 1: ("shortcuts", "sei-bwsnn")})
    rows = list(one_seed(TINY, 0))
    assert [row.method for row in rows] == ["teacher", *CHOSEN[2], "teacher, sei_convnet", "shortcuts", "sei-bwsnn"]
    alone = list(one_seed(TINY, 0, ["shortcuts"]))
    assert alone == [row for row in rows if row.method in ("teacher, sei_convnet", "shortcuts")]


def test_what_was_written_is_read_again():
    rows = _rows("naive", 90, 91.25) + _rows("logits", 1 / 3)
    assert from_csv(as_csv(rows)) == rows


def test_the_figure_has_a_mark_for_every_gain_filled_where_it_is_sure():
    rows = _rows("naive", 90, 90, 90) + _rows("sure", 91, 91.1, 90.9) + _rows("vague", 89, 91, 93)
    rows += [Row("other", *row_of) for row_of in ((0, 4, "naive", 90.0), (1, 4, "naive", 90.0), (0, 4, "x", 91.0))]
    drawn = ElementTree.fromstring(figure(gains([*rows, Row("other", 1, 4, "x", 93.0)]))).iter(
        "{http://www.w3.org/2000/svg}circle"
    )
    assert [mark.get("fill") == "none" for mark in drawn] == [False, True, True]


def test_an_interval_that_holds_zero_shows_nothing():
    kinds = [(0.5, 0.6), (0.5, 0.4), (-0.5, 0.4)]
    found = [Gain("d", 4, "md-snn", 3, mean, half) for mean, half in kinds]
    made = distillation.claims(found, distillation.gains(distillation.frozen()))
    assert [claim.verdict for claim in made] == ["open", "reproduced", "not reproduced"]
    assert "not shown" in made[0].found
    assert "mnist +0.58 ± 0.33" in made[0].note


def test_the_frozen_run_has_ten_seeds_and_five_where_networks_are_dear():
    counted = Counter((row.data, row.weight_bits, row.method) for row in distillation.frozen())
    plain = [method for methods in CHOSEN.values() for method in methods if method not in STRUCTURES]
    assert len(counted) == len(SETTINGS) * (1 + len(plain)) + 2 * (1 + len(STRUCTURES))
    for (data, _, method), seeds in counted.items():
        assert seeds == (5 if data == "cifar10" or method in (*STRUCTURES, "teacher, sei_convnet") else 10)


def test_the_study_trains_what_it_says(monkeypatch):
    monkeypatch.setitem(SETTINGS, "event-digits", TINY)
    monkeypatch.setattr(distillation, "CHOSEN", {1: ("naive", "sei")})
    found = distillation.study({"event-digits": 2})
    assert [row["seed"] for row in found.rows] == [200] * 3 + [201] * 3
    assert [claim.claim for claim in found.claims] == [
        "better than naive quantization: sei, 1-bit weights, event-digits"
    ]
