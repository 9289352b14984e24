"""Goals in words and in Python: what is found, what is refused, and how units are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesim_py._units import scale_for, unit_factor
from spikesim_py.errors import InputError
from spikesim_py.sweep import Goal, parse_goal, pick, sweep
from spikesim_py.sweep.goals import condition

FRAME: dict[str, Any] = {
    "network": np.array(["digits-w1", "digits-w4", "digits-w4", "digits-w8"]),
    "adc.bits": np.array([3, 4, 5, 6]),
    "device.ideal": np.array([False, False, True, False]),
    "accuracy": np.array([0.90, 0.95, 0.97, np.nan]),
    "accuracy_low": np.array([0.88, 0.93, 0.96, np.nan]),
    "edap": np.array([1e-12, 3e-12, 3e-12, 2e-12]),
    "energy_pj": np.array([1e6, 2e6, 3e6, 4e6]),
    "latency_ns": np.array([4e3, 3e3, 2e3, 1e3]),
    "area_um2": np.array([1e6, 5e6, 5.1e6, 9e6]),
}


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("cheapest edap with accuracy >= 0.95 and area <= 5 mm2", [1]),
        ("Cheapest EDAP with accuracy ≥ 95 % and area ≤ 5 mm²", [1]),
        ("cheapest with accuracy >= 95%", [1, 2]),  # a tie is a tie
        ("lowest edap", [0]),
        ("fastest", [3]),
        ("smallest where accuracy > .9", [1]),
        ("most accurate with energy < 3 uJ", [1]),
        ("best accuracy", [2]),
        ("best energy with latency < 3.5us, network == digits-w4", [1]),
        ("highest adc.bits with network != 'digits-w8'", [2]),
        ("lowest area_um2 with device.ideal = true", [2]),
        ("lowest latency_us with area_mm2 < 9 and accuracy_low >= 90 %", [2]),
        ("lowest energy with accuracy >= 0.99", []),
        ("lowest energy with accuracy != 0.9", [1]),  # a missing accuracy meets no condition
    ],
)
def test_goals_in_words(text: str, rows: list[int]) -> None:
    assert pick(FRAME, parse_goal(text)).rows.tolist() == rows


def test_a_pick_says_how_many_designs_meet_what() -> None:
    found = pick(FRAME, parse_goal("cheapest edap with accuracy >= 0.96 and area <= 5 mm2"))
    assert (found.name, found.larger, found.fitting) == ("edap", False, 0)
    assert found.met == {"accuracy >= 0.96": 1, "area <= 5 mm2": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cheepest edap", "'cheepest': unknown; did you mean 'cheapest'"),
        ("lowest", "'lowest' of what"),
        ("best adc.bits", "'best' is for metrics"),
        ("cheapest edap and area", "must read like"),
        ("lowest edp", "'edp': the study has no such column; did you mean 'edap'"),
        ("lowest network", "is a text"),
        ("lowest edap with accuracy", "must read like 'accuracy >= 0.95'"),
        ("lowest edap with area <= 5 furlongs", "unit 'furlongs': area_um2 is in µm²"),
        ("lowest edap with area <= 5 uJ", "unit 'uJ': area_um2 is in µm²"),
        ("lowest edap with area_mm2 <= 5 mm2", "names a unit twice"),
        ("lowest edap with adc.bits <= 5 mm2", "adc.bits is in no unit"),
        ("lowest edap with area <= 5 furlongs or edap < 1", "must be one comparison; several are joined by 'and'"),
        ("lowest edap with 1 mm2 <= area <= 5 mm2", "must read like"),
        ("lowest edap with accuracy >= 5 mm2", "unit 'mm2': accuracy is in no unit"),
        ("lowest edap with accuracy >= 95", "accuracy is at most 1: write 0.95 or 95 %"),
        ("lowest edap with area <= five", "'five': must be a number"),
        ("lowest edap with area <= 5 and network < digits-w4", "network is a text"),
        ("lowest edap with __import__('os').system('x') <= 3", "must read like"),
    ],
)
def test_what_is_no_goal_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        pick(FRAME, parse_goal(text))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(alphabet="abdeghilnorstw <=>.59_%\n'()", max_size=40))
def test_any_text_is_a_goal_or_an_input_error(text: str) -> None:
    try:
        found = pick(FRAME, parse_goal(text))
    except InputError:
        return
    assert found.rows.size <= 4


@given(st.floats(0, 1e7), st.sampled_from(["<=", ">=", "<", ">", "==", "!="]))
def test_a_condition_is_the_comparison_and_its_opposite_the_rest(value: float, operator: str) -> None:
    opposite = {"<=": ">", ">": "<=", ">=": "<", "<": ">=", "==": "!=", "!=": "=="}[operator]
    met, rest = (condition(FRAME, f"area_um2 {sign} {value!r}") for sign in (operator, opposite))
    assert (met ^ rest).all()
    assert met.tolist() == [eval(f"{area} {operator} {value!r}") for area in FRAME["area_um2"]]


@given(st.floats(1e-3, 1e15), st.sampled_from(["pJ", "ns", "µm²", "J·s·mm²", "-", "TOPS/W"]))
def test_a_number_shown_in_a_unit_is_read_back(value: float, unit: str) -> None:
    """`unit_factor` is the inverse of `scale_for`, as written and as typed."""
    scale = scale_for(value, unit)
    for spelled in (scale.unit, scale.unit.replace("µ", "u").replace("²", "2")):
        factor = unit_factor(spelled.removeprefix("-"), unit)
        assert factor is not None
        assert factor * scale.factor == pytest.approx(1)


def test_units_keep_their_case_where_it_matters() -> None:
    assert unit_factor("mJ", "pJ") == unit_factor("mj", "pJ") == 1e9
    assert unit_factor("MJ", "pJ") == 1e18
    assert unit_factor("js_mm2", "J·s·mm²") == 1
    assert unit_factor("nm", "ns") is None


def test_a_study_has_its_best(tmp_path: Path) -> None:
    space = {
        "name": "small",
        "network": "digits-w1",
        "chip": "rram_32nm",
        "samples": 4,
        "axes": {"crossbar.rows+crossbar.cols": [64, 128], "technology.node_nm": [32, 45]},
    }
    study = sweep(space, store=tmp_path / "s.db", executor="serial")
    frame = study.frame()
    found = study.best(minimize="edap_js_mm2", where=["technology.node_nm == 45", "area_um2 <= 1e9"])
    assert found["edap"].tolist() == [frame["edap"][frame["technology.node_nm"] == 45].min()]
    assert study.best(maximize="area")["area_um2"].tolist() == [frame["area_um2"].max()]
    assert len(study.best(minimize="edap", where=["area <= 0 mm2"])["edap"]) == 0
    with pytest.raises(InputError, match="must be one of them"):
        study.best(minimize="edap", maximize="accuracy")
    assert pick(frame, Goal("edap", False)).fitting == 4
