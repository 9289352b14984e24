"""Designs side by side and two studies on one map: data of the figures, and the fronts' difference."""

from __future__ import annotations

import numpy as np
import pytest
from study_data import report, study

from spikesim_py.diff import diff
from spikesim_py.errors import InputError
from spikesim_py.figures import compare_figure, fronts_figure
from spikesim_py.figures.compare import side_by_side
from spikesim_py.sweep import compare_fronts

REPORTS = [report(8), report(4), report(2)]
DIFFS = [diff(REPORTS[0], other).to_dict() for other in REPORTS[1:]]


def test_the_parts_of_every_design_sum_to_its_total() -> None:
    found = side_by_side(DIFFS, "energy_pj")
    assert found.values.shape == (5, 3)
    np.testing.assert_allclose(found.values.sum(axis=0), found.totals)
    np.testing.assert_allclose(found.totals, [item.energy_pj for item in REPORTS])
    assert list(found.values.max(axis=1)) == sorted(found.values.max(axis=1), reverse=True)


def test_bars_that_are_too_many_are_summed_and_each_tells_its_change() -> None:
    figure = compare_figure(side_by_side(DIFFS, "energy_pj"), "energy_pj", most=3)
    assert [len(bar.y) for bar in figure.data] == [3, 3, 3]
    assert figure.data[0].y[-1] == "other"
    assert figure.data[1].customdata[0][1] == "(-50.0 %)"
    whole = compare_figure(side_by_side(DIFFS, "energy_pj"), "energy_pj")
    assert sum(figure.data[2].x) == pytest.approx(sum(whole.data[2].x))


def test_a_report_compares_as_its_plain_data_does_and_other_data_is_refused() -> None:
    plain = [item.to_dict() for item in REPORTS[:2]]
    assert diff(*plain, by="layer").to_dict() == diff(*REPORTS[:2], by="layer").to_dict()
    with pytest.raises(InputError, match="'tree' is missing"):
        diff(plain[0], plain[1] | {"tree": None})


def test_the_front_of_better_designs_dominates_more() -> None:
    small, large = study(bits=(2, 4)).frame(), study().frame()
    found = compare_fronts(small, large, ["accuracy", "edap"])
    assert found.difference > 0
    assert found.together == pytest.approx(found.volumes[1])  # the larger one holds all designs of the smaller
    assert found.beaten[1] == 0
    swapped = compare_fronts(large, small, ["accuracy", "edap"])
    assert swapped.volumes == found.volumes[::-1]
    assert swapped.beaten == found.beaten[::-1]
    same = compare_fronts(small, small, ["accuracy", "edap"])
    assert same.difference == 0
    assert same.beaten == (0, 0)


def test_a_study_without_the_metric_is_named() -> None:
    frame = study().frame()
    with pytest.raises(InputError, match="study B: no design has accuracy and edap"):
        compare_fronts(frame, frame | {"accuracy": np.full(18, np.nan)}, ["accuracy", "edap"])
    with pytest.raises(InputError, match="study A: no design has edap"):
        compare_fronts({"accuracy": frame["accuracy"]}, frame, ["accuracy", "edap"])


def test_the_two_fronts_share_units_and_every_point_is_there_once() -> None:
    first, second = study(bits=(2,)).frame(), study(bits=(8,)).frame()
    second = second | {"edap": second["edap"] * 1e4}  # whose own prefix would be another
    found = compare_fronts(first, second, ["accuracy", "edap"])
    figure = fronts_figure([first, second], found.fronts, ["one", "two"], "edap", "accuracy")
    drawn = np.sort(np.concatenate([np.asarray(trace.x, float) for trace in figure.data]))
    given = np.sort(np.concatenate([first["edap"], second["edap"]]))
    np.testing.assert_allclose(drawn / drawn[0], given / given[0])
    lines = [trace for trace in figure.data if trace.mode == "lines+markers"]
    assert [len(line.x) for line in lines] == [int(front.sum()) for front in found.fronts]
    assert [line.name for line in lines] == ["one", "two"]
