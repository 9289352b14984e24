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


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8))
def test_whatever_is_drawn_lies_on_the_chart(values: list[float]) -> None:
    svg = xy_chart([Series("a", range(len(values)), values)], Axis("x"), Axis("y"), width=640, height=380)
    for x, y in circles(svg, "3.2"):
        assert -0.1 <= x <= 640
        assert -0.1 <= y <= 380
