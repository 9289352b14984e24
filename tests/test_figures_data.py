"""Figures: the data they extract, and that nothing is lost on the way to the drawing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from study_data import report, study, tree

from spikesim_py._units import Scale, engineering, number, scale_for
from spikesim_py.cost.tree import branch, component
from spikesim_py.figures import GRAPH_CONFIG, breakdown_figure, layer_activity_figure, pareto_figure
from spikesim_py.figures.activity import activity_rates
from spikesim_py.figures.breakdown import QUANTITIES, breakdown
from spikesim_py.figures.columns import column, shown, varying
from spikesim_py.figures.pareto import color_groups, pareto_points
from spikesim_py.figures.picks import best_designs
from spikesim_py.figures.style import COMPONENTS
from spikesim_py.figures.trust import grade_shares, sources
from spikesim_py.report import METRICS


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (15_906_934.026, "pJ", "15.91 µJ"),
        (460.0, "pJ", "460.0 pJ"),
        (8350.0, "ns", "8.350 µs"),
        (3_338_000.0, "µm²", "3.338 mm²"),
        (0.9832, "-", "98.32 %"),
        (8e-12, "J·s·mm²", "8.000 pJ·s·mm²"),
        (3.48e6, "1/J", "3.48×10⁶ /J"),
        (0.0, "pJ", "0 J"),
        (float("nan"), "TOPS", "– TOPS"),
    ],
)
def test_numbers_read_as_an_engineer_writes_them(value: float, unit: str, text: str) -> None:
    assert engineering(value, unit) == text


@given(st.floats(1e-3, 1e18), st.sampled_from(["pJ", "ns"]))
def test_a_prefix_leaves_one_to_three_digits_before_the_point(value: float, unit: str) -> None:
    assert 1 - 1e-6 <= value * scale_for(value, unit).factor < 1000 * (1 + 1e-6)


@given(st.floats(1e-18, 1e-3))
def test_edap_and_area_have_one_unit_whatever_their_size(value: float) -> None:
    assert scale_for(value, "J·s·mm²") == Scale(1e12, "pJ·s·mm²")
    assert scale_for(value, "µm²") == Scale(1e-6, "mm²")


@given(st.floats(-1e12, 1e12, allow_nan=False))
def test_a_written_number_keeps_its_digits(value: float) -> None:
    back = number(value, 4).translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")).replace("×10", "e")
    assert math.isclose(float(back), value, rel_tol=6e-4)


def _dominated(x: np.ndarray, y: np.ndarray, larger_x: bool, larger_y: bool) -> np.ndarray:
    a, b = x * (1 if larger_x else -1), y * (1 if larger_y else -1)
    return np.array([((a >= p) & (b >= q) & ((a > p) | (b > q))).any() for p, q in zip(a, b, strict=True)])


def _attained(at: float, x: np.ndarray, y: np.ndarray, shape: str) -> float | None:
    """The step line drawn through (x, y) at one place, or None beyond its ends."""
    if not x[0] <= at <= x[-1]:
        return None
    side = "right" if shape == "hv" else "left"
    index = int(np.searchsorted(x, at, side)) - (1 if shape == "hv" else 0)
    return float(y[index])


@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), min_size=2, max_size=25, unique=True),
    st.sampled_from(["energy_pj", "tops_per_watt"]),
    st.sampled_from(["latency_ns", "tops"]),
)
def test_no_design_lies_beyond_the_front_line(pairs: list[tuple[int, int]], x: str, y: str) -> None:
    xs, ys = (np.array(v, float) for v in zip(*pairs, strict=True))
    front = ~_dominated(xs, ys, METRICS[x][2], METRICS[y][2])
    points = pareto_points({x: xs, y: ys}, x, y, front)
    step_x, step_y, shape = points.step()
    assert (np.diff(step_x) >= 0).all()
    assert len(step_x) == front.sum()
    for px, py in zip(points.x, points.y, strict=True):
        line = _attained(px, step_x, step_y, shape)
        if line is not None:
            assert (py <= line + 1e-9) if METRICS[y][2] else (py >= line - 1e-9)


def test_points_are_in_shown_units_and_carry_the_interval() -> None:
    frame = study().frame()
    points = pareto_points(frame, "edap", "accuracy")
    assert points.up.unit == "%"
    assert np.allclose(points.y, frame["accuracy"] * 100)
    assert points.low is not None
    assert np.allclose(points.low, frame["accuracy_low"] * 100)
    assert np.allclose(points.x, frame["edap"] * points.across.factor)
    assert points.across.unit.endswith("J·s·mm²")


def test_designs_without_an_accuracy_are_left_out_of_an_accuracy_plot_only() -> None:
    frame = study().frame()
    frame["accuracy"][:4] = np.nan
    assert len(pareto_points(frame, "edap", "accuracy").x) == len(frame["edap"]) - 4
    assert len(pareto_points(frame, "edap", "energy_pj").x) == len(frame["edap"])


def _markers(figure: Any) -> list[Any]:
    return [trace for trace in figure.data if trace.customdata is not None and len(trace.x)]


@pytest.mark.parametrize("color", ["weight_bits", "network", "edap"])
def test_every_design_is_drawn_once_whatever_colours_it(color: str) -> None:
    source = study()
    frame = source.frame()
    front = source.on_front("accuracy", "edap")
    assert 1 < front.sum() < len(front)
    traces = _markers(pareto_figure(frame, "edap", "accuracy", color, front))
    drawn = [found for trace in traces for found in trace.customdata]
    assert sorted(drawn) == sorted(frame["report_hash"])
    # arrays of custom data vanish from Dash's click events
    assert all(isinstance(trace.customdata, tuple | list) for trace in traces)
    large = {found for trace in traces if trace.marker.size > 8 for found in trace.customdata}
    assert large == set(frame["report_hash"][front])


def test_confidence_bars_reach_the_interval() -> None:
    frame = study().frame()
    rows = {found: i for i, found in enumerate(frame["report_hash"])}
    for trace in _markers(pareto_figure(frame, log_y=False)):
        for k, found in enumerate(trace.customdata):
            row = rows[found]
            assert math.isclose(trace.y[k] + trace.error_y.array[k], 100 * frame["accuracy_high"][row])
            assert math.isclose(trace.y[k] - trace.error_y.arrayminus[k], 100 * frame["accuracy_low"][row])


def test_on_an_error_axis_bars_reach_the_interval_and_stop_short_of_perfection() -> None:
    frame = study().frame()
    frame["accuracy_high"][0] = 1.0
    rows = {found: i for i, found in enumerate(frame["report_hash"])}
    figure = pareto_figure(frame, log_y=True)
    assert figure.layout.yaxis.type == "log"
    assert figure.layout.yaxis.autorange == "reversed"
    assert dict(zip(figure.layout.yaxis.tickvals, figure.layout.yaxis.ticktext, strict=True))[5] == "95"
    for trace in _markers(figure):
        for k, found in enumerate(trace.customdata):
            row = rows[found]
            assert math.isclose(trace.y[k], 100 - 100 * frame["accuracy"][row])
            assert math.isclose(trace.y[k] + trace.error_y.array[k], 100 - 100 * frame["accuracy_low"][row])
            top = trace.y[k] - trace.error_y.arrayminus[k]
            assert math.isclose(top, max(0.05, 100 - 100 * frame["accuracy_high"][row]))


def test_a_perfect_accuracy_keeps_its_place_on_a_linear_axis() -> None:
    frame = study().frame()
    frame["accuracy"][0] = 1.0
    figure = pareto_figure(frame, log_y=True)
    assert figure.layout.yaxis.type == "linear"
    assert max(max(trace.y) for trace in _markers(figure)) == 100.0


def test_axes_say_unit_and_direction_and_are_logarithmic_only_where_they_can_be() -> None:
    frame = study().frame()
    figure = pareto_figure(frame, "edap", "accuracy", log_x=True, log_y=False)
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.yaxis.type == "linear"
    assert "J·s·mm²" in figure.layout.xaxis.title.text
    assert "←" in figure.layout.xaxis.title.text
    assert "→" in figure.layout.yaxis.title.text
    frame["edap"][0] = 0.0
    assert pareto_figure(frame, "edap", "accuracy", log_x=True).layout.xaxis.type == "linear"


def test_the_chosen_design_is_ringed() -> None:
    frame = study().frame()
    figure = pareto_figure(frame, selected=str(frame["report_hash"][3]), log_y=False)
    ring = next(trace for trace in figure.data if trace.name == "selected")
    assert math.isclose(ring.y[0], frame["accuracy"][3] * 100)
    assert not any(trace.name == "selected" for trace in pareto_figure(frame, selected="gone").data)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=40))
def test_colour_groups_share_out_the_points(values: list[int]) -> None:
    frame = {"adc.bits": np.array(values)}
    groups = color_groups(frame, np.arange(len(values)), "adc.bits")
    if len(set(values)) > 8:
        assert groups == []
        return
    assert sorted(np.concatenate([group.members for group in groups]).tolist()) == list(range(len(values)))
    assert len({group.color for group in groups}) == len({group.symbol for group in groups}) == len(groups)
    assert [int(group.name) for group in groups] == sorted(set(values))


def test_designs_without_a_value_are_a_group_of_their_own() -> None:
    frame = study().frame() | {"adc.bits": np.array([np.nan, 4.0] * 9)}
    groups = color_groups(frame, np.arange(18), "adc.bits")
    assert [(group.name, len(group.members)) for group in groups] == [("4", 9), ("none", 9)]


def test_columns_are_labelled_for_readers() -> None:
    frame = study().frame()
    assert varying(frame) == ["network", "weight_bits", "crossbar.rows", "adc.bits"]
    assert column(frame, "weight_bits").title == "weight bits"
    assert column(frame, "accuracy").title == "accuracy (%)"
    assert shown(frame, "adc.bits", [0, 2]) == ["4", "5"]
    assert shown({"network": np.array(["<b>x"])}, "network", [0]) == ["&lt;b&gt;x"]


LEAF = st.tuples(st.integers(0, 14), st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e6))


@given(st.lists(st.lists(LEAF, min_size=1, max_size=6), min_size=1, max_size=5))
def test_a_breakdown_loses_nothing(layers: list[list[tuple[int, float, float, float]]]) -> None:
    def leaf(part: tuple[int, float, float, float]) -> Any:
        name, energy, area, time = part
        return component(f"c{name}", energy_pj=energy, area_um2=area, critical_ns=time, grade="sourced", source="test")

    root = branch("chip", [branch(f"l{i}", [leaf(part) for part in parts]) for i, parts in enumerate(layers)])
    for quantity in QUANTITIES:
        data = breakdown(root.to_dict(), quantity)
        assert math.isclose(data.values.sum(), getattr(root, quantity), abs_tol=1e-6)
        for i, child in enumerate(root.children):
            assert data.layers[i] == child.name
            assert math.isclose(data.values[i].sum(), getattr(child, quantity), abs_tol=1e-6)
        assert len(data.components) <= len(COMPONENTS) + 1


@pytest.mark.parametrize("by", ["layer", "component"])
@pytest.mark.parametrize("quantity", list(QUANTITIES))
def test_bars_add_up_to_the_tree(quantity: Any, by: Any) -> None:
    root = tree()
    figure = breakdown_figure(root.to_dict(), quantity, by)
    drawn = sum(float(np.sum(trace.x)) for trace in figure.data if trace.type == "bar")
    scale = scale_for(getattr(root, quantity), QUANTITIES[quantity][1])
    assert math.isclose(drawn, getattr(root, quantity) * scale.factor)
    assert scale.unit in figure.layout.xaxis.title.text
    assert [t.type for t in figure.data].count("bar") == (5 if by == "layer" else 4)


def test_a_component_has_one_colour_in_every_figure() -> None:
    data = tree(components=12).to_dict()
    colors: dict[str, set[str]] = {}
    for quantity in QUANTITIES:
        for trace in breakdown_figure(data, quantity).data:
            if trace.type == "bar":
                colors.setdefault(trace.name, set()).update(trace.marker.color)
    assert "other" in colors
    assert all(len(found) == 1 for found in colors.values())


def test_components_without_the_quantity_have_no_bar() -> None:
    silent = component("mux", area_um2=5.0, grade="sourced", source="s")
    root = branch("chip", [branch("l", [silent, component("adc", energy_pj=2.0, grade="sourced", source="s")])])
    figure = breakdown_figure(root.to_dict(), "energy_pj", "component")
    assert figure.layout.yaxis.categoryarray == ("adc",)
    assert breakdown_figure(root.to_dict(), "area_um2", "component").layout.yaxis.categoryarray == ("mux",)
    assert len(breakdown_figure(root.to_dict(), "critical_ns", "component").layout.yaxis.categoryarray) == 0


def test_a_component_right_below_the_chip_is_shared() -> None:
    root = branch("chip", [component("NoC", energy_pj=2.0, grade="sourced", source="s")])
    assert breakdown(root.to_dict(), "energy_pj").layers == ("shared",)


def test_activity_shows_what_was_measured_and_nothing_else() -> None:
    activity = report().activity.to_dict()
    assert activity_rates(activity)["rate"] == [("layer0", 10.0), ("layer1", 20.0), ("layer2", pytest.approx(30.0))]
    for record in activity["layers"].values():
        record["clip_rate"] = None
    assert "clip_rate" not in activity_rates(activity)
    assert [trace.name for trace in layer_activity_figure(activity).data] == [
        "input activity",
        "output spike rate",
        "idle crossbar reads",
    ]


def test_grades_share_out_energy_and_area() -> None:
    root = tree()
    shares = grade_shares(root.to_dict())
    assert math.isclose(sum(energy for energy, _ in shares.values()), 1.0)
    assert math.isclose(sum(area for _, area in shares.values()), 1.0)
    assert math.isclose(shares["assumed"][0], root.share("assumed", "energy_pj"))
    assert {found.source for found in sources(root.to_dict())} == {
        node.source for _, node in root.walk() if node.source
    }


def test_the_designs_to_look_at_are_on_the_front_and_in_order() -> None:
    source = study()
    frame = source.frame()
    front = source.on_front("accuracy", "edap")
    picks = best_designs(frame, front)
    assert all(front[row] for row in picks.values())
    assert len(set(picks.values())) == len(picks)
    assert frame["accuracy"][picks["Most accurate"]] == frame["accuracy"].max()
    assert frame["edap"][picks["Smallest EDAP"]] == frame["edap"].min()


def test_where_no_interval_is_stated_the_accuracy_itself_counts() -> None:
    columns = {"accuracy": [0.9, 0.9, 0.8], "edap": [3.0, 2.0, 1.0], "accuracy_low": [np.nan] * 3}
    frame = {name: np.array(values) for name, values in columns.items()} | {"accuracy_high": np.array([np.nan] * 3)}
    picks = best_designs(frame, np.array([False, True, True]))
    assert picks == {"Most accurate": 1, "Smallest EDAP": 2}


def test_no_graph_offers_to_send_itself_away() -> None:
    assert GRAPH_CONFIG["showSendToCloud"] is False
    assert GRAPH_CONFIG["plotlyServerURL"] == ""
