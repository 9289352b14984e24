"""Fronts, hypervolumes, knees, the way to the front, and how sure a front is: laws over plain arrays."""

from __future__ import annotations

import itertools
from typing import Any

import moocore
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from study_data import study

from spikesim_py.cost.band import sample
from spikesim_py.errors import InputError
from spikesim_py.evaluate import cost
from spikesim_py.hardware import load_hardware
from spikesim_py.inference import accuracy_interval
from spikesim_py.sweep import (
    UnitBox,
    accuracy_draws,
    cost_draws,
    front_mask,
    front_probability,
    hypervolume,
    hypervolume_history,
    knee,
    nearest_front_design,
    nondominated,
)
from spikesim_py.sweep.uncertainty import draw_accuracy, interval_scale

POINT = st.tuples(*[st.integers(0, 6)] * 3)
POINTS = st.lists(POINT, min_size=1, max_size=7)
UP_DOWN_UP = (True, False, True)


def array(points: list[tuple[int, ...]]) -> np.ndarray:
    return np.array(points, dtype=float)


def inclusion_exclusion(costs: np.ndarray, bound: np.ndarray) -> float:
    """The volume of a union of boxes, each from a point to the bound, all to be minimized."""
    total = 0.0
    for count in range(1, len(costs) + 1):
        for chosen in itertools.combinations(costs, count):
            total -= (-1) ** count * float(np.prod(np.maximum(bound - np.max(chosen, axis=0), 0)))
    return total


# ------------------------------------------------------------------------------------------------- hypervolume


@given(POINTS)
def test_a_hypervolume_is_the_volume_of_a_union_of_boxes(points: list[tuple[int, ...]]) -> None:
    values, signs = array(points), np.array([-1, 1, -1])
    expected = inclusion_exclusion(values * signs, np.array([0, 5, 0]))
    assert hypervolume(values, UP_DOWN_UP, (0, 5, 0)) == pytest.approx(expected)


@given(POINTS)
def test_a_history_is_the_hypervolume_of_every_prefix_and_never_falls(points: list[tuple[int, ...]]) -> None:
    values = array(points)
    history = hypervolume_history(values, UP_DOWN_UP, (0, 5, 0))
    assert history == pytest.approx([hypervolume(values[: n + 1], UP_DOWN_UP, (0, 5, 0)) for n in range(len(points))])
    assert (np.diff(history) >= 0).all()


def test_a_history_of_many_blocks_ends_at_the_hypervolume() -> None:
    rng = np.random.default_rng(0)
    values = np.vstack([rng.random((40_000, 2)), np.full((1, 2), np.nan)])
    history = hypervolume_history(values, (False, True), (1, 0))
    assert history[-1] == history[-2] == hypervolume(values, (False, True), (1, 0)) > 0.99
    assert history[:50] == pytest.approx(
        [hypervolume(values[: n + 1], (False, True), (1, 0)) for n in range(50)], rel=1e-12
    )


def test_designs_beyond_the_reference_add_nothing() -> None:
    assert hypervolume(array([(1, 9), (9, 1)]), (False, False), (5, 5)) == 0
    assert hypervolume_history(array([(9, 1)]), (False, False), (5, 5)).tolist() == [0]
    assert hypervolume_history(np.empty((0, 2)), (False, False), (5, 5)).tolist() == []


# -------------------------------------------------------------------------------------------------------- knee


@given(POINTS, st.sampled_from([1.0, 7.0, 1e6]), st.floats(-5, 5))
def test_a_knee_is_on_the_front_and_units_do_not_move_it(
    points: list[tuple[int, ...]], factor: float, offset: float
) -> None:
    values = array(points)
    found = knee(values, UP_DOWN_UP)
    scaled = knee(values * [1, factor, 1] + [offset, 0, 0], UP_DOWN_UP)
    if found is None:
        assert scaled is None
    else:
        assert front_mask(values, UP_DOWN_UP)[found]
        assert scaled is not None
        boxed = UnitBox.around(values[front_mask(values, UP_DOWN_UP)], UP_DOWN_UP).place(values)
        assert boxed[scaled].sum() == pytest.approx(boxed[found].sum())  # as deep


def test_the_knee_of_two_objectives_lies_farthest_below_the_line_through_the_ends() -> None:
    x = np.array([0.0, 0.1, 0.3, 0.6, 1.0])
    assert knee(np.stack([x, (1 - x) ** 3], axis=1), (False, False)) == 2
    assert knee(np.stack([x, 1 - x], axis=1), (False, False)) is None  # a line has no bend
    assert knee(np.stack([x, 1 - x**3], axis=1), (False, False)) is None  # it bends the other way
    assert knee(array([(3, 3), (1, 1), (1, 1)]), (False, False)) == 1  # the front is one point
    assert knee(np.full((2, 2), np.nan), (False, False)) is None


def test_logarithms_show_the_knee_of_ratios() -> None:
    cheap = np.array([[1e-9, 0.5], [1e-8, 0.9], [1e-4, 0.97], [1e-3, 1.0]])
    assert knee(cheap, (False, True), log=(True, False)) == 1
    assert knee(cheap, (False, True)) == 2  # on a plain axis a hundred thousandfold cost is hardly seen
    with pytest.raises(InputError, match="above 0"):
        knee(cheap * [0, 1], (False, True), log=(True, False))


@given(POINTS)
def test_a_box_places_the_best_at_0_and_the_worst_at_1(points: list[tuple[int, ...]]) -> None:
    values = array(points) + 1
    placed = UnitBox.around(values, UP_DOWN_UP, (False, True, False)).place(values)
    assert placed.min() == 0
    for column in range(3):
        assert set(placed[:, column]) >= ({0.0, 1.0} if np.ptp(values[:, column]) else {0.0})
        best = values[:, column].max() if UP_DOWN_UP[column] else values[:, column].min()
        assert (placed[values[:, column] == best, column] == 0).all()


# ------------------------------------------------------------------------------------------- the way to the front


def grid() -> dict[str, Any]:
    """Cost rises with rows and bits; accuracy with bits alone: the front has the fewest rows."""
    rows, bits = (a.reshape(-1) for a in np.meshgrid([32, 64, 128], [3, 4, 5], indexing="ij"))
    return {
        "crossbar.rows": rows,
        "crossbar.cols": rows,
        "adc.bits": bits,
        "accuracy": 0.8 + 0.03 * bits,
        "edap": rows * 2.0**bits,
    }


AXES = ("crossbar.rows+crossbar.cols", "adc.bits")


def test_the_nearest_front_design_changes_the_fewest_axes() -> None:
    frame = grid()
    row = int(np.flatnonzero((frame["crossbar.rows"] == 128) & (frame["adc.bits"] == 4))[0])
    advice = nearest_front_design(frame, row, ["accuracy", "edap"], AXES)
    (change,) = advice.changes
    assert (change.axis, change.before, change.after) == ("crossbar.rows+crossbar.cols", 128, 32)
    assert advice.before == {"accuracy": pytest.approx(0.92), "edap": 128 * 16}
    assert advice.after == change.metrics == {"accuracy": pytest.approx(0.92), "edap": 32 * 16}
    assert nearest_front_design(frame, advice.target, ["accuracy", "edap"], AXES).changes == ()


def test_every_change_is_told_alone_if_that_design_is_stored() -> None:
    frame = {
        "a": np.array([0, 1, 1]),
        "b": np.array(["x", "x", "y"]),
        "energy_pj": np.array([3.0, 2.0, 1.0]),
        "latency_ns": np.array([3.0, 4.0, 1.0]),
    }
    advice = nearest_front_design(frame, 0, ["energy_pj", "latency_ns"], ["a", "b"])
    assert advice.target == 2
    assert [change.metrics for change in advice.changes] == [{"energy_pj": 2.0, "latency_ns": 4.0}, None]


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 4), min_size=2, max_size=30, unique_by=lambda item: item[:2]))
def test_advice_leads_to_the_front_and_to_nothing_worse(points: list[tuple[int, ...]]) -> None:
    a, b, energy, latency = np.array(points).T
    if len(set(a)) < 2 and len(set(b)) < 2:
        return
    frame = {"a": a, "b": b, "energy_pj": energy.astype(float), "latency_ns": latency.astype(float)}
    metrics = ["energy_pj", "latency_ns"]
    for row in range(len(a)):
        advice = nearest_front_design(frame, row, metrics, ["a", "b"])
        assert nondominated(frame, metrics)[advice.target]
        assert all(advice.after[name] <= advice.before[name] for name in metrics)
        assert len(advice.changes) == sum(x[row] != x[advice.target] for x in (a, b))


# ------------------------------------------------------------------------------------------------- uncertainty


@pytest.mark.parametrize(("right", "samples"), [(45, 60), (60, 60), (0, 40), (599, 600), (1, 30)])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_draws_of_an_accuracy_have_its_interval_at_every_level(right: int, samples: int, level: float) -> None:
    correct = np.arange(samples)[None] < right
    value, ends = accuracy_interval(correct, seed=0)
    scale = interval_scale(np.array(value), *(np.array(end) for end in ends))
    assert scale == pytest.approx(samples**-0.5, rel=1e-6)  # Wilson's
    _, wanted = accuracy_interval(correct, seed=0, level=level)
    z = norm.ppf((1 + level) / 2)
    assert [float(draw_accuracy(np.array(value), scale, sign * z)) for sign in (-1, 1)] == pytest.approx(
        wanted, abs=1e-9
    )


def frame_of(accuracy: Any, edap: Any, half: float, keys: list[str] | None = None) -> dict[str, np.ndarray]:
    value = np.asarray(accuracy, float)
    return {
        "accuracy": value,
        "accuracy_low": value - half,
        "accuracy_high": value + half,
        "edap": np.asarray(edap, float),
        "accuracy_key": np.array(keys or [f"k{i}" for i in range(len(value))]),
    }


BOTH = ["accuracy", "edap"]


@given(st.lists(st.tuples(st.integers(50, 90), st.integers(1, 9)), min_size=1, max_size=12))
def test_a_front_is_certain_where_intervals_have_no_width(points: list[tuple[int, int]]) -> None:
    accuracy, edap = np.array(points).T
    frame = frame_of(accuracy / 100, edap, 0.0)
    assert front_probability(frame, BOTH, draws=5).tolist() == nondominated(frame, BOTH).astype(float).tolist()


def test_probabilities_go_to_0_and_1_as_intervals_shrink_and_to_one_half_as_they_grow_together() -> None:
    found = [
        front_probability(frame_of([0.80, 0.81], [1, 1], half), BOTH, draws=4000) for half in (0.2, 0.02, 0.005, 0.0005)
    ]
    assert found[0] == pytest.approx([0.5, 0.5], abs=0.06)
    assert (np.diff([p[1] for p in found]) > 0).all()
    assert found[-1].tolist() == [0, 1]


def test_the_probability_of_a_pair_is_the_normal_one() -> None:
    """Two designs of one cost: the better in the draw is the front. Near 1/2 an accuracy's errors are normal."""
    half, gap = 0.02, 0.015
    p = front_probability(frame_of([0.5, 0.5 + gap], [1, 1], half), BOTH, draws=20_000)
    assert p.sum() == 1
    assert p[1] == pytest.approx(norm.cdf(gap / (half / 1.96 * 2**0.5)), abs=0.012)


def test_designs_that_share_a_measurement_share_its_draws() -> None:
    shared = frame_of([0.8, 0.8, 0.8], [1, 1, 2], 0.05, ["k", "k", "k"])
    assert front_probability(shared, BOTH, draws=50).tolist() == [1, 1, 0]  # a tie, and the dearer one never
    apart = frame_of([0.8, 0.8, 0.8], [1, 1, 2], 0.05)
    p = front_probability(apart, BOTH, draws=2000)
    assert p[:2].sum() == pytest.approx(1)
    assert p[2] == pytest.approx(1 / 3, abs=0.05)  # of three draws of one accuracy, the largest is its


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(0, 3)), min_size=1, max_size=15),
    st.sampled_from([0.01, 0.05, 0.2]),
)
def test_probabilities_are_the_share_of_draws_with_the_design_on_the_front(
    points: list[tuple[int, ...]], half: float
) -> None:
    """Held against the definition, without the shortcut that leaves out designs with no chance."""
    edap, area, key = np.array(points).T
    frame = frame_of(key * 0.05 + 0.5, edap, half, [f"k{i}" for i in key]) | {"area_um2": area.astype(float)}
    metrics = ["accuracy", "edap", "area_um2"]
    draws, owner = accuracy_draws(frame, draws=30, seed=4)
    fronts = [nondominated(frame | {"accuracy": draw[owner]}, metrics) for draw in draws]
    assert front_probability(frame, metrics, draws=30, seed=4).tolist() == np.mean(fronts, axis=0).tolist()


def test_a_keys_draws_do_not_depend_on_its_study() -> None:
    first, _ = accuracy_draws(frame_of([0.8, 0.9], [1, 1], 0.05, ["a", "b"]), draws=7, seed=1)
    second, owner = accuracy_draws(frame_of([0.9, 0.7], [1, 1], 0.05, ["b", "c"]), draws=7, seed=1)
    assert first[:, 1].tolist() == second[:, owner[0]].tolist()
    assert first[:, 0].tolist() != accuracy_draws(frame_of([0.8], [1], 0.05, ["a"]), draws=7, seed=2)[0][:, 0].tolist()


def test_designs_without_an_accuracy_are_on_no_front() -> None:
    frame = frame_of([0.8, np.nan], [2, 1], 0.05, ["a", ""])
    assert front_probability(frame, BOTH, draws=5).tolist() == [1, 0]
    assert front_probability(frame, ["edap"], draws=5).tolist() == [0, 1]


def test_costs_are_drawn_in_pairs() -> None:
    """Twice the ADC bits cost more in every calibration: what both chips share errs alike."""
    chips = [{"adc.bits": 4}, {"adc.bits": 8}]
    reports = [cost("vgg9-cifar10", load_hardware("rram_32nm", chip)) for chip in chips]
    trees = [report.cost_inputs.trees for report in reports]
    drawn = cost_draws(trees, ["accuracy", "edap"], draws=200, seed=3)
    assert set(drawn) == {"edap"}
    assert drawn["edap"][:, 1].tolist() == sample(trees[1], draws=200, seed=3)["edap"].tolist()
    frame = {name: np.array([getattr(report, name) for report in reports]) for name in ("edap", "area_um2")}
    assert front_probability(frame, ["edap"], draws=200, costs=drawn).tolist() == [1, 0]
    with pytest.raises(InputError, match=r"costs\['edap'\], shape \(200, 2\)"):
        front_probability(frame, ["edap"], draws=100, costs=drawn)


def test_bad_draws_are_refused() -> None:
    with pytest.raises(InputError, match="draws = 0"):
        front_probability(frame_of([0.5], [1], 0.1), BOTH, draws=0)
    with pytest.raises(InputError, match="metric 'edp': unknown; did you mean 'edap'"):
        front_probability(study().frame(), ["edp"])


def test_a_front_of_very_many_designs_is_exact() -> None:
    """Most are dropped at once by what a few good ones beat: none that is on the front may be among them."""
    rng = np.random.default_rng(3)
    levels = rng.integers(0, 60, (150_000, 3)).astype(float)  # many equal ones, as of a grid
    smooth = rng.normal(size=(150_000, 2)) @ np.array([[1.0, -0.8], [0.3, 1.0]])
    for values, larger in ((levels, [False, True, False]), (smooth, [True, True]), (smooth[:, :1], [False])):
        values = values.copy()
        values[::1000, 0] = np.nan
        known = np.isfinite(values).all(axis=1)
        expected = np.zeros(len(values), bool)
        expected[known] = moocore.is_nondominated(values[known], maximise=larger, keep_weakly=True)
        assert np.array_equal(front_mask(values, larger), expected)
