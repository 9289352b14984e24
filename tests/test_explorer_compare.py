"""The Compare page without a browser: who gets there, what stands beside what, and two studies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dash_calls import caller
from study_data import MemoryStudy, Shelf, report, study

from explorer_app import create_app
from explorer_app.compare import layout
from explorer_app.compare.callbacks import changed
from explorer_app.compare.views import numbers

Call = Callable[..., dict[str, Any]]
REPORTS = [report(8, {"adc.bits": 6, "crossbar.rows": 128}), report(2, {"adc.bits": 4, "crossbar.rows": 64})]
HASHES = [item.report_hash for item in REPORTS]
VIEW = {"compare-by": "component", "compare-quantity": "energy_pj"}


@pytest.fixture
def call(shelf: Shelf) -> Call:
    return caller(create_app(shelf.path))


def test_buttons_add_designs_take_them_away_and_choose_the_first() -> None:
    assert changed("compare", "x", ["a"], []) == ["a", "x"]
    assert changed("compare", "a", ["a"], []) == ["a"]
    assert changed("compare-first", "b", ["a", "b", "c"], []) == ["b", "a", "c"]
    assert changed("compare-remove", "b", ["a", "b", "c"], []) == ["a", "c"]
    assert changed("compare-picks", "front", ["a"], ["p", "q"]) == ["p", "q"]
    assert changed("compare", "e", ["a", "b", "c", "d"], []) is None


def test_an_address_names_the_designs_at_most_four_each_once(call: Call) -> None:
    asked = call("compared.data", url="?designs=a,b,a,c,d,e", compared=None)
    assert asked["compared"]["data"] == ["a", "b", "c", "d"]
    assert call("compared.data", url="?designs=a,b", compared=["a", "b"]) == {}
    assert call("compared.data", url="", compared=["a", "b"]) == {}


def test_two_designs_stand_side_by_side_with_arrows(call: Call) -> None:
    found = call("compare-bars.figure", compared=HASHES, **VIEW)
    change = f"{REPORTS[1].energy_pj / REPORTS[0].energy_pj - 1:+.1%}".replace("-", "−")
    assert f"▼ {change}" in str(found["compare-rows"]["children"])
    assert f"▼ {change}" in str(found["compare-numbers"]["children"])
    assert len(found["compare-bars"]["figure"]["data"]) == 2
    assert "adc.bits" in str(found["compare-settings"]["children"])
    assert found["compare-page"]["style"] == {}


@pytest.mark.parametrize("known", [None, [], HASHES[:1], ["no such design", HASHES[0]]])
def test_fewer_than_two_designs_teach_how_to_compare(call: Call, known: list[str] | None) -> None:
    found = call("compare-bars.figure", compared=known, **VIEW)
    assert "+ compare" in str(found["compare-hint"]["children"])
    assert found["compare-page"]["style"] == {"display": "none"}
    assert "compare-bars" not in found


def test_accuracies_whose_intervals_overlap_are_a_tie() -> None:
    close = [report(8, accuracy=0.9).to_dict(), report(4, accuracy=0.91).to_dict()]
    apart = [report(8, accuracy=0.9).to_dict(), report(4, accuracy=0.5).to_dict()]
    assert "a tie" in str(numbers(close))
    assert "−40.00 points" in str(numbers(apart))
    assert "not measured" in str(numbers([close[0], report(2, accuracy=None).to_dict()]))


def test_two_studies_share_a_map_and_one_without_the_metric_is_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: dict[str, MemoryStudy] = {"one.db": study(), "two.db": study(bits=(2,)), "none.db": MemoryStudy([])}
    monkeypatch.setattr("explorer_app.reader.load_study", lambda path: held[path.name])
    paths = [tmp_path / name for name in held]
    for path in paths:
        path.write_text("x")
    call = caller(create_app(paths[0], others=paths[1:]))
    axes = {"studies-across": "edap", "studies-up": "accuracy"}
    found = call("studies-fronts.figure", **axes, **{"studies-other": "0"})
    assert "two.db" in found["studies-note"]["children"]
    assert "−" in found["studies-note"]["children"]  # it holds fewer designs
    empty = call("studies-fronts.figure", **axes, **{"studies-other": "1"})
    assert "study B: no design has accuracy" in str(empty["studies-problem"])
    same = call("studies-fronts.figure", **axes | {"studies-up": "edap"}, **{"studies-other": "0"})
    assert "choose another one" in str(same["studies-problem"])


def test_without_a_second_study_the_page_says_how_to_open_one() -> None:
    assert "--with" in str(layout())
    assert "two.db" in str(layout(["two.db"], by="layer"))
