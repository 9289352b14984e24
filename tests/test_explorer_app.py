"""The explorer without a browser: what it shows of a study, and what happens when there is none."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dash
import numpy as np
import pytest
from dash import dcc
from dash.development.base_component import Component
from dash_calls import caller
from study_data import MemoryStudy, Shelf, report, study

from explorer_app import create_app, design, pareto, serve, shell
from explorer_app.pareto.data import Asked, View
from explorer_app.pareto.facts import Facts
from explorer_app.pareto.table import table_columns, table_rows
from explorer_app.reader import Designs, Reader
from explorer_app.server import listen
from spikesim_py.errors import InputError, StoreError
from spikesim_py.figures.limits import Limit, limits
from spikesim_py.sweep import sweep
from spikesim_py.sweep.store import JobTable
from spikesim_py.sweep.store.database import Database


def _parts(component: Any) -> Iterator[Component]:
    if isinstance(component, Component):
        yield component
        yield from _parts(getattr(component, "children", None))
    elif isinstance(component, list | tuple):
        for part in component:
            yield from _parts(part)


def _text(component: Any) -> str:
    found = [] if isinstance(component, Component | list | tuple) else [component]
    for part in _parts(component):
        inner = getattr(part, "children", None)
        found += [item for item in (inner if isinstance(inner, list | tuple) else [inner]) if isinstance(item, str)]
    return " ".join(map(str, found))


Call = Callable[..., Any]


@pytest.fixture
def call(shelf: Shelf) -> Call:
    """Calls a callback of the app over HTTP, as the browser does; returns what it changes.

    It is named by one of its outputs or inputs. Values go by id; those of `{kind: name}` as kind=[(name, value), ...].
    """
    return caller(create_app(shelf.path))


def test_without_a_store_the_page_teaches_the_commands_that_make_one() -> None:
    text = _text(shell.welcome())
    for command in ("spikesim demo", "spikesim sweep quickstart --store", "spikesim explore"):
        assert command in text
    create_app(None)
    for path in ("/", "/sweep", "/design"):
        assert "No study is open" in _text(_page(path))


def _page(path: str, **query: str) -> Any:
    return next(page["layout"] for page in dash.page_registry.values() if page["path"] == path)(**query)


@pytest.mark.parametrize("path", list(shell.PAGES))
def test_no_graph_has_a_share_button_and_nothing_is_loaded_from_elsewhere(shelf: Shelf, path: str) -> None:
    app = create_app(shelf.path)
    graphs = [part for part in _parts(_page(path)) if isinstance(part, dcc.Graph)]
    assert graphs or path == "/share"
    for graph in graphs:
        assert graph.config["showSendToCloud"] is False
        assert graph.config["plotlyServerURL"] == ""
    page = app.server.test_client().get(path).text
    assert "http://" not in page
    assert "https://" not in page


def test_an_address_sets_the_view_and_nonsense_in_it_does_no_harm() -> None:
    found = {part.id: part for part in _parts(pareto.layout(x="area_um2", log="x", accuracy="0.9")) if _named(part)}
    assert (found["x"].value, found["y"].value, found["log"].value) == ("area_um2", "accuracy", "x")
    assert found["asked"].data == {"accuracy": "0.9"}
    assert {p.id: p for p in _parts(pareto.layout(log="nonsense")) if _named(p)}["log"].value == "auto"
    assert {p.id: p for p in _parts(design.layout(tab="mesh")) if _named(p)}["tab"].value == "mesh"
    assert {p.id: p for p in _parts(design.layout(tab="nonsense")) if _named(p)}["tab"].value == "costs"


def _named(part: Component) -> bool:
    return isinstance(getattr(part, "id", None), str)


def test_the_clock_rests_while_what_it_started_is_at_work(shelf: Shelf) -> None:
    """Else a callback slower than the clock is asked again and again, and never answers."""
    app = create_app(shelf.path)
    app.server.test_client().get("/_dash-dependencies")
    started = {"clock", "version"}
    woken = [entry for entry in app._callback_list if started & {str(given["id"]) for given in entry["inputs"]}]
    assert len(woken) == 11
    for entry in woken:
        assert "clock" in str(entry["running"])


AXES = {"x": "edap", "y": "accuracy", "color": "weight_bits", "size": "", "log": "auto", "below": "table"}


def _rows(call: Call, **asked: Any) -> list[dict[str, Any]]:
    """What the table gets when it asks for its first rows."""
    request = {"designs.getRowsRequest": {"startRow": 0, "endRow": 100, "sortModel": []}}
    answer = call("designs.getRowsResponse", **{**AXES, **asked, **request})["designs"]["getRowsResponse"]
    assert answer["rowCount"] == len(answer["rowData"])
    rows: list[dict[str, Any]] = answer["rowData"]
    return rows


def test_a_tick_is_silent_until_the_study_grows(shelf: Shelf, call: Call) -> None:
    known = call("version.data", clock=1, version="")["version"]["data"]
    assert call("version.data", clock=2, version=known) == {}
    assert shelf.loads == 1  # asked once: the file has not been touched since
    shelf.put(study(bits=(1, 2, 4, 8)))
    assert call("version.data", clock=3, version=known)["version"]["data"] != known


def test_the_cloud_follows_the_study_and_the_axes(shelf: Shelf, call: Call) -> None:
    assert call("status.children")["status"]["children"] == "18 designs"
    found = call("drawn.data", **AXES)
    assert "EDAP" in found["drawn"]["data"]["layout"]["xaxis"]["title"]["text"]
    shelf.put(study(bits=(1, 2, 4, 8)))
    found = call("drawn.data", **AXES | {"x": "adc.bits"})
    assert call("status.children")["status"]["children"] == found["cloud-note"]["children"] == "24 designs"
    assert "adc.bits" in found["drawn"]["data"]["layout"]["xaxis"]["title"]["text"]


def test_the_view_goes_into_the_address(call: Call) -> None:
    found = call("drawn.data", **AXES | {"x": "area_um2", "selected": "abc"})
    assert found["address"]["data"] == {"page": "/", "query": "x=area_um2&design=abc"}


@pytest.mark.parametrize("chosen", [{"x": "gone.field"}, {"color": "gone.field"}, {"y": "gone"}, {"size": "gone"}])
def test_choices_that_another_study_left_behind_do_no_harm(call: Call, chosen: dict[str, str]) -> None:
    found = call("drawn.data", **AXES | chosen)
    assert found["drawn"]["data"]["data"]


def test_limits_thin_out_the_cloud_the_front_the_table_and_the_picks(call: Call) -> None:
    made = call("limits.children", asked={"accuracy": "0.92", "edap": "nonsense"})["limits"]["children"]
    sliders = {part["props"]["id"]["limit"]: part["props"] for part in _plain(made) if "value" in part["props"]}
    accuracy = next(limit for limit in limits(study().frame()) if limit.name == "accuracy")
    assert accuracy.value(sliders["accuracy"]["value"]) == 0.92
    assert sliders["edap"]["value"] == sliders["edap"]["max"]
    limit = {"limit": [("accuracy", accuracy.place(0.92))]}
    found = call("drawn.data", **AXES, **limit)
    frame = study().frame()
    kept = frame["accuracy"] >= 0.92
    assert f"{kept.sum()} within the limits" in found["cloud-note"]["children"]
    assert found["address"]["data"]["query"] == "accuracy=0.92"
    outside = found["drawn"]["data"]["data"][0]
    assert (outside["name"], len(outside["customdata"])) == ("outside the limits", (~kept).sum())
    rows = _rows(call, **limit)
    assert {row["report_hash"] for row in rows} == set(frame["report_hash"][kept])
    for pick in found["picks"]["children"][1:]:
        assert pick["props"]["id"]["pick"] in frame["report_hash"][kept]


def test_a_slider_speaks_of_values_not_of_places(call: Call) -> None:
    made = call("limits.children", asked={"accuracy": "0.92"})["limits"]["children"]
    sliders = {part["props"]["id"]["limit"]: part["props"] for part in _plain(made) if "value" in part["props"]}
    frame = study().frame()
    for name, slider in sliders.items():
        said = slider["attributes"]["thumb"]
        limit = Limit(name, slider["min"], slider["max"])
        assert said["aria-valuetext"] == limit.words(limit.value(slider["value"]))
        assert said["aria-valuemin"] <= said["aria-valuenow"] <= said["aria-valuemax"]
        assert said["aria-valuemax"] == pytest.approx(frame[name].max(), rel=0.01)
    moved = call('{"limit-words":["ALL"]}.children', limit=[("accuracy", 0.0)], **{"limit-words": [("accuracy", "")]})
    assert set(moved) == {'{"limit-words":"accuracy"}', '{"limit":"accuracy"}'}  # both follow the thumb


def _plain(component: Any) -> Iterator[dict[str, Any]]:
    """Every component of an answer."""
    if isinstance(component, dict) and "props" in component:
        yield component
        yield from _plain(component["props"].get("children"))
    for part in component if isinstance(component, list) else ():
        yield from _plain(part)


def test_an_unreadable_study_is_a_message_on_the_page(
    shelf: Shelf, call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.put(StoreError("study.db: is not a study"))
    assert "study.db: is not a study" in str(call("status.children")["problem"])
    call("drawn.data", **AXES)
    assert _rows(call) == []
    assert call("breakdown.figure", selected="ab", quantity="energy_pj", by="layer") == {}
    assert not caplog.records
    shelf.put(study())
    assert call("status.children")["problem"]["children"] is None


def test_an_error_in_a_callback_is_a_panel_and_a_line_in_the_log(
    call: Call, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("of our own making")

    monkeypatch.setattr("explorer_app.pareto.callbacks.pareto_figure", broken)
    assert "ZeroDivisionError: of our own making" in str(call("drawn.data", **AXES)["problem"])
    assert [record.message for record in caplog.records] == ["a callback failed"]


def test_a_study_without_designs_waits(shelf: Shelf, call: Call) -> None:
    shelf.put(MemoryStudy([]))
    assert call("status.children")["status"]["children"] == "no design yet"
    found = call("drawn.data", **AXES)
    assert "waiting" in str(found["drawn"]["data"]["layout"]["annotations"])
    assert _rows(call) == []


def test_costs_without_accuracy_are_drawn_along_another_axis(shelf: Shelf, call: Call) -> None:
    shelf.put(MemoryStudy([report(bits, accuracy=None) for bits in (2, 4)]))
    found = call("drawn.data", **AXES)
    assert "efficiency" in found["drawn"]["data"]["layout"]["yaxis"]["title"]["text"]
    table = call("designs.columnDefs", designs=[], **AXES)
    assert "accuracy" not in [column["field"] for column in table["designs"]["columnDefs"]]


def test_a_click_on_a_point_a_row_or_a_pick_chooses_its_design(call: Call) -> None:
    def chosen(changed: str, **values: Any) -> Any:
        return call("designs.cellClicked", changed, **values).get("selected", {}).get("data")

    assert chosen("pareto.clickData", pareto={"points": [{"customdata": "abc"}]}) == "abc"
    assert chosen("designs.cellClicked", designs={"rowId": "def"}) == "def"
    assert chosen("designs.eventData", designs={"data": {"row": "ghi"}}) == "ghi"
    assert chosen('{"pick":"jkl"}.n_clicks', pick=[("jkl", 1)]) == "jkl"
    assert chosen("pareto.clickData", pareto={"points": [{"curveNumber": 0}]}) is None  # the front's line
    assert chosen("pareto.clickData") is None  # the page appears


def test_steps_lead_along_the_front(call: Call) -> None:
    source = study()
    frame, front = source.frame(), source.on_front("accuracy", "edap")
    order = frame["report_hash"][front][np.argsort(frame["edap"][front])].tolist()
    axes = AXES

    def go(button: str, here: str) -> str:
        return str(
            call("next.n_clicks", f"{button}.n_clicks", **{button: 1}, selected=here, **axes)["selected"]["data"]
        )

    assert go("next", order[0]) == order[1]
    assert go("previous", order[1]) == order[0]
    assert go("previous", order[0]) == order[0]
    off_front = next(str(design) for design in frame["report_hash"][~front])
    assert go("next", off_front) in order


def test_an_address_names_a_design(call: Call) -> None:
    assert call("url.search", url="?x=edap&design=abc")["selected"]["data"] == "abc"
    assert call("url.search", url="?x=edap", selected="abc") == {}


def test_a_design_shows_its_numbers_and_command(call: Call) -> None:
    item = report(overrides={"adc.bits": 4, "crossbar.rows": 64})
    found = call("detail-head.children", selected=item.report_hash)
    assert found["hint"]["style"] == {"display": "none"}
    assert found["designs"]["selectedRows"] == {"ids": [item.report_hash]}
    assert found["more"]["href"] == f"/design?design={item.report_hash}"
    assert "95 %" in str(found["detail-head"])
    assert "adc.bits = 4" in str(found["detail-head"])
    assert "--set crossbar.rows=64 --set adc.bits=4" in str(found["detail-command"])


def test_a_design_that_is_not_in_the_study_shows_the_hint(call: Call) -> None:
    found = call("detail-head.children", selected="of another study")
    assert found["detail"]["style"] == {"display": "none"}
    assert call("design-head.children", selected="of another study")["design-page"]["style"] == {"display": "none"}


def test_the_design_page_tells_configuration_sources_and_numbers(call: Call) -> None:
    item = report(overrides={"adc.bits": 4, "crossbar.rows": 64})
    head = call("design-head.children", selected=item.report_hash, tab="limits")
    assert head["address"]["data"] == {"page": "/design", "query": f"design={item.report_hash}&tab=limits"}
    tabs = ("configuration", "sources", "numbers")
    found = {tab: str(call(f"{tab}.children", selected=item.report_hash, tab=tab)) for tab in tabs}
    assert "program_sigma: 0.04" in found["configuration"]
    assert "simulator-validated" in found["sources"]
    assert "NeuroSim" in found["sources"]  # a constant of the library
    assert "a note" in found["numbers"]
    assert repr(item.energy_pj) in found["numbers"]


def test_dark_figures_are_drawn_for_dark_pages(call: Call) -> None:
    item = report(overrides={"adc.bits": 4, "crossbar.rows": 64})
    costs = {"selected": item.report_hash, "tab": "costs", "design-quantity": "energy_pj", "design-by": "layer"}
    light, dark = (str(call("sunburst.figure", **costs, scheme=scheme)) for scheme in ("light", "dark"))
    assert ("#171c22" in light, "#171c22" in dark) == (False, True)


def test_a_network_that_cannot_be_found_is_a_message_in_its_tab(call: Call) -> None:
    """The reports of these tests are made up: no network has their digest."""
    item = report(overrides={"adc.bits": 4, "crossbar.rows": 64})
    for output, tab, more in (
        ("mesh.figure", "mesh", {}),
        ("conductance.figure", "crossbar", {"layer": "layer1", "wires": ""}),
        ("adc.figure", "crossbar", {"layer": "layer1"}),
        ("chain.children", "accuracy", {"chain-samples": "50", "run-chain": 1}),
    ):
        changed = "run-chain.n_clicks" if tab == "accuracy" else ""
        found = call(output, changed, selected=item.report_hash, tab=tab, **more)
        assert "neither a bundled network nor a file" in str(found), output
        assert call(output, selected=item.report_hash, tab="costs", **more) == {}  # drawn only where it is seen


def test_table_rows_hold_every_design_with_the_front_first() -> None:
    source = study()
    frame = source.frame()
    front = source.on_front("accuracy", "edap")
    view = View(Designs(frame), Facts(Designs(frame)), Asked("edap", "accuracy", "", (), (), ""))
    rows = table_rows(view, 0, 100)
    assert sorted(row["report_hash"] for row in rows) == sorted(frame["report_hash"])
    assert [row["front"] for row in rows] == ["●"] * front.sum() + [""] * (~front).sum()
    best = rows[0]
    assert best["accuracy"] == pytest.approx(100 * frame["accuracy"].max())
    fields = {column["field"] for column in table_columns(view.facts)}
    assert fields <= set(best)


def test_a_reader_loads_each_version_of_a_study_once(shelf: Shelf) -> None:
    reader = Reader(shelf.path)
    assert len(reader.frame()["edap"]) == len(reader.frame()["edap"]) == 18
    assert shelf.loads == 2  # its version, its columns
    shelf.put(study(bits=(4,)))
    assert len(reader.frame()["edap"]) == 6
    assert shelf.loads == 4


def test_a_port_in_use_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"^127\.0\.0\.1:{port}: cannot serve here: .*--port$") as caught:
            listen("127.0.0.1", port)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="cannot serve here"):
        listen("not a host", 0)


def test_a_file_that_is_no_study_is_refused_before_serving(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("no study")
    with pytest.raises(InputError, match=r"notes\.db: "):
        serve(tmp_path / "notes.db", port=0)


def test_a_study_that_does_not_exist_yet_is_empty_on_every_page(tmp_path: Path) -> None:
    store = tmp_path / "new.db"
    app = create_app(store)
    call, client = caller(app), app.server.test_client()
    for path in shell.PAGES:
        assert client.get(path).status_code == 200
        _page(path)
    assert call("status.children", version="")["status"]["children"] == "no design yet"
    shown = call("drawn.data", version="", scheme="light", selected=None, **AXES)
    assert "build a first sweep" in str(shown["picks"]["children"])
    assert _rows(call) == []
    call("limits.children", version="", asked={})
    assert not store.exists()


def test_a_study_that_is_made_while_it_is_looked_at_is_seen(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "new.db")
    assert (reader.version(), reader.frame(), reader.jobs(), reader.sources()) == ("", {}, [], [])
    space = {"network": "digits-w2", "chip": "rram_32nm", "samples": 10}
    sweep(space, store=reader.path, executor="serial")
    first = reader.version()
    assert first
    assert len(reader.frame()["report_hash"]) == 1
    assert reader.sources() == ["digits-w2", "rram_32nm"]
    assert (reader.jobs()[0].state, reader.cost_objective()) == ("done", "edap")
    with closing(Database.write(reader.path)) as base:  # a sign of life is no change
        JobTable(base).beat(1, 1, 1, "alive")
        assert reader.version() == first
    reader.path.write_text("broken")
    assert reader.version().startswith("unreadable")
