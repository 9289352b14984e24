"""The Compare page without a browser: who gets there, what stands beside what, and two studies."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dash_calls import caller
from study_data import MemoryStudy, Shelf, report, study

from explorer_app import create_app
from explorer_app.compare import layout
from explorer_app.compare.callbacks import changed
from explorer_app.compare.views import numbers
from explorer_app.head import design_head
from spikesim_py.figures.limits import limits
from spikesim_py.inference.paired import packed

Call = Callable[..., dict[str, Any]]
REPORTS = [report(8, {"adc.bits": 6, "crossbar.rows": 128}), report(2, {"adc.bits": 4, "crossbar.rows": 64})]
HASHES = [item.report_hash for item in REPORTS]
LIMIT = next(limit for limit in limits(study().frame()) if limit.name == "accuracy")
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


def test_accuracies_whose_intervals_overlap_cannot_be_told_apart() -> None:
    close = [report(8, accuracy=0.9).to_dict(), report(4, accuracy=0.91).to_dict()]
    apart = [report(8, accuracy=0.9).to_dict(), report(4, accuracy=0.5).to_dict()]
    assert "cannot be told apart (intervals overlap)" in str(numbers(close))
    assert "−40.00 points" in str(numbers(apart))
    assert "not measured" in str(numbers([close[0], report(2, accuracy=None).to_dict()]))
    same = str(numbers([close[0], close[0]]))
    assert "the measurement of A" in same  # one accuracy key: the same arithmetic was measured once
    assert "told apart" not in same
    assert "as A" in same
    assert "as before" not in same


def test_reports_that_kept_their_answers_are_judged_in_pairs() -> None:
    first, second = report(8, accuracy=0.9).to_dict(), report(4, accuracy=0.91).to_dict()  # intervals overlap
    right = np.ones((2, 600), bool)
    right[:, :60] = False
    better = right.copy()
    better[:, 54:60] = True  # six more images on both chips, and none lost
    first["accuracy"]["answers"], second["accuracy"]["answers"] = packed(right), packed(better)
    assert re.search(r"'\+1.00 points \(\+0\.\d\d to \+\d\.\d\d in pairs\)'", str(numbers([first, second])))
    better[:, :54:9] = True
    better[:, 300:312] = False  # as many lost as won
    second["accuracy"] |= {"answers": packed(better), "value": 0.9}
    assert "cannot be told apart: +0.00 points (−" in str(
        numbers([first, second | {"accuracy": second["accuracy"] | {"key": ""}}])
    )


def test_what_a_metric_means_is_told_where_its_name_leaves_it_open() -> None:
    shown = str(numbers([report(8).to_dict(), report(4).to_dict()]))
    assert "how long after one inference the next can begin" in shown
    head = str(design_head(report(8).to_dict()))
    assert "how long after one inference the next can begin" in head


PICKS = ('{"compare-picks":["ALL"]}.n_clicks', '{"compare-picks":"front"}.n_clicks')


def test_those_worth_a_look_pass_what_the_pareto_page_asks(call: Call) -> None:
    frame, clicks = study().frame(), {"compare-picks": [("front", 1)], "compared": None}

    def chosen(asked: Any) -> list[str]:
        found: list[str] = call(*PICKS, **clicks, view=asked)["compared"]["data"]
        return found

    kept = {str(found) for found in frame["report_hash"][(frame["accuracy"] >= 0.92) & (frame["adc.bits"] < 6)]}
    asked = {"limits": {"accuracy": 0.92}, "filter": "adc.bits < 6"}
    page = {"x": "edap", "y": "accuracy", "color": "", "size": "", "log": "auto"}
    drawn = call("drawn.data", **page, limit=[("accuracy", LIMIT.place(0.92))], search="adc.bits < 6")
    assert drawn["view"]["data"] | asked == drawn["view"]["data"]
    offered = [part["props"]["id"]["pick"] for part in drawn["picks"]["children"][1:]]
    assert 0 < len(offered) < 5
    assert set(offered) <= kept
    assert chosen(drawn["view"]["data"]) == chosen(asked) == offered  # what the Pareto page offers, no more
    free = chosen(None)
    assert not set(free) <= kept
    assert all(chosen(nonsense) == free for nonsense in (3, {"limits": [1], "brush": "x", "filter": 2, "x": []}))
    nothing = call(*PICKS, **clicks, view={"filter": "accuracy > 0.999"})
    assert "compared" not in nothing
    assert "No design passes" in str(nothing["problem"])


def test_two_studies_share_a_map_and_one_without_the_metric_is_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: dict[str, MemoryStudy] = {"one.db": study(), "two.db": study(bits=(2,)), "none.db": MemoryStudy([])}
    monkeypatch.setattr("explorer_app.reader.load_study", lambda path: held[path.name])
    paths = [tmp_path / name for name in held]
    for path in paths:
        path.write_text("x")
    call = caller(create_app(paths[0], others=paths[1:]))
    axes: dict[str, Any] = {"studies-across": "edap", "studies-up": "accuracy"}
    axes["studies-other.data"] = [{"value": "0", "label": "two.db"}, {"value": "1", "label": "empty.db"}]
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


def _sent(data: bytes, name: str) -> dict[str, Any]:
    contents = "data:text/csv;base64," + base64.b64encode(data).decode()
    return {"studies-upload": contents, "studies-upload.filename": name, "studies-other.data": None}


def test_a_table_of_results_is_held_against_the_study(call: Call) -> None:
    table = b"network,accuracy,edap\ntheirs,0.99,1e-20\n"
    found = call("studies-upload.contents", "studies-upload.contents", **_sent(table, "../../<b>theirs</b>.csv"))
    (entry,) = found["studies-other"]["data"]
    assert entry["label"] == "b>.csv"  # a browser names no folder
    assert found["studies-other"]["value"] == entry["value"]
    axes = {"studies-across": "edap", "studies-up": "accuracy", "studies-other.data": [entry]}
    shown = call("studies-fronts.figure", **axes, **{"studies-other": entry["value"]})
    beaten = re.search(
        r"beaten by the other study: (\d+) of (\d+) and 0 of 1 designs", shown["studies-note"]["children"]
    )
    assert beaten is not None
    assert beaten[1] == beaten[2]
    assert "b&gt;.csv" in str(shown["studies-fronts"]["figure"]["data"])
    gone = call("studies-fronts.figure", **axes, **{"studies-other": "sent:" + "0" * 64})
    assert "is not here any more" in str(gone["studies-problem"])


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.csv", b"accuracy\n95\n", "divide by 100"),
        ("a.csv", b"", "is empty"),
        ("a.pkl", b"cos\nsystem\n(S'touch x'\ntR.", "must be .csv or .parquet"),
        ("a.parquet", b"PAR1", "a.parquet: is no Parquet file"),
        ("a.csv", b"PK\x03\x04\xff", "is no text in UTF-8"),
    ],
)
def test_a_bad_table_is_one_message(call: Call, name: str, data: bytes, told: str) -> None:
    found = call("studies-upload.contents", "studies-upload.contents", **_sent(data, name))
    assert told in str(found["studies-problem"])
    assert "spikesim-explorer" not in str(found["studies-problem"])
    assert "studies-other" not in found
