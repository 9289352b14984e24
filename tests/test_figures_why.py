"""Why a design stands out: what the sentences say is what the columns hold."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from study_data import study, tree

from spikesim_py.figures.why import standing, why

METRICS = ["accuracy", "edap"]
#: few values, so that ties and missing ones happen
columns = st.lists(
    st.tuples(st.sampled_from([0.5, 0.9, 0.95, np.nan]), st.sampled_from([1.0, 2.0, 3.0]), st.booleans()),
    min_size=1,
    max_size=8,
)


def _frame(rows: list[tuple[float, float, bool]]) -> dict[str, np.ndarray]:
    accuracy, edap, _ = zip(*rows, strict=True)
    bits = np.arange(len(rows)) % 3
    return {"accuracy": np.array(accuracy), "edap": np.array(edap), "adc.bits": bits}


@given(columns, st.data())
def test_a_standing_is_what_counting_gives(rows: list[tuple[float, float, bool]], data: st.DataObject) -> None:
    frame, row = _frame(rows), data.draw(st.integers(0, len(rows) - 1))
    pool = np.array([kept for _, _, kept in rows]) | (np.arange(len(rows)) == row)
    found = standing(frame, row, METRICS, pool)
    others = [(a, e) for i, (a, e, _) in enumerate(rows) if pool[i] and i != row]
    accuracy, edap, _ = rows[row]
    assert found.among == len(others) + 1
    known = [name for name in METRICS if np.isfinite(frame[name][row])]
    assert list(found.metrics) == known
    if "edap" in found.places:
        assert found.places["edap"] == (sum(e < edap for _, e in others), sum(e == edap for _, e in others))
    if "accuracy" in found.places:
        assert found.places["accuracy"] == (sum(a > accuracy for a, _ in others), sum(a == accuracy for a, _ in others))
    if len(known) == 2:
        beating = sum(a >= accuracy and e <= edap and (a, e) != (accuracy, edap) for a, e in others)
        assert found.beaten_by == beating
        assert (found.nearest is None) == (not beating)
        if found.nearest is not None:
            a, e, _ = rows[found.nearest]
            assert pool[found.nearest]
            assert a >= accuracy
            assert e <= edap
        better = [a for a, _ in others if a > accuracy]
        if not beating and better:
            assert rows[found.next["accuracy"]][0] == min(better)
    assert isinstance(why(frame, row, METRICS, pool), list)  # all of it can be told


def _of(frame: dict[str, np.ndarray], row: int, *given: Any, **more: Any) -> str:
    return " ".join(why(frame, row, METRICS, *given, **more))


def test_the_cheapest_that_passes_says_so_with_what_was_asked() -> None:
    frame = study().frame()
    passing = frame["accuracy"] >= 0.92
    row = int(np.flatnonzero(passing)[np.argmin(frame["edap"][passing])])
    told = _of(frame, row, passing, ["accuracy at least 92.0 %"], tree().to_dict())
    assert f"Of the {passing.sum()} designs that pass (accuracy at least 92.0 %), it is the best in" in told
    assert re.search(r"best in \d of \d metrics \([^)]*least EDAP", told)
    assert "None beats it in accuracy and EDAP together" in told
    gained = float(re.findall(r"\+([\d.]+) points", told)[0])
    times = float(re.findall(r"at ([\d.]+) times its EDAP", told)[0])
    better = passing & (frame["accuracy"] > frame["accuracy"][row])
    assert gained == pytest.approx(100 * (frame["accuracy"][better].min() - frame["accuracy"][row]), abs=0.006)
    assert times > 1


def test_a_beaten_design_names_the_nearest_better_one_and_what_to_change() -> None:
    frame = study().frame()
    beaten = np.flatnonzero(~study().on_front(*METRICS))
    worst = int(beaten[np.argmax(frame["edap"][beaten])])
    told = _of(frame, worst)
    assert re.search(r"\d+ designs? beats? it in accuracy and EDAP together: the nearest has", told)
    assert "instead of" in told
    assert "does not pass" in _of(frame, worst, frame["edap"] < frame["edap"][worst], ["EDAP at most 1"])


def test_without_axes_the_nearest_still_beats_it() -> None:
    frame = {"accuracy": np.array([0.5, 0.9, 0.8]), "edap": np.array([1.0, 2.0, 3.0])}  # the first is on the front too
    assert standing(frame, 2, METRICS).nearest == 1
    assert "the nearest has 90.00% accuracy (+10.00 points) and 0.667 times its EDAP." in _of(frame, 2)


def test_the_largest_parts_are_those_of_the_tree() -> None:
    root = tree().to_dict()
    told = _of({"edap": np.array([1.0])}, 0, tree=root)
    area = sum(node["area_um2"] for layer in root["children"] for node in layer["children"] if node["name"] == "part3")
    assert f"part3 ({area / root['area_um2']:.0%} of its area)" in told
    assert re.search(r"layer layer2 \(\d+% of its latency\)", told)


def test_alone_or_without_metrics_nothing_is_claimed() -> None:
    assert why({"edap": np.array([1.0])}, 0, METRICS[1:]) == []
    alike = {"accuracy": np.array([0.9, 0.9]), "edap": np.array([1.0, 1.0])}
    assert why(alike, 0, METRICS) == ["None beats it in accuracy and EDAP together."]
    assert why({"accuracy": np.array([np.nan, 0.9]), "edap": np.array([1.0, 2.0])}, 0, METRICS) == [
        "Of all 2 designs, it is the best in 1 of 1 metrics (least EDAP)."
    ]
