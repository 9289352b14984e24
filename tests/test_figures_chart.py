"""Charts as SVG text: what is drawn where."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesim_py.figures.chart import Axis, Range, Series, range_chart, xy_chart

SVG = "{http://www.w3.org/2000/svg}"


def circles(svg: str, radius: str) -> list[tuple[float, float]]:
    found = [node for node in ElementTree.fromstring(svg).iter(f"{SVG}circle") if node.get("r") == radius]
    return [(float(node.get("cx", "")), float(node.get("cy", ""))) for node in found]


def test_points_go_right_and_up() -> None:
    points = circles(xy_chart([Series("a < b", (1, 2, 3), (10, 20, 30))], Axis("x"), Axis("y")), "3.2")
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert [y for _, y in points] == sorted((y for _, y in points), reverse=True)


def test_a_log_axis_has_equal_steps_for_equal_ratios() -> None:
    svg = xy_chart([Series("a", (1, 10, 100), (1, 1, 1), line=False)], Axis("x", log=True), Axis("y"))
    (first, _), (second, _), (third, _) = circles(svg, "3.2")
    assert third - second == pytest.approx(second - first, abs=0.11)
    assert "polyline" not in svg


def test_a_log_axis_refuses_zero() -> None:
    with pytest.raises(ValueError, match="x: 0 cannot"):
        xy_chart([Series("a", (0, 1), (1, 1))], Axis("x", log=True), Axis("y"))


def test_a_range_has_its_value_inside_and_a_ring_where_it_was_measured() -> None:
    svg = range_chart([Range("a & b", 2, 1, 4, 3.0), Range("c", 2, 1, 4)], Axis("pJ"))
    drawn = circles(svg, "4")[1:]  # the first is the legend's
    rings = circles(svg, "5")[1:]
    assert len(drawn) == 2
    assert len(rings) == 1
    assert rings[0][0] > drawn[0][0]


def words(svg: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_less_than_two_decades_have_ticks_between() -> None:
    svg = xy_chart([Series("a", (1, 2), (3000, 11_000))], Axis("x"), Axis("y", log=True))
    assert [word for word in words(svg) if word.endswith("000")] == ["2000", "5000", "10000", "20000"]


def test_an_axis_that_need_not_show_zero_shows_the_data() -> None:
    svg = xy_chart([Series("a", (1, 2, 3), (0.95, 0.97, 0.99))], Axis("x"), Axis("y", zero=False))
    ys = [y for _, y in circles(svg, "3.2")]
    assert ys[0] - ys[2] > 200
    flat = xy_chart([Series("a", (1, 2), (5, 5))], Axis("x"), Axis("y", zero=False))
    assert len({y for _, y in circles(flat, "3.2")}) == 1


def test_an_axis_of_names_has_one_tick_each() -> None:
    svg = xy_chart([Series("a", (0, 1, 2), (1, 2, 3))], Axis("way", names=("one", "two", "three")), Axis("y"))
    assert [word for word in words(svg) if word in ("one", "two", "three")] == ["one", "two", "three"]


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=8), st.booleans())
def test_whatever_is_drawn_on_other_axes_lies_on_the_chart(values: list[float], log: bool) -> None:
    svg = xy_chart([Series("a", range(len(values)), values)], Axis("x"), Axis("y", log=log, zero=False))
    assert all(-0.1 <= y <= 380 for _, y in circles(svg, "3.2"))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8))
def test_whatever_is_drawn_lies_on_the_chart(values: list[float]) -> None:
    svg = xy_chart([Series("a", range(len(values)), values)], Axis("x"), Axis("y"), width=640, height=380)
    for x, y in circles(svg, "3.2"):
        assert -0.1 <= x <= 640
        assert -0.1 <= y <= 380
