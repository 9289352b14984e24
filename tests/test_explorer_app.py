"""The explorer without a browser: what it shows of a study, and what happens when there is none."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dash import dcc
from dash.development.base_component import Component
from study_data import MemoryStudy, Shelf, report, study

from explorer_app import create_app, serve, views
from explorer_app.reader import Reader
from explorer_app.server import listen
from spikesim_py.errors import InputError, StoreError


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    found = Shelf(tmp_path / "study.db")
    monkeypatch.setattr("explorer_app.reader.load_study", found.load)
    return found


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


def test_without_a_store_the_page_teaches_the_commands_that_make_one() -> None:
    text = _text(create_app(None).layout)
    for command in ("spikesim demo", "spikesim sweep quickstart --store", "spikesim explore"):
        assert command in text


def test_no_graph_has_a_share_button_and_nothing_is_loaded_from_elsewhere(shelf: Shelf) -> None:
    app = create_app(shelf.path)
    graphs = [part for part in _parts(app.layout) if isinstance(part, dcc.Graph)]
    assert len(graphs) == 3
    for graph in graphs:
        assert graph.config["showSendToCloud"] is False
        assert graph.config["plotlyServerURL"] == ""
    page = app.server.test_client().get("/").text
    assert "http://" not in page
    assert "https://" not in page


def test_the_clock_rests_while_what_it_started_is_at_work(shelf: Shelf) -> None:
    """Else a callback slower than the clock is asked again and again, and never answers."""
    app = create_app(shelf.path)
    app.server.test_client().get("/_dash-dependencies")
    started = {"clock", "version"}
    woken = [entry for entry in app._callback_list if started & {given["id"] for given in entry["inputs"]}]
    assert len(woken) == 3
    for entry in woken:
        assert "clock" in str(entry["running"])


Call = Callable[..., Any]


@pytest.fixture
def call(shelf: Shelf) -> Call:
    """Calls a callback of the app over HTTP, as the browser does; returns what it changes."""
    app = create_app(shelf.path)
    client = app.server.test_client()
    listed = client.get("/_dash-dependencies").json

    def run(output: str, changed: str = "", **values: Any) -> dict[str, Any]:
        entry = next(item for item in listed if output in item["output"])

        def filled(given: dict[str, str]) -> dict[str, Any]:
            return {**given, "value": values.get(given["id"])}

        names = entry["output"].strip(".").split("...")
        outputs = [dict(zip(("id", "property"), name.split("."), strict=True)) for name in names]
        body = {
            "output": entry["output"],
            "outputs": outputs if entry["output"].startswith("..") else outputs[0],
            "inputs": [filled(given) for given in entry["inputs"]],
            "state": [filled(given) for given in entry["state"]],
            "changedPropIds": [changed or f"{entry['inputs'][0]['id']}.{entry['inputs'][0]['property']}"],
        }
        response = client.post("/_dash-update-component", json=body)
        assert response.status_code in (200, 204), response.text
        return response.json.get("response", {}) if response.status_code == 200 else {}

    return run


AXES = {"x": "edap", "y": "accuracy", "color": "weight_bits", "log": "auto"}


def test_a_tick_is_silent_until_the_study_grows(shelf: Shelf, call: Call) -> None:
    known = call("version.data", clock=1, version="")["version"]["data"]
    assert call("version.data", clock=2, version=known) == {}
    shelf.put(study(bits=(1, 2, 4, 8)))
    assert call("version.data", clock=3, version=known)["version"]["data"] != known
    assert shelf.loads == 0


def test_the_cloud_follows_the_study_and_the_axes(shelf: Shelf, call: Call) -> None:
    found = call("drawn.data", **AXES)
    assert found["problem"]["children"] is None
    assert found["status"]["children"] == "18 designs"
    assert "EDAP" in found["drawn"]["data"]["layout"]["xaxis"]["title"]["text"]
    shelf.put(study(bits=(1, 2, 4, 8)))
    found = call("drawn.data", **AXES | {"x": "adc.bits"})
    assert found["status"]["children"] == found["cloud-note"]["children"] == "24 designs"
    assert "adc.bits" in found["drawn"]["data"]["layout"]["xaxis"]["title"]["text"]


@pytest.mark.parametrize("chosen", [{"x": "gone.field"}, {"color": "gone.field"}, {"y": "gone"}])
def test_choices_that_another_study_left_behind_do_no_harm(call: Call, chosen: dict[str, str]) -> None:
    found = call("drawn.data", **AXES | chosen)
    assert found["drawn"]["data"]["data"]


def test_an_unreadable_study_is_a_message_on_the_page(
    shelf: Shelf, call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.put(StoreError("study.db: is not a study"))
    found = call("drawn.data", **AXES)
    assert "study.db: is not a study" in str(found["problem"])
    assert call("designs.rowData", designs=[], **AXES)["designs"]["rowData"] == []
    assert call("breakdown.figure", selected="ab", quantity="energy_pj", by="layer") == {}
    assert not caplog.records
    shelf.put(study())
    assert call("drawn.data", **AXES)["problem"]["children"] is None


def test_a_study_without_designs_waits(shelf: Shelf, call: Call) -> None:
    shelf.put(MemoryStudy([]))
    found = call("drawn.data", **AXES)
    assert found["status"]["children"] == "no design yet"
    assert "waiting" in str(found["drawn"]["data"]["layout"]["annotations"])
    assert call("designs.rowData", designs=[], **AXES)["designs"]["rowData"] == []


def test_costs_without_accuracy_are_drawn_along_another_axis(shelf: Shelf, call: Call) -> None:
    shelf.put(MemoryStudy([report(bits, accuracy=None) for bits in (2, 4)]))
    found = call("drawn.data", **AXES)
    assert "efficiency" in found["drawn"]["data"]["layout"]["yaxis"]["title"]["text"]
    table = call("designs.rowData", designs=[], **AXES)
    assert "accuracy" not in [column["field"] for column in table["designs"]["columnDefs"]]


def test_a_click_on_a_point_or_a_row_chooses_its_design(call: Call) -> None:
    click = {"points": [{"customdata": "abc"}]}
    assert call("selected.data", "pareto.clickData", pareto=click)["selected"]["data"] == "abc"
    assert call("selected.data", "designs.cellClicked", designs={"rowId": "def"})["selected"]["data"] == "def"
    front_line = {"points": [{"curveNumber": 0}]}
    assert call("selected.data", "pareto.clickData", pareto=front_line) == {}


def test_a_design_shows_its_numbers_configuration_sources_and_command(call: Call) -> None:
    item = report(overrides={"adc.bits": 4, "crossbar.rows": 64})
    found = call("detail-head.children", selected=item.report_hash)
    assert found["hint"]["style"] == {"display": "none"}
    assert found["designs"]["selectedRows"] == {"ids": [item.report_hash]}
    assert "95 %" in str(found["detail-head"])
    assert "adc.bits = 4" in str(found["detail-head"])
    assert "--set crossbar.rows=64 --set adc.bits=4" in str(found["detail-command"])
    assert "program_sigma: 0.04" in str(found["detail-configuration"])
    assert "simulator-validated" in str(found["detail-trust"])
    assert "a note" in str(found["detail-methods"])
    assert repr(item.energy_pj) in str(found["detail-numbers"])


def test_a_design_that_is_not_in_the_study_shows_the_hint(call: Call) -> None:
    found = call("detail-head.children", selected="of another study")
    assert found["detail"]["style"] == {"display": "none"}


def test_table_rows_hold_every_design_with_the_front_first() -> None:
    source = study()
    frame = source.frame()
    front = source.on_front("accuracy", "edap")
    rows = views.table_rows(frame, front)
    assert sorted(row["report_hash"] for row in rows) == sorted(frame["report_hash"])
    assert [row["front"] for row in rows] == ["●"] * front.sum() + [""] * (~front).sum()
    best = rows[0]
    assert best["accuracy"] == pytest.approx(100 * frame["accuracy"].max())
    fields = {column["field"] for column in views.table_columns(frame)}
    assert fields <= set(best)


def test_a_reader_loads_each_version_of_a_study_once(shelf: Shelf) -> None:
    reader = Reader(shelf.path)
    assert len(reader.frame()["edap"]) == len(reader.frame()["edap"]) == 18
    assert shelf.loads == 1
    shelf.put(study(bits=(4,)))
    assert len(reader.frame()["edap"]) == 6
    assert shelf.loads == 2


def test_a_port_in_use_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"^127\.0\.0\.1:{port}: cannot serve here: .*--port$") as caught:
            listen("127.0.0.1", port)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="cannot serve here"):
        listen("not a host", 0)


def test_a_store_that_is_not_there_is_refused_before_serving(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.db: there is no such study file \(make one with `spikesim sweep"):
        serve(tmp_path / "gone.db", port=0)
