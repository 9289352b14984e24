"""The Sweep page without a browser: controls become a space, its size and errors, jobs that it starts and steers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from dash_calls import caller

import spikesim_py as ss
from explorer_app import create_app
from explorer_app.reader import Reader
from explorer_app.sweep import layout
from explorer_app.sweep.draft import Draft, bundled, first, from_space, from_spec, values_of
from explorer_app.sweep.form import axis_row, choices, form, known
from explorer_app.sweep.views import Pace, job_list, named_by, share, signature, words
from spikesim_py.errors import ConfigError, InputError
from spikesim_py.sweep import Job, jobs, load_space, sweeps

Call = Callable[..., dict[str, Any]]
FORM: dict[str, Any] = {
    "sweep-network": ["digits-w2"],
    "sweep-chip": ["rram_32nm"],
    "sweep-constraints": [],
    "sweep-objectives": ["edap"],
    "sweep-name": "mine",
    "sweep-data": "digits",
    "sweep-split": "report",
    "sweep-samples": 20,
    "sweep-chips": 1,
    "sweep-seed": 0,
    "sweep-method": "every",
    "sweep-budget": 50,
    "sweep-search-seed": 0,
    "sweep-workers": 1,
    "axis": [("adc.bits", ["4", "5"])],
    "axis-when": [("adc.bits", "")],
}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "new.db"


@pytest.fixture
def call(store: Path) -> Call:
    return caller(create_app(store))


def _read(call: Call, **changed: Any) -> dict[str, Any]:
    """The draft that the controls make."""
    given = FORM | changed
    given["axis-when"] = [(name, "") for name, _ in given["axis"]]
    return dict(call("sweep-draft.data", **given)["sweep-draft"]["data"])


def _sized(call: Call, data: dict[str, Any]) -> dict[str, Any]:
    axes = [(name, []) for name in data.get("space", {}).get("axes", {"adc.bits": []})]
    return call("sweep-size.children", **{"sweep-draft": data, "axis": axes})


def _text(component: Any) -> str:
    return json.dumps(component, ensure_ascii=False)


def test_every_field_of_the_hardware_model_can_be_an_axis_with_its_range_unit_and_meaning() -> None:
    offered = {item["value"]: item["label"] for group in choices() for item in group["items"]}
    for name, control in known().items():
        assert control.about in offered[name]
        text = str(axis_row(name, []).to_plotly_json())
        assert name in text
        assert control.about in text
    assert "whole numbers, 1 to 12" in str(axis_row("adc.bits", [4]).to_plotly_json())
    assert "(bit)" in str(axis_row("adc.bits", [4]).to_plotly_json())


@pytest.mark.parametrize("name", list(sweeps()))
def test_a_bundled_space_comes_back_from_the_form_as_it_is(call: Call, name: str) -> None:
    """Form, controls, space: nothing is lost on the way, conditions and shared fields included."""
    assert _round(call, bundled(name)) == load_space(name)


def test_shared_fields_conditions_and_sections_come_back_too(call: Call) -> None:
    space = {
        "name": "all",
        "network": "digits-w2",
        "axes": {
            "chip": ["rram_32nm", "sram_32nm"],
            "device": ["rram_32nm", "pcm_joshi2020"],
            "adc.kind": ["sar", "ramp"],
            "adc.inl_lsb": {"values": [0.0, 0.5], "when": "adc.kind == 'ramp'"},
            "crossbar.event_driven": [True, False],
            "adc.layer_bits.conv1": [4, 5],
        },
        "set": {"crossbar.rows": 64, "crossbar.cols": 64, "technology.node_nm": 22},
        "constraints": ["area_um2 <= 1.0e+9", "adc.kind == 'sar' or crossbar.event_driven == True"],
        "objectives": ["accuracy", "energy_pj", "area_um2"],
        "samples": 50,
        "chips": 2,
        "seed": 3,
    }
    plan = load_space(space)
    assert _round(call, from_space(plan)) == plan


def _round(call: Call, draft: Draft) -> Any:
    """The space of a draft after a way through the page's controls."""
    made = {str(part.id): part for part in _walk(form(draft, [])) if getattr(part, "id", None)}
    filled = {part.id: part.value for part in made.values() if isinstance(part.id, str) and hasattr(part, "value")}
    for kind in ("axis", "axis-when"):
        found = [part for part in made.values() if isinstance(part.id, dict) and kind in part.id]
        filled[kind] = [(part.id[kind], part.value) for part in found]
    return load_space(call("sweep-draft.data", **filled)["sweep-draft"]["data"]["space"])


def _walk(component: Any) -> Iterator[Any]:
    if isinstance(component, list | tuple):
        for part in component:
            yield from _walk(part)
    elif hasattr(component, "to_plotly_json"):
        yield component
        yield from _walk(getattr(component, "children", None))


@pytest.mark.parametrize(
    ("axis", "text", "values"),
    [
        ("adc.bits", "4", [4]),
        ("adc.bits", "3..6", [3, 4, 5, 6]),
        ("crossbar.rows+crossbar.cols", "32..256 x2", [32, 64, 128, 256]),
        ("device.r_on_ohm", "1e3..1e5 log 3", [1e3, 1e4, 1e5]),
        ("wires.word_ohm", "0..1 step 0.5", [0.0, 0.5, 1.0]),
        ("crossbar.event_driven", "true", [True]),
        ("adc.kind", "sar", ["sar"]),
        ("network.time_steps", "1..3", [1, 2, 3]),
    ],
)
def test_a_value_may_be_a_range(axis: str, text: str, values: list[Any]) -> None:
    found = values_of(axis, text, known())
    assert found == pytest.approx(values) if isinstance(values[0], float) else found == values


def test_size_and_time_follow_the_space_and_the_address_holds_it(call: Call) -> None:
    made = call("sweep-draft.data", **FORM)
    data, address = made["sweep-draft"]["data"], made["address"]["data"]
    assert address["page"] == "/sweep"
    assert json.loads(parse_qs(address["query"])["draft"][0]) == data
    found = _sized(call, data)
    assert found["sweep-problem"]["children"] is None
    assert found["sweep-run"]["disabled"] is False
    assert "to measure" in _text(found["sweep-size"])
    assert "spikesim sweep mine.yaml --store" in _text(found["sweep-same"])
    told = call("sweep-time.children", **{"sweep-size": "some", "sweep-draft": data})["sweep-time"]["children"]
    assert told.startswith("about ")
    assert "trial" in told
    larger = _read(call, axis=[("adc.bits", ["3..6"]), ("crossbar.mux", ["4", "8"])])
    assert '"8"' in _text(_sized(call, larger)["sweep-size"])


@pytest.mark.parametrize(
    ("changed", "said", "wrong"),
    [
        ({"axis": [("adc.bits", ["3", "99"])]}, "adc.bits = 99: must be less than", "adc.bits"),
        ({"axis": [("adc.bits", [])]}, "axes.adc.bits: has no value yet", "adc.bits"),
        ({"axis": [("adc.bits", ["8..3"])]}, "needs from <= to", "adc.bits"),
        ({"sweep-network": []}, "network: must stand once", "sweep-network"),
        ({"sweep-network": ["/etc/passwd"]}, "neither bundled nor of this study", "sweep-network"),
        ({"sweep-data": "nmnist:dir=/etc"}, "names a folder", "sweep-data"),
        ({"sweep-constraints": ["nonsense <= 3"]}, "nonsense: unknown", "sweep-constraints"),
        ({"sweep-data": "digit"}, "did you mean 'digits'", "sweep-data"),
        ({"sweep-chips": 0}, "chips = 0", "sweep-chips"),
        ({"axis": [("device", ["/etc/passwd"])]}, "device = '/etc/passwd'", "device"),
        ({"axis": [("adc.gain_sigma", ["0..1 step 0.00002"])]}, "lists at most", None),
    ],
)
def test_an_error_names_its_field_in_the_panel_and_at_the_control(
    call: Call, changed: dict[str, Any], said: str, wrong: str | None
) -> None:
    found = call("sweep-size.children", **{"sweep-draft": _read(call, **changed), "axis": (FORM | changed)["axis"]})
    assert said in _text(found["sweep-problem"])
    assert found["sweep-run"]["disabled"] is True
    marked = [name for name, changes in found.items() if changes.get("error")]
    assert marked == ([] if wrong is None else [wrong if wrong.startswith("sweep-") else f'{{"axis":"{wrong}"}}'])


def test_an_error_of_one_design_does_not_blame_its_other_axes() -> None:
    message = "sweep 'q': design (adc.bits = 3, crossbar.mux = 99): crossbar.mux = 99: must divide crossbar.cols = 64"
    assert named_by(message, "crossbar.mux")
    assert not named_by(message, "adc.bits")
    assert named_by("space: axes.crossbar.rows+crossbar.cols: from = 8", "crossbar.rows+crossbar.cols")


def test_an_address_opens_with_its_space_and_nonsense_in_it_does_no_harm(store: Path) -> None:
    reader = Reader(store)
    draft = Draft({"network": "digits-w1", "chip": "rram_32nm", "axes": {"adc.bits": [7]}}, "gp", 9)
    assert first(reader, {"draft": json.dumps(draft.to_dict())}) == draft
    assert "digits-w1" in str(layout(reader, draft=json.dumps(draft.to_dict())).to_plotly_json())
    hostile = ["{", "[1]", '{"space": 3}', '{"space": {"axes": {"adc.bits": 3}}}', '{"space": {"name": [1]}}']
    hostile += ['{"space": {}, "method": "rm"}', '{"space": {"when": 3}}', '{"space": {}, "more": 1}', "null"]
    for text in hostile:
        assert first(reader, {"draft": text}) == bundled("quickstart")
    assert first(reader, {"from": "../x"}) == bundled("quickstart")
    layout(reader, draft='{"space": {"axes": {"no.such": ["x"]}}}')
    assert first(reader, {}) == bundled("quickstart")
    assert first(reader, {"from": "demo"}) == bundled("demo")


def test_files_that_the_study_knows_may_be_swept_again() -> None:
    draft = Draft({"network": "nets/mine.safetensors", "chip": "rram_32nm", "axes": {"adc.bits": [4]}})
    with pytest.raises(InputError, match="neither bundled"):
        draft.plan([])
    assert draft.plan(["nets/mine.safetensors"]).network == "nets/mine.safetensors"
    with pytest.raises(ConfigError):
        Draft({"nework": "digits-w2"}).plan([])


def _wait(store: Path, state: str) -> Job:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = jobs(store)[-1]
        if found.state == state:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{found.state} ({found.message}), not {state}")


def act(call: Call, request: str) -> dict[str, Any]:
    """Press a button of job 1."""
    name = f"1:{request}"
    return call('{"job-act":["ALL"]}.n_clicks', f'{{"job-act":"{name}"}}.n_clicks', **{"job-act": [(name, 1)]})


def test_a_sweep_is_run_cancelled_and_resumed_by_the_job_table(call: Call, store: Path) -> None:
    data = _read(call, axis=[("adc.bits", ["3..8"]), ("device.program_sigma", ["0..0.1 step 0.01"])])
    assert call("sweep-run.n_clicks", **{"sweep-run": 1, "sweep-draft": data})["sweep-run"]["disabled"] is True
    _wait(store, "running")
    assert _sized(call, data)["sweep-run"]["disabled"] is True
    assert "is at work" in _text(call("sweep-time.children", **{"sweep-size": "x", "sweep-draft": data}))
    seen = call("jobs.children", **{"sweep-clock": 1, "jobs-seen": ""})
    assert "explorer" in _text(seen["jobs"])
    assert call("jobs.children", **{"sweep-clock": 2, "jobs-seen": seen["jobs-seen"]["data"]}) == {}
    act(call, "cancel")
    stopped = _wait(store, "cancelled")
    again = from_spec(stopped.spec)
    assert load_space(again.space) == load_space(data["space"])
    assert (again.method, again.workers) == ("every", 1)
    other = caller(create_app(store))  # the server was started again
    listed = other("jobs.children", **{"sweep-clock": 1, "jobs-seen": ""})
    assert "resume" in _text(listed["jobs"])
    act(other, "resume")
    _wait(store, "running")
    act(other, "pause")
    _wait(store, "paused")
    assert "nothing to pause" in _text(act(other, "pause"))


def test_jobs_of_the_command_line_show_and_their_space_is_taken_over(call: Call, store: Path) -> None:
    space = {"network": "digits-w2", "chip": "rram_32nm", "axes": {"adc.bits": [4, 5]}, "samples": 20}
    ss.sweep(space, store=store, executor="serial", origin="cli")
    assert "command line" in _text(call("jobs.children", **{"sweep-clock": 1, "jobs-seen": ""})["jobs"])
    assert first(Reader(store), {}).space["axes"] == {"adc.bits": [4, 5]}
    drawn = call("sweep-front.figure", version="", scheme="dark")
    assert drawn["sweep-front-note"]["children"].startswith("2 designs")


def _job(**changed: Any) -> Job:
    fields: dict[str, Any] = {"id": 1, "kind": "sweep", "state": "running", "request": None, "origin": "cli"}
    fields |= {"spec": {"space": {"name": "s"}}, "done": 2, "total": 8, "message": "designs", "process": "a:1:2"}
    return Job(**(fields | {"created": 0.0, "heartbeat": 10.0} | changed))


def test_the_time_that_is_left_follows_from_the_pace_since_it_is_watched() -> None:
    pace = Pace()
    assert pace.left(_job()) is None
    assert pace.left(_job(done=4, heartbeat=20.0)) == pytest.approx(20.0)
    assert pace.left(_job(process="a:2:3", done=4, heartbeat=20.0)) is None  # resumed: another process
    assert pace.left(_job(state="paused")) is None
    assert words(_job(), 20.0) == "2 of 8 designs, about 20 s left"
    assert (share(_job()), share(_job(total=0, done=0))) == (25.0, 0.0)


def test_a_job_offers_what_its_state_allows_and_the_list_is_redrawn_only_then() -> None:
    offers = {
        "running": ["pause", "cancel"],
        "paused": ["resume"],
        "failed": ["resume"],
        "done": [],
        "queued": ["cancel"],
    }
    for state, acts in offers.items():
        shown = str(job_list([_job(state=state)])[0].to_plotly_json())
        assert [act for act in ("pause", "cancel", "resume") if f"'1:{act}'" in shown] == acts
    assert signature([_job()]) == signature([_job(done=5, heartbeat=99.0)])
    assert len({signature([_job(**c)]) for c in ({}, {"request": "pause"}, {"state": "done"}, {"id": 2})}) == 4
    assert "No sweep yet" in str(job_list([])[0].to_plotly_json())
