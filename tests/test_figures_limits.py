"""Limits on metrics, sizes of markers, and colours in the dark: what they do to data, not how they look."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from study_data import study

from spikesim_py.figures import breakdown_figure, pareto_figure, themed
from spikesim_py.figures.limits import Limit, limits, meets
from spikesim_py.figures.pareto import marker_sizes, pareto_points
from spikesim_py.figures.style import _DARK, CATEGORIES, COMPONENTS, INK, PAPER


def test_every_metric_that_differs_has_a_slider_over_its_whole_range() -> None:
    frame = study().frame()
    found = {limit.name: limit for limit in limits(frame)}
    assert list(found) == ["accuracy", "edap", "energy_pj", "area_um2", "tops_per_watt"]  # latencies are alike here
    for name, limit in found.items():
        for place in (limit.low, limit.high):
            assert frame[name].min() * 0.98 <= limit.at(place) <= frame[name].max() * 1.02
        assert limit.value(limit.loosest) is None


def test_the_loosest_limit_rules_nothing_out_and_the_strictest_leaves_next_to_nothing() -> None:
    frame = study().frame()
    for limit in limits(frame):
        strict = limit.high if limit.at_least else limit.low
        value = limit.value(strict)
        assert value is not None
        kept = meets(frame, {limit.name: value})
        assert 1 <= kept.sum() < len(kept)
        assert meets(frame, {limit.name: limit.at(limit.loosest)}).all()
    assert meets(frame, {}).all()


@given(value=st.floats(1e-15, 1e15))
def test_a_limit_comes_back_from_its_place(value: float) -> None:
    limit = Limit("energy_pj", -20.0, 20.0)
    assert limit.value(limit.place(value)) == pytest.approx(value, rel=1e-3)


accuracies = st.lists(st.floats(0.0, 1.0).map(lambda value: round(value, 4)), min_size=2, max_size=30)


@given(accuracies, st.floats(0.0, 1.0))
def test_an_accuracy_limit_is_told_as_it_is_and_even_the_strictest_leaves_a_design(
    values: list[float], share: float
) -> None:
    frame = {"accuracy": np.array(values)}
    for limit in limits(frame):
        place = limit.low + share * (limit.high - limit.low)
        value = limit.value(place)
        if value is None:
            assert place <= limit.low
            continue
        assert meets(frame, {"accuracy": value}).any()
        assert limit.value(limit.place(value)) in (value, None)  # as an address keeps it
        assert float(limit.words(value).removeprefix("at least ").removesuffix(" %")) == pytest.approx(100 * value)


@given(st.lists(st.floats(1e-14, 1e9), min_size=2, max_size=9))
@example([1.0, 12.445616336433314])  # four digits of its step are above it
@example([6.918039294813953e-14, 1.0])
def test_the_best_design_meets_the_strictest_limit(values: list[float]) -> None:
    frame = {"tops_per_watt": np.array(values), "edap": np.array(values)}
    for limit in limits(frame):
        strict = limit.value(limit.high if limit.at_least else limit.low)
        assert strict is not None
        assert meets(frame, {limit.name: strict}).any()


def test_there_is_room_near_a_perfect_score() -> None:
    (limit,) = limits({"accuracy": np.array([0.3, 0.8, 0.99])})
    share = (limit.place(0.99) - limit.place(0.95)) / (limit.high - limit.low)
    assert share > 0.3  # of the slider's length; evenly spaced it was 6 %
    assert Limit("accuracy", 0.0, 3.0).place(1.0) == pytest.approx(3.0)


def test_stricter_limits_never_let_more_designs_through() -> None:
    frame = study().frame()
    values = np.sort(frame["edap"])
    kept = [meets(frame, {"edap": value, "accuracy": 0.9}).sum() for value in values]
    assert kept == sorted(kept)
    assert meets(frame, {"accuracy": 0.9}).sum() == kept[-1]


def test_a_design_without_the_metric_does_not_meet_its_limit() -> None:
    frame = study().frame()
    frame["accuracy"] = np.where(np.arange(len(frame["accuracy"])) == 0, np.nan, frame["accuracy"])
    assert not meets(frame, {"accuracy": 0.0})[0]


def test_a_limit_is_told_with_its_unit() -> None:
    assert Limit("area_um2", 0, 9).words(2.5e6) == "at most 2.50 mm²"
    assert Limit("accuracy", 0, 1).words(0.95) == "at least 95.0 %"
    assert Limit("accuracy", 0, 1).words(0.9951) == "at least 99.51 %"
    assert Limit("accuracy", 0, 1).words(None) == "any"


def test_designs_outside_the_limits_stay_as_dots_that_can_be_clicked() -> None:
    source = study()
    frame = source.frame()
    kept = meets(frame, {"accuracy": 0.88})
    figure = pareto_figure(frame, meets=kept, front=source.on_front("accuracy", "edap") & kept)
    outside = next(trace for trace in figure.data if trace.name == "outside the limits")
    assert set(outside.customdata) == set(frame["report_hash"][~kept])
    inside = [
        design for trace in figure.data if trace.customdata and trace is not outside for design in trace.customdata
    ]
    assert sorted(inside) == sorted(frame["report_hash"][kept])
    assert len(pareto_points(frame, "edap", "accuracy", None, kept).rows) == kept.sum()


def test_sizes_grow_with_the_value_from_the_least_to_the_largest() -> None:
    frame = study().frame()
    sizes = marker_sizes(frame, "energy_pj")
    assert (sizes.min(), sizes.max()) == (6.0, 22.0)
    order = np.argsort(frame["energy_pj"], kind="stable")
    assert (np.diff(sizes[order]) >= 0).all()
    even = marker_sizes({"a": np.array([1.0, 2.0, 3.0])}, "a")  # equal steps of the value, equal steps of the area
    assert np.diff(even**2) == pytest.approx([224, 224])
    unknown = marker_sizes({"a": np.array([np.nan, 1.0, 5.0])}, "a")
    assert unknown.tolist() == [6.0, 6.0, 22.0]
    figure = pareto_figure(frame, size="energy_pj")
    drawn = np.concatenate([trace.marker.size for trace in figure.data if trace.customdata])
    assert sorted(drawn) == pytest.approx(sorted(sizes))


def test_a_dark_figure_has_the_same_data_and_none_of_our_light_colours() -> None:
    item = next(iter(study().reports.values()))
    light = breakdown_figure(item["tree"], "energy_pj")
    assert themed(light, "light") is light
    assert themed(light, None) is light
    dark = themed(light, "dark")
    assert [list(trace.x) for trace in dark.data] == [list(trace.x) for trace in light.data]
    text = dark.to_json()
    for color in (INK, PAPER, COMPONENTS[0]):
        assert color not in text
    assert dark.layout.template.layout.paper_bgcolor == _DARK[PAPER]


def _luminance(color: str) -> float:
    """Relative luminance (WCAG 2.2) of `#rrggbb`."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_every_dark_colour_stands_out_from_its_ground() -> None:
    """3:1 at least, as WCAG 2.2 asks of what a graph shows (1.4.11); 7:1 for text."""
    ground = _luminance(_DARK[PAPER])
    for color in (*CATEGORIES, *COMPONENTS, "#BBBBBB"):
        assert (_luminance(_DARK[color]) + 0.05) / (ground + 0.05) >= 3
    assert (_luminance(_DARK[INK]) + 0.05) / (ground + 0.05) >= 7


def test_dark_steps_of_a_scale_are_lit_up() -> None:
    figure = pareto_figure(study().frame())
    colors = {trace.marker.color for trace in themed(figure, "dark").data if trace.customdata}
    assert len(colors) == 3
    for color in colors:
        red, green, blue = (float(part) for part in color[4:-1].split(","))
        assert (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255 > 0.35
