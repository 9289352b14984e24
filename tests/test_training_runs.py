"""Runs as others find them: diaries, logs, damaged files; and what their networks do beside their teachers'."""

from __future__ import annotations

import json
import math
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
import torch

import training
from spikesim_py.datasets import network_data
from spikesim_py.errors import EvaluationError, InputError
from spikesim_py.network import load_network
from training.behaviour import BINS, behaviour
from training.loop import Run
from training.runs import Damaged, TrainingRun, find_runs, read_run

PLAIN = """\
dataset: digits
seed: 3
samples: 128
architecture: {channels: [4, 6], pool_after: [1, 2], time_steps: 2}
optimization: {epochs: 2}
"""
TAUGHT = (
    PLAIN.replace("channels: [4, 6], pool_after: [1, 2], time_steps: 2", "channels: [16, 32, 64], pool_after: [2, 3]")
    + "quantization: {weight_bits: 4, membrane_bits: 8}\ndistillation: {teacher: digits-fp}\n"
)


def _recipe(folder: Path, text: str, name: str = "mine") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text)
    return path


def _read(path: Path, folder: Path | None = None) -> TrainingRun:
    found = read_run(path, folder)
    assert isinstance(found, TrainingRun), found
    return found


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run that has ended."""
    folder = tmp_path_factory.mktemp("runs")
    training.train(_recipe(folder, TAUGHT), output=folder / "net.safetensors", log=folder / "net.csv")
    return folder


def test_a_run_tells_what_it_did_and_how_long_it_took(taught: Path) -> None:
    assert find_runs(taught) == [taught / "net.run.json"]  # its log is the same run
    run = _read(taught / "net.run.json", taught)
    assert (run.name, run.state, run.message, run.epochs) == ("net", "finished", "", 2)
    assert run.losses == ("cross_entropy", "logits", "membrane")
    assert [row["epoch"] for row in run.rows] == [1, 2]
    assert all(second > 0 for second in run.seconds)
    assert run.result == {"accuracy": load_network(taught / "net.safetensors").model.metadata["test_accuracy"]}
    log = _read(taught / "net.csv")
    assert (log.rows, log.recipe, log.checkpoint, log.state) == (run.rows, None, None, "finished")


def test_a_run_that_fails_says_why_and_one_that_is_killed_is_missed(tmp_path: Path) -> None:
    text = PLAIN.replace("epochs: 2", "epochs: 2, weight_decay: 1.0e+30")
    with pytest.raises(EvaluationError, match="not finite"):
        training.train(_recipe(tmp_path, text), output=tmp_path / "net.safetensors")
    run = _read(tmp_path / "net.run.json")
    assert run.state == "stopped"
    assert "not finite" in run.message
    data = json.loads((tmp_path / "net.run.json").read_text())
    host, number, started = data["process"].rsplit(":", 2)
    assert int(number) == os.getpid()
    for process, state in ((data["process"], "at work"), (f"{host}:{number}:{started}9", "stopped")):
        (tmp_path / "net.run.json").write_text(json.dumps(data | {"state": "at work", "process": process}))
        assert _read(tmp_path / "net.run.json").state == state


def test_a_run_that_goes_on_keeps_the_seconds_of_its_epochs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, path = _recipe(tmp_path, PLAIN), tmp_path / "net.safetensors"
    epoch = Run._epoch

    def once(self: Run, number: int) -> Any:
        if number == 2:
            raise KeyboardInterrupt
        return epoch(self, number)

    monkeypatch.setattr(Run, "_epoch", once)
    with pytest.raises(KeyboardInterrupt):
        training.train(recipe, output=path)
    first = _read(tmp_path / "net.run.json")
    assert (first.state, first.message, len(first.rows)) == ("stopped", "KeyboardInterrupt", 1)
    monkeypatch.undo()
    training.train(recipe, output=path, resume=True)
    whole = _read(tmp_path / "net.run.json")
    assert (whole.state, len(whole.rows)) == ("finished", 2)
    assert whole.seconds[0] == first.seconds[0]
    (tmp_path / "net.run.json").write_text("{")  # whatever became of it, training goes on
    training.train(recipe, output=path, resume=True)
    assert all(map(math.isnan, _read(tmp_path / "net.run.json").seconds))


def _diary(recipe: str, rows: str = "[]") -> bytes:
    """A diary without seconds; its recipe and its rows as JSON, or as what is none."""
    plain = {"kind": '"spikesim training run, version 1"', "state": '"stopped"', "message": '""', "rows": rows}
    plain |= {"process": "null", "seconds": "[]", "result": "{}", "recipe": recipe}
    return ("{" + ", ".join(f'"{name}": {value}' for name, value in plain.items()) + "}").encode()


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.run.json", b"", "no JSON"),
        ("a.run.json", b"\xff\xfe", "no text"),
        ("a.run.json", b"[" * 100_000, "no JSON"),
        ("a.run.json", b'{"kind": "something else"}', "is no spikesim training run"),
        ("a.run.json", b'{"kind": "spikesim training run, version 1"}', "state"),
        ("a.csv", b"epoch,epochs,learning_rate,x_loss,train_accuracy\n", "no epoch"),
        ("a.csv", b"epoch,epochs,learning_rate,x_loss,train_accuracy\n1,4,0.1,0.2,", "train_accuracy"),
        ("a.csv", b"epoch,epochs,learning_rate,x_loss,train_accuracy\n2,4,0.1,0.2,0.3\n", "line 1"),
        ("a.csv", b"epoch,epochs,learning_rate,x_loss,train_accuracy\n1,4,0.1,<b>,0.3\n", "<b>"),
        ("a.csv", b"epoch,epochs,learning_rate,x_loss,train_accuracy\n1,0,0.1,0.2,0.3\n", "epochs = 0"),
        ("a.csv", b"epoch,epochs,learning_rate,x_loss,train_accuracy\n1,nan,0.1,0.2,0.3\n", "epochs = nan"),
        ("a.csv", b"epoch,epochs,learning_rate,x_loss,train_accuracy\n1,1e999,0.1,0.2,0.3\n", "whole number"),
        ("a.run.json", _diary('{"name": "a", "dataset": "d", "optimization": {"epochs": 0}}'), "0 epochs"),
        ("a.run.json", _diary('{"name": "a", "dataset": "d", "optimization": {"epochs": Infinity}}'), "infinity"),
        ("a.run.json", _diary('{"name": "a", "optimization": {"epochs": 1}}'), "'dataset' is missing"),
        ("a.run.json", _diary('{"name": "a", "dataset": "d", "quantization": {"b": 4}}'), "'weight_bits' is missing"),
        ("a.run.json", _diary('{"name": "a", "dataset": ["x"], "optimization": {"epochs": 1}}'), "dataset = ['x']"),
        ("a.run.json", _diary('{"name": "a"}', '[{"epochs": 1' + 400 * "0" + "}]"), "too large"),
    ],
)
def test_what_is_damaged_says_so(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    (path,) = find_runs(tmp_path)
    found = read_run(path, tmp_path)
    assert isinstance(found, Damaged)
    assert found.name == "a"
    assert told in found.message
    assert len(found.message) < 300


def test_only_runs_are_found_and_not_far_below(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("network,accuracy\ndigits,0.9\n")
    deep = tmp_path / "a/b/c/d/e"
    deep.mkdir(parents=True)
    for place in (deep, tmp_path / "a/b", tmp_path / "a"):
        (place / "r.run.json").write_text("{}")
    (tmp_path / ".hidden.run.json").write_text("{}")
    log = "epoch,epochs,learning_rate,x_loss,train_accuracy\n"
    (tmp_path / "a/r.csv").write_text(log)  # of the run beside it
    (tmp_path / "r.csv").write_text(log)  # another one of its name
    expected = ["a/b/r.run.json", "a/r.run.json", "r.csv"]  # not a/b/c/d/e
    assert find_runs(tmp_path) == [tmp_path / name for name in expected]
    with pytest.raises(InputError, match="is not a folder"):
        find_runs(tmp_path / "none")


def test_a_student_is_held_against_its_teacher(taught: Path) -> None:
    recipe = training.load_config(taught / "mine.yaml")
    found = behaviour(recipe, taught / "net.checkpoint", 40)
    assert (found.epoch, found.images, found.note) == (2, 40, "")
    stages = list(found.membranes)
    assert set(found.fidelity) == set(stages) == set(found.rates) == set(found.dead)
    for stage in stages:
        rate, reference = found.rates[stage]
        assert (rate, reference) == (found.fidelity[stage].rate, found.fidelity[stage].reference_rate)
        histogram = found.membranes[stage]
        assert histogram.teacher is not None
        assert len(histogram.student) == BINS
        assert sum(histogram.student) == pytest.approx(1)
        assert sum(histogram.teacher) == pytest.approx(1)
        assert histogram.low <= 0 < 1 < histogram.high
    network = load_network(taught / "net.safetensors")
    data = network_data(network, "digits", "calibration").head(40)
    trains = network.run(data.images, record=True).trains
    assert {name: train.mean() for name, train in trains.items()} == pytest.approx(
        {name: rate for name, (rate, _) in found.rates.items()}
    )


def test_a_run_without_a_teacher_shows_itself_and_another_time_has_no_fidelity(tmp_path: Path) -> None:
    training.train(_recipe(tmp_path, PLAIN), output=tmp_path / "net.safetensors")
    found = behaviour(training.load_config(tmp_path / "mine.yaml"), tmp_path / "net.checkpoint", 10)
    assert (found.fidelity, found.note) == ({}, "it has no teacher to be held against")
    assert all(second is None for _, second in found.rates.values())
    short = _recipe(tmp_path, TAUGHT.replace("[2, 3]", "[2, 3], time_steps: 2"), "short")
    training.train(short, output=tmp_path / "short.safetensors")
    other = behaviour(training.load_config(short), tmp_path / "short.checkpoint", 10)
    assert "no fidelity: membranes: shape" in other.note
    assert all(second is not None for _, second in other.rates.values())


def test_no_checkpoint_is_executed_or_believed(taught: Path, tmp_path: Path) -> None:
    recipe, path = training.load_config(taught / "mine.yaml"), tmp_path / "net.checkpoint"
    with pytest.raises(InputError, match="nothing has been trained yet"):
        behaviour(recipe, path)
    mark = tmp_path / "executed"

    class Evil:
        def __reduce__(self) -> Any:
            return os.system, (f"touch {mark}",)

    torch.save({"kind": "spikesim training checkpoint, version 1", "evil": Evil()}, path)
    with pytest.raises(InputError, match="or damaged"):
        behaviour(recipe, path)
    assert not mark.exists()
    kept = torch.load(taught / "net.checkpoint", weights_only=True)
    for missing in ("torch", "history", "module", "random"):
        torch.save({key: value for key, value in kept.items() if key != missing}, path)
        with pytest.raises(InputError, match="damaged"):
            behaviour(recipe, path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("net/data.pkl", 1000 * b"0")
    path.write_bytes(path.read_bytes().replace(zlib.compress(1000 * b"0", wbits=-15)[:4], b"\xff\xff\xff\xff"))
    with pytest.raises(InputError, match="or damaged"):
        behaviour(recipe, path)
