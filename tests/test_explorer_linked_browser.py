"""Linked brushing in a real browser: a range in one view greys out the rest in all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Browser, browser, need_browser
from study_data import Shelf, study
from test_explorer_browser import check_quiet, open_tab, press_keys, served

from explorer_app import create_app

pytestmark = pytest.mark.browser
FRAME = study().frame()
SIX_BITS = int((FRAME["adc.bits"] == 6).sum())


@pytest.fixture(scope="module")
def page() -> Iterator[Browser]:
    need_browser()
    with browser() as found:
        yield found


@pytest.fixture
def opened(
    page: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[Browser]:
    """The Pareto page with its parallel coordinates open."""
    shelf = Shelf(tmp_path / "study.db")
    monkeypatch.setattr("explorer_app.reader.load_study", shelf.load)
    with served(create_app(shelf.path)) as url:
        page.open(f"{url}/?below=lines&axes=network,crossbar.rows,adc.bits,accuracy,edap")
        page.wait(lambda: kept(page, "parallel") == 18, "a line per design")
        yield page
        page.open("about:blank")
    check_quiet(page, caplog)


def kept(page: Browser, place: str) -> int:
    """Designs that a canvas draws in colour; -1 before it has drawn."""
    return int(page.js("return document.getElementById(arguments[0])?.dataset.kept ?? -1", place) or -1)


def grey(page: Browser) -> int:
    """Designs that the cloud draws as outside."""
    return int(
        page.js(
            "const drawn = document.querySelector('#pareto .js-plotly-plot')._fullData;"
            "const grey = drawn.find(t => t.name === 'outside the limits'); return grey ? grey.x.length : 0"
        )
    )


def axis(page: Browser, name: str) -> tuple[float, float, float]:
    """Viewport coordinates of an axis: x, its upper and its lower end."""
    found = page.js(
        "const place = document.getElementById('parallel'); place.scrollIntoView({block: 'center'});"
        "const name = [...place.querySelectorAll('.line-name')].find(e => e.dataset.name === arguments[0]);"
        "const r = name.parentElement.getBoundingClientRect(), p = place.getBoundingClientRect();"
        "return [r.x + r.width / 2, p.y + 54, p.y + 374]",
        name,
    )
    return found[0], found[1], found[2]


def order(page: Browser) -> list[str]:
    return str(page.js("return document.getElementById('parallel').dataset.axes")).split(",")


def field(page: Browser, label: str) -> Any:
    return page.js("return document.querySelector(`[aria-label='${arguments[0]}']`).value", label)


def test_a_range_on_an_axis_greys_out_the_rest_everywhere(opened: Browser) -> None:
    page = opened
    x, top, bottom = axis(page, "adc.bits")
    page.drag((x, top - 8), (x, top + (bottom - top) * 0.2))
    page.wait(lambda: kept(page, "parallel") == SIX_BITS, "lines of six bits")
    page.wait(lambda: grey(page) == 18 - SIX_BITS, "grey points")
    page.wait(lambda: "brush=adc.bits" in page.js("return location.search"), "the range in the address")
    assert (field(page, "least adc.bits"), field(page, "most adc.bits")) == ("6", "6")
    open_tab(page, "Scatter matrix")
    page.wait(lambda: kept(page, "matrix") == SIX_BITS, "points of six bits")
    open_tab(page, "Table")
    page.wait(lambda: page.text("#table-note") == f"{SIX_BITS} of 18 designs pass", "the count of rows")
    page.wait(lambda: page.count("#designs .ag-center-cols-container .ag-row") == SIX_BITS, "rows of six bits")
    open_tab(page, "Parallel coordinates")
    page.js("document.querySelector(\"[aria-label='least adc.bits']\").focus()")
    press_keys(page, "ARROW_DOWN")  # one level less
    wider = int((FRAME["adc.bits"] >= 5).sum())
    page.wait(lambda: kept(page, "parallel") == wider and grey(page) == 18 - wider, "lines of five bits, too")
    page.click("#unbrush")
    page.wait(lambda: kept(page, "parallel") == 18 and grey(page) == 0, "all of them")


def test_a_filter_that_is_none_says_so_and_axes_stay_where_they_were_put(opened: Browser) -> None:
    page = opened
    press_keys(page, "/", *"adc.bits > six")
    page.wait(lambda: "must be a number" in page.text("#filter-problem"), "what is wrong")
    press_keys(page, *["BACKSPACE"] * 3, "5")
    page.wait(lambda: kept(page, "parallel") == SIX_BITS and grey(page) == 18 - SIX_BITS, "filtered lines and points")
    assert page.text("#filter-problem") == ""
    page.js("[...document.querySelectorAll('.line-name')].find(e => e.dataset.name === 'edap').focus()")
    press_keys(page, "ARROW_LEFT")
    moved = ["network", "crossbar.rows", "adc.bits", "edap", "accuracy"]
    page.wait(lambda: order(page) == moved, "the moved axis")
    page.wait(lambda: "adc.bits,edap" in page.js("return location.search"), "the order in the address")
    page.driver.refresh()
    page.wait(lambda: kept(page, "parallel") == SIX_BITS, "the same lines after a reload")
    assert order(page) == moved


@pytest.mark.slow
def test_an_axis_is_dragged_a_line_is_chosen_and_a_box_is_drawn(opened: Browser) -> None:
    page = opened
    (x, top, _), (to, _, _) = axis(page, "network"), axis(page, "accuracy")
    page.drag((x, top - 30), (to, top - 30))
    page.wait(lambda: order(page)[3] == "network", "the dragged axis")
    between = [axis(page, name) for name in order(page)[:2]]
    middle = (between[0][0] + between[1][0]) / 2
    for share in np.linspace(0.03, 0.97, 25):
        page.click_at(middle, between[0][1] + share * (between[0][2] - between[0][1]))
        if page.text(".hash"):
            break
    page.wait(lambda: page.text(".hash") != "", "the design of a line")
    open_tab(page, "Scatter matrix")
    page.wait(lambda: kept(page, "matrix") == 18, "all points")
    box = page.js("const r = document.getElementById('matrix').getBoundingClientRect(); return [r.x, r.y]")
    page.drag((box[0] + 70, box[1] + 12), (box[0] + 160, box[1] + 70))
    page.wait(lambda: 0 <= kept(page, "matrix") < 18, "fewer points")
    page.wait(lambda: grey(page) == 18 - max(kept(page, "matrix"), 0), "the others grey in the cloud")
    page.wait(lambda: page.js("return location.search").count("%3A") == 2, "two ranges in the address")
