"""Imported results in the explorer: every page says at once what they lack, and shows what they have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dash_calls import caller

from explorer_app import create_app
from explorer_app.reader import Reader
from explorer_app.share.callbacks import study_file
from spikesim_py.sweep import Study, import_results

Call = Callable[..., dict[str, Any]]
TABLE = """network,crossbar.rows,adc.bits,accuracy,energy_pj,edap,note
theirs,64,4,0.9,1e6,1e-12,<b>first</b>
theirs,128,4,0.95,2e6,3e-12,second
theirs,128,5,0.94,,4e-12,third
"""


@pytest.fixture
def imported(tmp_path: Path) -> Study:
    path = tmp_path / "theirs.csv"
    path.write_text(TABLE)
    return import_results(path, tmp_path / "theirs.db")


@pytest.fixture
def call(imported: Study) -> Call:
    return caller(create_app(imported.path))


def test_every_page_says_at_once_what_works(call: Call) -> None:
    told = str(call("status.children")["notice"])
    assert "imported as numbers, without reports" in told
    assert "All of the Pareto page works" in told


def test_a_chosen_result_shows_its_numbers_and_its_standing(imported: Study, call: Call) -> None:
    first, second, third = (str(found) for found in imported.frame()["report_hash"])
    shown = call("detail-head.children", selected=second)
    assert shown["detail"]["style"] == {}
    assert shown["detail-report"]["style"] == {"display": "none"}
    assert "crossbar.rows = 128" in str(shown["detail-head"])
    assert "2.000 µJ" in str(shown["detail-head"])
    page = call("design-head.children", selected=second, tab="costs")
    assert "An imported result has no breakdown" in str(page["design-head"])
    assert page["design-hint"]["style"] == page["design-page"]["style"] == {"display": "none"}
    assert page["design-card"]["style"] == {}
    axes = {"x": "edap", "y": "accuracy"}
    why = str(call("detail-why.children", selected=third, **axes)["detail-why"])
    assert "1 design beats it in EDAP and accuracy together" in why
    assert "adc.bits 4 instead of 5" in why
    assert "the best in 2 of 3 metrics" in str(call("design-why.children", selected=first)["design-why"])
    assert "<b>first</b>" in str(call("design-head.children", selected=first, tab="costs"))  # a text, as it was given
    gone = call("design-head.children", selected="of another study", tab="costs")
    assert gone["design-hint"]["style"] == {}
    assert gone["design-card"]["style"] == {"display": "none"}


def test_what_if_starts_from_names(call: Call, imported: Study) -> None:
    names = {"what-start": "design", "what-network": "digits-w2", "what-chip": "rram_32nm", "what-asked": {}}
    found = call("what-stops.data", selected=str(imported.frame()["report_hash"][0]), **names)
    assert found["what-stops"]["data"]
    assert found["what-names"]["style"] == {}
    assert found["what-problem"]["children"] is None


def test_compare_and_share_say_that_reports_are_missing(call: Call, imported: Study) -> None:
    chosen = [str(found) for found in imported.frame()["report_hash"]]
    shown = call("compare-bars.figure", compared=chosen, **{"compare-by": "layer", "compare-quantity": "energy_pj"})
    assert "Imported results have no reports" in str(shown["compare-hint"])
    assert "compare-picks" not in str(shown["compare-hint"])
    assert "Imported results have no reports" in str(call("share-latex.children", compared=[])["share-designs"])
    page = study_file(Reader(imported.path), "html").decode()
    assert "imported as numbers" in page
    assert "nan" not in page[page.index("<h2>Pareto front") :]


def test_rows_claim_no_interval_that_is_not_stated(call: Call) -> None:
    request = {"designs.getRowsRequest": {"startRow": 0, "endRow": 9, "sortModel": []}, "x": "edap", "y": "accuracy"}
    rows = call("designs.getRowsResponse", **request)["designs"]["getRowsResponse"]["rowData"]
    assert [row["interval"] for row in rows] == ["", "", ""]


def test_its_fields_are_axes_and_colours_of_the_page(call: Call) -> None:
    page = {"x": "edap", "y": "accuracy", "color": "weight_bits", "of": "measured"}
    offered = call("color.data", **page)
    assert offered["color"]["value"] == "adc.bits"
    assert "crossbar.rows" in str(offered["color"]["data"])
    lines = call("lines-axes.data", **page, **{"lines-axes": [], "matrix-axes": []})["lines-axes"]["value"]
    assert {"crossbar.rows", "adc.bits"} <= set(lines)
