"""Samples of clouds, axes of lines: what stands for very many designs, and where designs lie."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from study_data import study

from spikesim_py.figures.lines import line_axis, line_colors, within
from spikesim_py.figures.pareto import pareto_figure
from spikesim_py.figures.thin import GRID, spaced, thinned

FRAME = study().frame()


@given(st.integers(0, 3000), st.integers(100, 2000), st.integers(0, 9))
def test_a_sample_has_known_points_once_and_no_more_than_asked_for(count: int, most: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, count))
    x[::7] = np.nan
    rows = thinned(x, y, most)
    known = np.flatnonzero(np.isfinite(x))
    assert rows.size == min(most, known.size)
    assert set(rows) <= set(known)
    assert (np.diff(rows) > 0).all()
    assert np.array_equal(rows, thinned(x, y, most))


def test_a_sample_loses_no_outlier_and_is_dense_where_the_cloud_is() -> None:
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(0, 0.1, 90_000), rng.uniform(-5, 5, 2000), [40.0]])
    y = np.concatenate([rng.normal(0, 0.1, 90_000), rng.uniform(-5, 5, 2000), [-40.0]])
    rows = thinned(x, y, 8000)
    assert x.size - 1 in rows
    dense = np.hypot(x[rows], y[rows]) < 0.3
    assert dense.sum() > 5000

    def cells(members: np.ndarray) -> set[tuple[int, int]]:
        across = ((x[members] - x.min()) / np.ptp(x) * GRID[0]).astype(int)
        up = ((y[members] - y.min()) / np.ptp(y) * GRID[1]).astype(int)
        return set(zip(across.tolist(), up.tolist(), strict=True))

    assert len(cells(rows)) >= 0.98 * len(cells(np.arange(x.size)))  # those at the very rim share the last cell


def test_spaced_rows_keep_both_ends() -> None:
    rows = np.arange(1000) * 3
    assert spaced(rows, 10)[[0, -1]].tolist() == [0, 2997]
    assert spaced(rows, 5000) is rows
    assert spaced(rows, 0).size == 0


def test_levels_stand_evenly_and_metrics_by_their_logarithm() -> None:
    bits = line_axis(FRAME, "adc.bits")
    assert bits is not None
    assert (bits.kind, bits.levels) == ("level", (4, 5, 6))
    assert bits.places(FRAME["adc.bits"]).tolist() == ((FRAME["adc.bits"] - 4) / 2).tolist()
    names = line_axis(FRAME, "network")
    assert names is not None
    assert names.levels == ("digits-w2", "digits-w4", "digits-w8")
    edap = line_axis(FRAME, "edap")
    assert edap is not None
    assert edap.kind == "log"
    places = edap.places(FRAME["edap"])
    assert (places.min(), places.max()) == (0, 1)
    expected = np.log(FRAME["edap"] / FRAME["edap"].min()) / np.log(FRAME["edap"].max() / FRAME["edap"].min())
    assert places == pytest.approx(expected)


def test_a_higher_accuracy_lies_higher_and_a_missing_one_nowhere() -> None:
    frame = {"accuracy": np.array([0.5, 0.9, np.nan, 0.99, 1.0 - 1e-9])}
    axis = line_axis(frame, "accuracy")
    assert axis is not None
    assert axis.kind == "error"
    places = axis.places(frame["accuracy"])
    assert np.isnan(places[2])
    assert (np.diff(places[[0, 1, 3, 4]]) > 0).all()
    assert line_axis({"accuracy": np.full(3, np.nan)}, "accuracy") is None
    flat = line_axis({"edap": np.full(3, 2e-12)}, "edap")
    assert flat is not None
    assert flat.places(np.full(3, 2e-12)).tolist() == [0.5] * 3


@pytest.mark.parametrize("color", ["weight_bits", "network", "edap", "accuracy"])
def test_lines_have_the_colours_of_the_cloud(color: str) -> None:
    codes, palette = line_colors(FRAME, color)
    assert codes.max() < len(palette)
    order = np.argsort(FRAME[color], kind="stable")
    assert (np.diff(codes[order].astype(int)) >= 0).all()
    if color in ("weight_bits", "network"):
        figure = pareto_figure(FRAME, color=color)
        drawn = {str(design): trace.marker.color for trace in figure.data for design in trace.customdata or ()}
        assert [drawn[design] for design in FRAME["report_hash"]] == [palette[code] for code in codes]


def test_ranges_hold_their_ends_and_nothing_that_is_missing() -> None:
    frame = {
        "adc.bits": np.array([3, 4, 5]),
        "accuracy": np.array([0.9, np.nan, 0.8]),
        "network": np.array(list("abc")),
    }
    assert within(frame, {}).tolist() == [True] * 3
    assert within(frame, {"adc.bits": (4, None)}).tolist() == [False, True, True]
    assert within(frame, {"adc.bits": (None, 4)}).tolist() == [True, True, False]
    assert within(frame, {"accuracy": (None, None)}).tolist() == [True, False, True]
    assert within(frame, {"network": ("b", "b"), "gone": (1, 2)}).tolist() == [False, True, False]


def test_a_cloud_of_very_many_says_little_of_each_and_of_none_nothing() -> None:
    rng = np.random.default_rng(0)
    count = 4000
    frame = {
        "report_hash": np.arange(count).astype(str),
        "adc.bits": rng.integers(3, 9, count),
        "edap": 10 ** rng.normal(-11, 0.5, count),
        "tops_per_watt": 10 ** rng.normal(1, 0.5, count),
    }
    front = np.zeros(count, bool)
    front[:5] = True
    figure = pareto_figure(frame, "edap", "tops_per_watt", "edap", front)
    told = {len(trace.customdata): trace.text for trace in figure.data if trace.customdata}
    assert told[count - 5] is None
    assert "adc.bits" in told[5][0]
    assert 10.0 ** figure.data[1].marker.colorbar.tickvals[0] <= 1e12 * frame["edap"].min()  # by the logarithm
    nothing = pareto_figure(frame, "edap", "tops_per_watt", "edap", front, meets=np.zeros(count, bool))
    assert [trace.name for trace in nothing.data] == ["outside the limits"]


def test_a_switch_is_an_axis_of_numbers_that_can_be_brushed() -> None:
    frame = {"report_hash": np.array(["a", "b", "c"]), "device.ideal": np.array([True, False, True])}
    axis = line_axis(frame, "device.ideal")
    assert axis is not None
    assert (axis.levels, axis.places(frame["device.ideal"]).tolist()) == ((0, 1), [1.0, 0.0, 1.0])
    assert within(frame, {"device.ideal": (1, 1)}).tolist() == [True, False, True]
