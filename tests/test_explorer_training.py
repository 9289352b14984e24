"""The Training page without a browser: which runs it lists, what it draws of them, what it looks into."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from dash_calls import caller
from run_files import write_run

import training
from explorer_app import create_app
from explorer_app.training_view import Rooms, layout
from explorer_app.training_view.callbacks import FIRST, MOST, ticks
from spikesim_py.cli import main
from spikesim_py.errors import InputError
from spikesim_py.figures import firing_rates_figure, membranes_figure, training_figure
from spikesim_py.figures.training import line_styles, training_curves
from training.runs import read_run

Call = Callable[..., dict[str, Any]]
ASKED = {"training-known": [], "training-asked": {"runs": [], "run": ""}, "training-chosen": []}
RECIPE = """\
dataset: digits
samples: 128
architecture: {channels: [16, 32, 64], pool_after: [2, 3]}
quantization: {weight_bits: 4, membrane_bits: 8}
distillation: {teacher: digits-fp}
optimization: {epochs: 1}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_run(tmp_path / "a.run.json", 3, result={"accuracy": 0.97})
    write_run(tmp_path / "deep/b.run.json", 2, search=True, worse=0.1)
    return tmp_path


def _listed(call: Call, **given: Any) -> dict[str, Any]:
    return call("training-chosen.children", "training-seen.data", **(ASKED | given))


def test_every_run_is_listed_with_its_state_and_best_epoch(folder: Path) -> None:
    write_run(folder / "c.run.json", 1, state="stopped", message="a loss is <b>not</b> finite")
    found = _listed(caller(create_app(None, runs=folder)))
    text = str(found["training-chosen"]["children"])
    assert "epoch 3 of 40" in text
    assert "best epoch 3: 53.00% while training · 97.00% on the report split" in text
    assert "best epoch 2: 90.00% on the search split" in text
    assert "a loss is <b>not</b> finite" in text
    assert "digits-w4 on digits, 4-bit weights, 10-bit membranes, taught by digits-fp" in text
    assert sorted(found["training-chosen"]["value"]) == ["a", "c", "deep/b"]
    assert [entry["value"] for entry in found["training-terms"]["data"]] == ["cross_entropy", "logits"]
    assert found["training-empty"]["style"] == {"display": "none"}


def test_a_damaged_run_is_an_error_in_its_place_and_the_others_stay(folder: Path) -> None:
    (folder / "deep/b.run.json").write_text('{"kind": "spikesim training')
    call = caller(create_app(None, runs=folder))
    found = _listed(call)
    assert "b.run.json: is damaged: no JSON" in str(found["training-chosen"]["children"])
    assert found["training-chosen"]["value"] == ["a"]
    drawn = call("training-curves.figure", **{"training-chosen": ["a", "deep/b", "none"], "training-terms": []})
    assert {trace["name"] for trace in drawn["training-curves"]["figure"]["data"]} == {"a"}


def test_without_runs_the_page_teaches_the_command(tmp_path: Path) -> None:
    for page, told in ((layout(None), "spikesim explore --runs runs"), (layout("my/runs"), "is in my/runs")):
        assert "spikesim train digits-w4 -o" in str(page)
        assert told in str(page)
    found = _listed(caller(create_app(None, runs=tmp_path)))
    assert found["training-empty"]["style"] == {}
    gone = tmp_path / "gone"
    gone.mkdir()
    call = caller(create_app(None, runs=gone))
    gone.rmdir()
    assert "is not a folder" in str(_listed(call)["training-problem"]["children"])


def test_a_run_that_grows_changes_the_version_and_a_dead_one_does_too(folder: Path) -> None:
    from spikesim_py._processes import process_mark

    rooms = Rooms(folder)
    first = rooms.version()
    assert rooms.version() == first
    import os

    write_run(folder / "a.run.json", 4, state="at work", process=process_mark(os.getpid()))
    second = rooms.version()
    assert second != first
    assert rooms.runs()["a"].state == "at work"
    path = folder / "a.run.json"
    text = path.read_text().replace(str(os.getpid()), "1" + str(os.getpid()).zfill(8))
    path.write_text(text)
    assert rooms.runs()["a"].state == "stopped"


def test_new_runs_are_ticked_while_there_is_room() -> None:
    names = [f"r{i}" for i in range(12)]
    assert ticks(names, [], [], []) == names[:FIRST]
    assert ticks(names, [], [], ["r7", "none"]) == ["r7"]
    assert ticks([*names, "new"], ["r2", "gone"], names, []) == ["r2", "new"]
    assert len(ticks([*names, "new"], names[:MOST], names, [])) == MOST


def test_curves_are_those_of_the_rows(folder: Path) -> None:
    runs = {}
    for name in ("a", "deep/b"):
        run = read_run(folder / f"{name}.run.json", folder)
        runs[name] = {"rows": run.rows, "seconds": run.seconds, "best": run.best}
    found = {(curve.run, curve.panel, curve.name): curve for curve in training_curves(runs)}
    assert found["a", "loss", "cross entropy"].y == (2.0, 1.0, 2 / 3)
    assert found["a", "accuracy", "while training"].y == pytest.approx((51, 52, 53))
    assert found["deep/b", "accuracy", "search split"].y == pytest.approx((89, 90))
    assert found["a", "time", "seconds"].y == pytest.approx((1.5, 1.6, 1.7))
    assert ("a", "accuracy", "search split") not in found
    assert {curve.name for curve in training_curves(runs, ["logits"]) if curve.panel == "loss"} == {"logits"}
    styles = line_styles(training_curves(runs))
    assert styles["accuracy"] == {"while training": "solid", "search split": "dash"}
    figure = training_figure(runs)
    colours = {trace.name: trace.line.color for trace in figure.data if trace.mode == "lines"}
    assert len(set(colours.values())) == 2
    rings = [trace for trace in figure.data if trace.mode == "markers"]
    assert [(ring.x[0], ring.y[0]) for ring in rings] == [(3, pytest.approx(53)), (2, pytest.approx(90))]


def test_names_of_runs_are_text_in_figures() -> None:
    evil = "<img src=x onerror=alert(1)>"
    run = {"rows": [{"epoch": 1, "epochs": 1, "learning_rate": 1, f"{evil}_loss": 1, "train_accuracy": 1}]}
    figure = training_figure({evil: run | {"seconds": [np.nan], "best": 1}})
    assert "<img" not in str(figure.to_dict())
    histogram = {"low": 0, "high": 2, "student": [0.5, 0.5], "teacher": None}
    assert "<img" not in str(membranes_figure({evil: histogram}).to_dict())
    assert "<img" not in str(firing_rates_figure({evil: (0.1, None)}).to_dict())


def test_histograms_and_rates_are_drawn_of_both() -> None:
    both = {"low": -1.0, "high": 1.0, "student": [0.25, 0.75], "teacher": [0.5, 0.5]}
    figure = membranes_figure({f"lif{i}": both for i in range(4)})
    assert [trace.name for trace in figure.data] == ["teacher", "student"] * 4
    assert figure.data[1].y.tolist() == [25, 75]
    assert figure.data[1].x.tolist() == [-0.5, 0.5]
    rates = firing_rates_figure({"a": (0.1, 0.2), "b": (0.3, 0.4)})
    assert [trace.y for trace in rates.data] == [(0.1, 0.3), (0.2, 0.4)]
    assert [trace.name for trace in firing_rates_figure({"a": (0.1, None)}).data] == ["student"]


def test_looking_inside_is_done_on_a_click_and_kept(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(RECIPE)
    training.train(recipe, output=tmp_path / "net.safetensors")
    call = caller(create_app(None, runs=tmp_path))
    assert _listed(call)["training-run"]["value"] == "net"
    before = call("training-inside.children", "training-run.value", **{"training-run": "net"})
    assert "not computed yet" in before["training-inside-note"]["children"]
    found = call("training-inside.children", "training-look.n_clicks", **{"training-run": "net", "training-look": 1})
    assert "after epoch 1, on 100 images of digits/calibration" in found["training-inside-note"]["children"]
    assert "membrane error" in str(found["training-inside"]["children"])
    again = call("training-inside.children", "training-run.value", **{"training-run": "net"})
    assert again["training-inside"]["children"] == found["training-inside"]["children"]
    (tmp_path / "net.checkpoint").write_bytes(b"cos\nsystem\n(S'touch executed'\ntR.")
    evil = call("training-inside.children", "training-look.n_clicks", **{"training-run": "net", "training-look": 2})
    assert "or damaged" in str(evil["training-inside-problem"])
    with pytest.raises(InputError, match="has no checkpoint to look into"):
        Rooms(tmp_path).inside("../net", run=True)


def test_a_folder_that_is_not_there_is_refused_at_the_start(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["explore", "--runs", str(tmp_path / "none"), "--port", "1"])
    assert done.exit_code == 2
    assert "none': is not a folder" in done.output + done.stderr
