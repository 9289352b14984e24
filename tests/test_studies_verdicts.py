"""Numbers to verdicts, and charts that hold several."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesim_py.figures.chart import Axis, Series, xy_chart
from spikesim_py.figures.panels import panels, steps_chart
from spikesim_py.studies.verdicts import (
    at_most_a_trend,
    bound_claim,
    change_claim,
    change_verdict,
    exact_claim,
    ratio_claim,
    ratio_verdict,
)

factors = st.floats(0.01, 100)


@given(factors, factors)
def test_a_ratio_and_its_inverse_fare_alike(published: float, found: float) -> None:
    assert ratio_verdict(published, found) == ratio_verdict(1 / published, 1 / found)


@given(factors)
def test_what_is_published_reproduces_itself(published: float) -> None:
    assert ratio_verdict(published, published) == "reproduced"
    assert ratio_verdict(published, published * 1.09) == "reproduced"


@pytest.mark.parametrize(
    ("published", "found", "verdict"),
    [(10, 11.5, "trend only"), (10, 1.1, "trend only"), (10, 0.99, "not reproduced"), (1, 1.2, "not reproduced")],
)
def test_a_trend_is_on_the_same_side_of_no_change(published: float, found: float, verdict: str) -> None:
    assert ratio_verdict(published, found) == verdict


def test_a_saving_is_judged_by_what_is_left() -> None:
    """Of -80 %, 20 % are left: -75 % leaves a quarter more, and is no reproduction."""
    assert change_verdict(-0.8, -0.79) == "reproduced"
    assert change_verdict(-0.8, -0.75) == "trend only"
    assert change_verdict(-0.8, 0.1) == "not reproduced"


def test_claims_say_both_numbers_and_the_source() -> None:
    claim = ratio_claim("faster", 2.0, "someone, abstract", 3.0)
    assert (claim.published, claim.found, claim.verdict) == ("2.000x (someone, abstract)", "3.00x", "trend only")
    assert change_claim("less", -0.8, "s", -0.4).found == "-40.0%"
    assert bound_claim("share", 0.11, "s", 0.1101).verdict == "reproduced"
    assert bound_claim("share", 0.11, "s", 0.11).verdict == "not reproduced"
    assert exact_claim("energy", 3.0, "s", 3.0 + 1e-8, "pJ").verdict == "not reproduced"
    assert exact_claim("energy", 3.0, "s", 3.0, "pJ").verdict == "reproduced"


def test_another_comparison_is_a_trend_at_most() -> None:
    same, worse = (ratio_claim("x", 2.0, "s", found) for found in (2.0, 0.5))
    assert at_most_a_trend(same).verdict == "trend only"
    assert at_most_a_trend(worse) == worse


def _chart(width: int) -> str:
    return xy_chart([Series("a", [1, 2], [3, 4])], Axis("x"), Axis("y"), width=width)


def test_panels_hold_every_chart_side_by_side() -> None:
    page = ElementTree.fromstring(panels([("one", _chart(300)), ("two", _chart(400)), ("three", _chart(300))]))
    frames = [node for node in page if node.tag.endswith("svg")]
    assert [(float(f.get("x", "")), float(f.get("width", ""))) for f in frames] == [(0, 300), (400, 400), (0, 300)]
    assert float(frames[2].get("y", "")) > float(frames[0].get("y", ""))
    width, height = map(float, page.get("viewBox", "").split()[2:])
    assert width == 800
    assert height >= float(frames[2].get("y", "")) + float(frames[2].get("height", ""))


def test_a_waterfall_says_by_which_factor_each_step_goes() -> None:
    text = steps_chart([("first", 10.0), ("doubled", 20.0), ("same", 20.0), ("quarter", 5.0)], Axis("e", log=True))
    words = [node.text for node in ElementTree.fromstring(text).iter() if node.text and node.text.startswith("x ")]
    assert words == ["x 2", "x 0.25"]
