"""Brushes, filters, lines and rows of the Pareto page: what passes, what is sent, what an address keeps."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dash_calls import caller
from hypothesis import given
from hypothesis import strategies as st
from study_data import Shelf, study

from explorer_app import create_app, pareto
from explorer_app.pareto.brushes import clean, from_text, to_text
from explorer_app.pareto.data import MOST, Asked, View, Views
from explorer_app.pareto.facts import Facts
from explorer_app.pareto.linked import lines
from explorer_app.pareto.table import axis_choices
from explorer_app.reader import Designs, Reader
from spikesim_py.errors import InputError
from spikesim_py.sweep import cost_sweep, load_study
from spikesim_py.sweep.store.bulk import BulkTable

PAGE = {"x": "edap", "y": "accuracy", "color": "weight_bits", "size": "", "log": "auto", "below": "table"}
Call = Callable[..., dict[str, Any]]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    shelf = Shelf(tmp_path / "study.db")
    monkeypatch.setattr("explorer_app.reader.load_study", shelf.load)
    return caller(create_app(shelf.path))


@pytest.fixture
def shelf_views(call: Call, tmp_path: Path) -> Views:
    return Views(Reader(tmp_path / "study.db"))


def view(frame: dict[str, np.ndarray], filter: str = "", third: str = "", **brush: Any) -> View:
    designs = Designs(frame)
    return View(designs, Facts(designs), Asked("edap", "accuracy", third, (), tuple(brush.items()), filter))


def rows_of(call: Call, start: int = 0, end: int = 100, sort: tuple[str, str] | None = None, **asked: Any) -> Any:
    model = [] if sort is None else [{"colId": sort[0], "sort": sort[1]}]
    request = {"designs.getRowsRequest": {"startRow": start, "endRow": end, "sortModel": model}}
    return call("designs.getRowsResponse", **{**PAGE, **asked, **request})["designs"]["getRowsResponse"]


def test_a_brush_thins_out_the_cloud_the_table_and_the_lines_alike(call: Call) -> None:
    frame = study().frame()
    brush = {"accuracy": [0.9, None], "adc.bits": [5, None]}
    kept = (frame["adc.bits"] >= 5) & (frame["accuracy"] >= 0.9)
    assert 0 < kept.sum() < kept.size
    cloud = call("drawn.data", **PAGE, brush=brush)
    assert f"{kept.sum()} pass" in cloud["cloud-note"]["children"]
    assert cloud["address"]["data"]["query"] == "brush=accuracy%3A0.9..%3Badc.bits%3A5.."
    grey = cloud["drawn"]["data"]["data"][0]
    assert set(grey["customdata"]) == set(frame["report_hash"][~kept])
    found = rows_of(call, brush=brush)
    assert found["rowCount"] == kept.sum()
    assert {row["report_hash"] for row in found["rowData"]} == set(frame["report_hash"][kept])
    sent = call("lines.data", **PAGE | {"below": "lines"}, brush=brush, **{"lines-axes": ["edap"]})["lines"]["data"]
    assert [axis["name"] for axis in sent["axes"]] == ["edap", "accuracy", "adc.bits"]  # the brushed ones, to judge by
    marks = np.frombuffer(base64.b64decode(sent["marks"]), np.uint8)
    assert (marks & 1).all()  # ranges are the page's own work, limits and filters the server's


def test_a_filter_marks_lines_and_a_wrong_one_says_what_is_wrong_and_hides_nothing(call: Call) -> None:
    frame = study().frame()
    asked = {"search": "accuracy >= 90 % and not adc.bits in (4, 5)"}
    kept = (frame["accuracy"] >= 0.9) & (frame["adc.bits"] == 6)
    assert f"{kept.sum()} pass" in call("drawn.data", **PAGE, **asked)["cloud-note"]["children"]
    sent = call("lines.data", **PAGE | {"below": "lines"}, **asked, **{"lines-axes": ["edap"]})["lines"]["data"]
    marks = np.frombuffer(base64.b64decode(sent["marks"]), np.uint8)
    assert (marks & 1).tolist() == kept.tolist()
    wrong = call("table-key.data", **PAGE, search="acuracy > 1; drop table design")
    assert "acuracy" in str(wrong["filter-problem"])
    assert "did you mean" in str(wrong["filter-problem"])
    assert rows_of(call, search="acuracy > 1; drop table design")["rowCount"] == 18
    assert call("table-key.data", **PAGE, **asked)["filter-problem"]["children"] is None


def test_rows_come_in_blocks_in_the_order_that_is_asked_for(call: Call) -> None:
    frame = study().frame()
    first, second = (rows_of(call, start, start + 7, ("area_um2", "desc")) for start in (0, 7))
    assert first["rowCount"] == second["rowCount"] == 18
    areas = [row["area_um2"] for row in first["rowData"] + second["rowData"]]
    assert areas == pytest.approx(sorted(frame["area_um2"] * 1e-6, reverse=True)[:14])
    by_name = rows_of(call, sort=("network", "asc"))["rowData"]
    assert [row["network"] for row in by_name] == sorted(frame["network"])
    assert rows_of(call, sort=("no such column", "asc"))["rowCount"] == 18
    assert len(rows_of(call, 0, 10**9)["rowData"]) == 18


def test_an_address_keeps_brush_filter_tab_and_the_order_of_the_axes(call: Call) -> None:
    found = {part.id: part for part in _named(pareto.layout(**{"brush": "adc.bits:4..5", "axes": "edap,adc.bits"}))}
    assert found["brush"].data == {"adc.bits": (4, 5)}
    assert found["lines-axes"].value == ["edap", "adc.bits"]
    assert call("lines-axes.data", **PAGE, **{"lines-axes": ["edap", "adc.bits"]}).get("lines-axes", {}).keys() == {
        "data"
    }
    usual = call("lines-axes.data", **PAGE, **{"lines-axes": []})["lines-axes"]["value"]
    assert usual[:3] == ["network", "weight_bits", "crossbar.rows"]
    query = call("drawn.data", **PAGE | {"below": "lines"}, search="w4", **{"lines-axes": ["edap", "adc.bits"]})
    assert query["address"]["data"]["query"] == "where=w4&below=lines&axes=edap%2Cadc.bits"
    nonsense = pareto.layout(brush="a:b:c;..;x:1", below="nonsense", axes=",,")
    assert {part.id: part for part in _named(nonsense)}["below"].value == "table"


def _named(component: Any) -> list[Any]:
    found = [component] if isinstance(getattr(component, "id", None), str) else []
    children = getattr(component, "children", component if isinstance(component, list | tuple) else None)
    for part in children if isinstance(children, list | tuple) else [children] if hasattr(children, "_type") else []:
        found += _named(part)
    return found


names = st.sampled_from(["adc.bits", "edap", "network", "crossbar.rows"])
ends = st.one_of(
    st.tuples(st.integers(-9, 9), st.none()),
    st.tuples(st.none(), st.floats(-1e30, 1e30).map(lambda value: float(f"{value:.7g}"))),
    st.tuples(st.sampled_from(["digits-w1", "x y"]), st.sampled_from(["digits-w4"])),
)


@given(st.dictionaries(names, ends))
def test_ranges_come_back_from_an_address(brush: Any) -> None:
    assert from_text(to_text(brush)) == clean(brush)


def test_what_a_browser_asks_for_is_bounded_before_it_is_kept(call: Call, shelf_views: Views) -> None:
    many = {f"made-up-{i}": [i, None] for i in range(5000)} | {"x" * 10**6: [1, 2]}
    assert len(clean(many)) == 40
    view = shelf_views.view("measured", "edap", "accuracy", brush=many, text="w4 " * 10**6)
    assert isinstance(view, View)
    assert len(repr(view.asked)) < 2200
    assert "more than 2000 characters" in view.problem
    same = shelf_views.view("measured", "edap", "accuracy", brush={"made up": [1, 2]}, text="w4 " * 10**5)
    assert same is view  # nothing of what the study does not have is a key
    again = shelf_views.recalled({"brush": many, "filter": "w4 " * 10**6})
    assert again is view
    assert "characters" in str(call("table-key.data", **PAGE, search="w4 " * 10**5)["filter-problem"])


def test_what_was_asked_is_told_with_its_zeros_and_without_what_is_no_number(shelf_views: Views) -> None:
    huge = 10**400
    view = shelf_views.recalled({"brush": {"adc.bits": [0, 6], "edap": [huge, None]}, "limits": {"edap": huge}})
    assert isinstance(view, View)
    assert view.conditions == ["adc.bits 0..6"]
    assert from_text(f"edap:{huge}..") == {}


@pytest.mark.parametrize("chosen", ["weight_bits", "gone", ""])
def test_colours_tell_designs_apart_or_are_of_a_metric(chosen: str) -> None:
    def color(frame: dict[str, np.ndarray]) -> str:
        return Facts(Designs(frame)).color(chosen)

    frame = study().frame()
    assert color(frame) == "weight_bits"
    alike = frame | {"weight_bits": np.full(18, 4)}
    assert color(alike) == "adc.bits"
    alike |= {"adc.bits": np.full(18, 4), "crossbar.rows": np.full(18, 64)}
    assert color(alike) == "network"
    alike |= {"network": np.full(18, "digits-w4"), "edap": np.full(18, np.nan)}
    assert color(alike) == "accuracy"
    facts = Facts(Designs(alike))
    offered = [entry["value"] for group in axis_choices(facts, every_column=True) for entry in group["items"]]
    assert color(alike) in offered
    assert "edap" not in offered  # which no design has


@given(st.text(max_size=60))
def test_no_address_breaks_the_page(text: str) -> None:
    clean(from_text(text))


@pytest.mark.parametrize(
    "sent", [None, 3, [], {"a": 1}, {"a": [1, "b"]}, {"a": [float("nan"), None]}, {"a": [True, 2]}]
)
def test_what_a_page_sends_is_not_trusted(call: Call, sent: Any) -> None:
    assert clean(sent) in ({}, {"a": (None, 2)})
    assert call("drawn.data", **PAGE, brush=sent)["drawn"]["data"]["data"]
    assert call("drawn.data", **PAGE, brush={"network": [1, 2], "edap": ["a", "b"]})["drawn"]["data"]["data"]


def test_a_third_objective_lets_more_designs_onto_the_front(call: Call) -> None:
    frame = study().frame()
    two = view(frame).front
    assert two is not None
    smallest = int(np.flatnonzero(~two)[0])
    frame["area_um2"] = frame["area_um2"] * np.where(np.arange(18) == smallest, 0.5, 1.0)
    three = view(frame, third="area_um2").front
    assert three is not None
    assert smallest in np.flatnonzero(three & ~two)
    assert three[two].all()
    found = call("drawn.data", **PAGE | {"third": "tops_per_mm2"})
    assert found["address"]["data"]["query"] == "third=tops_per_mm2"


def test_picks_name_the_knee_and_the_cheapest_that_meets_all(call: Call) -> None:
    frame = study().frame()
    free, bound = view(frame).picks, view(frame, "accuracy >= 0.92").picks
    assert "Cheapest that meets all" not in free
    cheapest = bound["Cheapest that meets all"]
    assert frame["edap"][cheapest] == frame["edap"][frame["accuracy"] >= 0.92].min()
    assert len(set(free.values())) == len(free)


def test_lines_hold_what_is_drawn() -> None:
    frame = study().frame() | {"latency_ns": np.where(np.arange(18) == 3, np.nan, study().frame()["latency_ns"])}
    sent = lines(view(frame), "auto", ["adc.bits", "edap", "latency_ns", "edap"], "weight_bits", "light")
    kinds = [(axis["name"], axis["kind"]) for axis in sent["axes"]]
    assert kinds == [("adc.bits", "level"), ("edap", "log"), ("latency_ns", "linear")]
    bits, edap, latency = (np.frombuffer(base64.b64decode(axis["places"]), "<u2") for axis in sent["axes"])
    assert (np.unique(bits) == [0, 32767, 65534]).all()
    assert (np.argsort(edap, kind="stable") == np.argsort(frame["edap"], kind="stable")).all()
    assert np.flatnonzero(latency == 65535).tolist() == [3]
    assert len(sent["names"]) == sent["count"] == sent["total"] == 18
    colors = np.frombuffer(base64.b64decode(sent["colors"]), np.uint8)
    assert len(set(zip(colors.tolist(), frame["weight_bits"].tolist(), strict=True))) == len(sent["palette"]) == 3


def test_of_very_many_designs_the_front_and_a_sample_are_drawn() -> None:
    rng = np.random.default_rng(0)
    count = 60_000
    frame = {
        "edap": 10 ** rng.normal(-11, 0.5, count),
        "accuracy": 1 - 10 ** rng.normal(-1, 0.2, count),
        "adc.bits": rng.integers(3, 9, count),
    }
    designs = Designs(frame, bulk=1)
    whole = View(designs, Facts(designs), Asked("edap", "accuracy", "", (), (), ""))
    rows = whole.drawn("auto")
    assert whole.front is not None
    assert set(np.flatnonzero(whole.front)) <= set(rows)
    assert MOST <= rows.size <= MOST + whole.front.sum()
    x, y = whole.placed("auto")
    box = (float(np.median(x)), float(np.median(x)) + 0.1, float(np.median(y)), float(np.median(y)) + 0.1)
    inside = (x >= box[0]) & (x <= box[1]) & (y >= box[2]) & (y <= box[3])
    closer = whole.drawn("auto", box)
    assert set(rows) <= set(closer)  # what was there stays
    assert inside[closer].sum() > 2 * inside[rows].sum()
    few = View(designs, Facts(designs), Asked("edap", "accuracy", "", (), (("adc.bits", (3, 3)),), ""))
    assert few.passing is not None
    assert few.passing[few.drawn("auto")].sum() >= min(MOST, few.count)


def test_designs_that_were_only_costed_have_rows_names_and_reports(tmp_path: Path) -> None:
    space = {"network": "digits-w2", "chip": "rram_32nm"}
    axes: dict[str, Any] = {"adc.bits": [3, 4, 5], "crossbar.rows+crossbar.cols": [64, 128]}
    path = tmp_path / "costs.db"
    cost_sweep(space | {"axes": axes}, store=path, executor="serial")
    reader = Reader(path)
    assert reader.kinds() == {"costed": 6}
    designs = reader.designs()
    assert len(designs) == 6
    assert designs.frame["edap"].dtype == np.float32
    (name,) = designs.names(np.array([3]))
    assert designs.row(name) == 3
    assert designs.row("cost-1-6") is designs.row("cost-2-1") is designs.row(None) is designs.row("abc") is None
    report = reader.report(name)
    assert report["hardware"]["adc"]["bits"] == designs.frame["adc.bits"][3]
    assert report["hardware"]["crossbar"]["cols"] == designs.frame["crossbar.cols"][3]
    assert report["metrics"]["edap"] == pytest.approx(float(designs.frame["edap"][3]), rel=1e-6)
    assert report["accuracy"] is None
    with pytest.raises(InputError, match=r"has no row 6 \(0 to 5\)"):
        load_study(path).costs_report(6)
    run = caller(create_app(path))
    page = PAGE | {"of": "measured"}
    assert "6 designs" in run("drawn.data", **page)["cloud-note"]["children"]
    assert run("status.children")["status"]["children"] == "6 costed designs"
    assert rows_of(run)["rowCount"] == 6
    offered = run("third.data", **page)
    assert (offered["y"]["value"], offered["color"]["value"]) == ("tops_per_watt", "adc.bits")
    chosen = run("detail-head.children", selected=name)
    assert "'children': 'digits-w2'" in str(chosen["detail-head"])
    assert "Costs of a design are exact" in run("sure.figure", **page | {"below": "sure"})["sure-note"]["children"]


def test_a_brushed_switch_passes_what_it_says() -> None:
    frame = study().frame()
    frame["device.ideal"] = np.arange(len(frame["edap"])) % 2 == 0
    found = view(frame, **from_text(to_text({"device.ideal": [1, 1]}))).passing
    assert found is not None
    assert found.tolist() == frame["device.ideal"].tolist()


def test_measured_designs_that_come_leave_costed_ones_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "both.db"
    axes = {"adc.bits": [3, 4]}
    cost_sweep({"network": "digits-w2", "chip": "rram_32nm", "axes": axes}, store=path, executor="serial")
    reader = Reader(path)
    known = Views(reader)
    first = known.view("costed", "edap", "area_um2")
    monkeypatch.setattr(Reader, "version", lambda _: "a measured design has come")
    assert known.view("costed", "edap", "area_um2") is first


def test_a_study_that_grows_between_two_questions_is_not_taken_for_the_newer_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf(tmp_path / "study.db")
    monkeypatch.setattr("explorer_app.reader.load_study", shelf.load)
    reader = Reader(shelf.path)
    known, found = Views(reader), reader.designs
    shelf.put(study(bits=(4,)))

    def slow(kind: str | None = None) -> Designs:
        designs = found(kind)
        if len(designs) == 6:
            shelf.put(study())  # just after the columns were read
        return designs

    monkeypatch.setattr(reader, "designs", slow)
    assert len(known.facts(None).designs) == 6
    assert len(known.facts(None).designs) == 18


def test_columns_of_a_bulk_sweep_at_work_are_of_one_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "costs.db"
    axes = {"adc.bits": [3, 4, 5]}
    cost_sweep({"network": "digits-w2", "chip": "rram_32nm", "axes": axes}, store=path, executor="serial")
    read = BulkTable.column

    def grown(table: BulkTable, number: int, name: str) -> Any:
        values = read(table, number, name)
        with closing(sqlite3.connect(path)) as other, other:
            sizes = "bulk, name, (SELECT max(start) + count FROM chunk), count, dtype, packed, data"
            other.execute(f"INSERT INTO chunk SELECT {sizes} FROM chunk WHERE start = 0")
        return values

    monkeypatch.setattr(BulkTable, "column", grown)
    assert {len(values) for values in Reader(path).designs().frame.values()} == {3}


def test_a_file_of_the_rows_that_pass(call: Call) -> None:
    found = call("table-file.data", "export.n_clicks", export=1, search="adc.bits = 6", **PAGE)
    text = base64.b64decode(found["table-file"]["data"]["content"]).decode()
    assert len(text.splitlines()) == 1 + 6
    assert "report_hash" in text.splitlines()[0]
