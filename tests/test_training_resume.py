"""What was killed goes on: checkpoints, logs, early stopping."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

import training
from spikesim_py.cli import main
from spikesim_py.errors import InputError
from spikesim_py.network import load_network
from training import checkpoint, fit
from training.loop import Epoch

PLAIN = """\
dataset: digits
seed: 3
samples: 256
architecture: {channels: [4, 6], pool_after: [1, 2], time_steps: 2}
optimization: {epochs: 4}
"""
#: all that a checkpoint must hold: quantizers and losses that learn, a warm-up, draws, a best network
RICH = (
    PLAIN.replace("epochs: 4", "epochs: 4, patience: 3")
    + """\
quantization: {weight_bits: 4, membrane_bits: 6, weights: lsq, membranes: learned, warm_up: 1}
distillation: {teacher: digits-fp}
losses: {tet: {}, logits: {}, bkdsnn: {weight: 0.01}, rmp: {stages: all}}
augmentation: {flip: true, roll_pixels: 1, cutout_pixels: 2, rotate_degrees: 9, shear_degrees: 9, one_each: true}
"""
)
CHIP = (
    PLAIN + "quantization: {weight_bits: 2, membrane_bits: 8}\nhardware: {chip: rram_32nm, start_epoch: 2, chips: 2}\n"
)
KILLED = """\
import os, signal, sys
import training
from training.loop import Run

step, taken = Run._step, []

def fatal(self, *batch):
    taken.append(1)
    if len(taken) == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, *batch)

Run._step = fatal
training.train(sys.argv[1], output=sys.argv[2], log=sys.argv[2] + ".csv")
"""


KILLED_WRITING = """\
import os, signal, sys
import training

replace, written = os.replace, []

def fatal(source, target):
    written.append(str(target).endswith(".checkpoint"))
    if sum(written) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)

os.replace = fatal
training.train(sys.argv[1], output=sys.argv[2])
"""


def _recipe(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


def _losses(log: Path) -> list[str]:
    return log.read_text().splitlines()


@pytest.mark.parametrize("text", [RICH, CHIP], ids=["rich", "chip"])
def test_a_run_that_was_killed_in_an_epoch_ends_as_one_that_was_not(tmp_path, text):
    recipe = _recipe(tmp_path, text)
    whole = training.train(recipe, output=tmp_path / "whole.safetensors", log=tmp_path / "whole.csv")
    cut = tmp_path / "cut.safetensors"
    third = 2 * 4 + 2  # of four batches an epoch: the middle of the third
    where = [str(recipe), str(cut), str(third)]
    child = subprocess.run([sys.executable, "-c", KILLED, *where], env={**os.environ}, check=False, timeout=240)
    assert child.returncode == -signal.SIGKILL
    assert not cut.exists()
    assert len(_losses(tmp_path / "cut.safetensors.csv")) == 1 + 2
    seen: list[Epoch] = []
    made = training.train(recipe, output=cut, log=tmp_path / "cut.csv", progress=seen.append, resume=True)
    assert [epoch.epoch for epoch in seen] == [3, 4]
    assert made.history == whole.history
    assert _losses(tmp_path / "cut.csv") == _losses(tmp_path / "whole.csv")
    first, second = (torch.load(tmp_path / f"{name}.checkpoint", weights_only=True) for name in ("whole", "cut"))
    for part in ("module", "objective"):
        assert all(torch.equal(value, second[part][name]) for name, value in first[part].items())
    assert cut.read_bytes() == (tmp_path / "whole.safetensors").read_bytes()


#: converters that are calibrated: on what the network is in the end, whether or not it was trained just now
CALIBRATED = CHIP.replace("start_epoch: 2", "start_epoch: 4, overrides: {adc.range: percentile, adc.bits: 4}")


@pytest.mark.parametrize("text", [PLAIN, CALIBRATED], ids=["plain", "calibrated"])
def test_what_has_ended_is_not_trained_again(tmp_path, text):
    recipe, path = _recipe(tmp_path, text), tmp_path / "net.safetensors"
    training.train(recipe, output=path)
    first, seen = path.read_bytes(), []
    training.train(recipe, output=path, log=tmp_path / "log.csv", progress=seen.append, resume=True)
    assert not seen
    assert path.read_bytes() == first
    assert len(list(csv.DictReader(_losses(tmp_path / "log.csv")))) == 4


def test_a_checkpoint_of_another_recipe_or_damaged_gives_one_clear_line(tmp_path):
    recipe, path = _recipe(tmp_path, PLAIN), tmp_path / "net.safetensors"
    training.train(recipe, output=path)
    other = _recipe(tmp_path, PLAIN.replace("seed: 3", "seed: 4"))
    with pytest.raises(InputError, match=r"net\.checkpoint: was written by another recipe: seed was 3, is 4"):
        training.train(other, output=path, resume=True)
    stored = tmp_path / "net.checkpoint"
    raw = stored.read_bytes()
    flipped = bytearray(raw)
    flipped[len(raw) // 2] ^= 0xFF
    for damaged in (b"", b"junk", raw[:-100], bytes(flipped)):
        stored.write_bytes(damaged)
        with pytest.raises(InputError, match="or damaged"):
            training.train(other, output=path, resume=True)


def test_recipes_may_get_new_fields_between_a_run_and_its_resumption(tmp_path):
    recipe, path = _recipe(tmp_path, PLAIN), tmp_path / "net.safetensors"
    training.train(recipe, output=path)
    state = torch.load(tmp_path / "net.checkpoint", weights_only=True)
    del state["recipe"]["augmentation"]["one_each"]
    torch.save(state, tmp_path / "net.checkpoint")
    training.train(recipe, output=path, resume=True)
    state["recipe"]["augmentation"]["of_the_future"] = 1
    torch.save(state, tmp_path / "net.checkpoint")
    with pytest.raises(InputError, match=r"written by another recipe: augmentation\.of_the_future was 1, is None"):
        training.train(recipe, output=path, resume=True)


def _wrong_weights(state):
    state["module"].popitem()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda state: state.pop("history"), "is damaged: 'history' is missing"),
        (lambda state: state.update(history=state["history"] * 9), "is damaged: 36 epochs of 4"),
        (lambda state: state.update(random=state["random"][:16]), "is damaged: "),
        (lambda state: state.update(optimizer=None), "is damaged: "),
        (lambda state: state.update(best={}), "is damaged: "),
        (_wrong_weights, "is damaged: "),
        (lambda state: state.update(device="cuda"), "was written by a run on 'cuda': go on there, not on 'cpu'"),
    ],
)
def test_a_checkpoint_that_does_not_fit_gives_one_clear_line(tmp_path, plain_run, damage, message):
    recipe, path = _recipe(tmp_path, PLAIN), tmp_path / "net.safetensors"
    state = torch.load(plain_run, weights_only=True)
    damage(state)
    torch.save(state, tmp_path / "net.checkpoint")
    with pytest.raises(InputError) as caught:
        training.train(recipe, output=path, resume=True)
    assert f"net.checkpoint: {message}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not path.exists()


@pytest.fixture(scope="module")
def plain_run(tmp_path_factory):
    """The checkpoint of a run by `PLAIN`."""
    folder = tmp_path_factory.mktemp("run")
    fit(training.load_config(_recipe(folder, PLAIN)), checkpoint=folder / "net.checkpoint")
    return folder / "net.checkpoint"


@pytest.mark.parametrize("what", [{"resume": True}, {"overwrite": True}, {}])
def test_two_runs_do_not_share_their_files(tmp_path, what):
    """The second is refused while the first is at work, whatever it was told."""
    recipe, seen = _recipe(tmp_path, PLAIN.replace("epochs: 4", "epochs: 2")), []

    def second(epoch):
        before = (tmp_path / "net.checkpoint").read_bytes()
        with pytest.raises(InputError, match=r"net\.checkpoint: another process is training by it now"):
            training.train(recipe, output=tmp_path / "net.safetensors", **what)
        seen.append((tmp_path / "net.checkpoint").read_bytes() == before)

    training.train(recipe, output=tmp_path / "net.safetensors", progress=second)
    assert seen == [True, True]


def test_a_checkpoint_is_whole_whenever_its_writer_is_killed(tmp_path):
    """Killed with the new one written and not yet in its place: the old one goes on, to the same network."""
    recipe, cut = _recipe(tmp_path, PLAIN), tmp_path / "cut.safetensors"
    whole = training.train(recipe, output=tmp_path / "whole.safetensors")
    child = subprocess.run([sys.executable, "-c", KILLED_WRITING, str(recipe), str(cut)], check=False, timeout=240)
    assert child.returncode == -signal.SIGKILL
    assert len(torch.load(tmp_path / "cut.checkpoint", weights_only=True)["history"]) == 2
    assert len(list(tmp_path.glob(".cut.checkpoint.*"))) == 1
    made = training.train(recipe, output=cut, resume=True)
    assert not list(tmp_path.glob(".cut.*"))
    assert made.history == whole.history
    assert cut.read_bytes() == (tmp_path / "whole.safetensors").read_bytes()


def test_a_checkpoint_runs_nothing(tmp_path):
    """A file made to call something when unpickled is refused."""

    class Evil:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "called"),))

    torch.save({"kind": Evil()}, tmp_path / "evil.checkpoint")
    with pytest.raises(InputError, match="or damaged"):
        checkpoint.load(tmp_path / "evil.checkpoint", training.load_config("digits-fp"))
    assert not (tmp_path / "called").exists()


def test_patience_keeps_the_best_network_of_the_search_split_and_stops(tmp_path):
    text = PLAIN.replace("epochs: 4", "epochs: 40, patience: 2, learning_rate: 0.02").replace("256", "128")
    _, history = fit(training.load_config(_recipe(tmp_path, text)))
    scores = [epoch.search_accuracy for epoch in history]
    best = scores.index(max(scores))
    assert len(history) == best + 1 + 2 < 40
    without = training.load_config(_recipe(tmp_path, text.replace("patience: 2, ", "")))
    shorter, same = fit(without)[1], len(history)
    assert [epoch.losses for epoch in shorter[:same]] == [epoch.losses for epoch in history]  # looking changes nothing


def test_looking_at_the_search_split_draws_no_devices(tmp_path):
    text = CHIP.replace("epochs: 4", "epochs: 3")
    looks = text.replace("epochs: 3", "epochs: 3, patience: 9")
    first, second = (fit(training.load_config(_recipe(tmp_path, each)))[1] for each in (text, looks))
    assert [epoch.losses for epoch in first] == [epoch.losses for epoch in second]


def test_nothing_is_lost_by_accident(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _recipe(tmp_path, PLAIN.replace("epochs: 4", "epochs: 1"))
    training.train("mine.yaml", log="log.csv")
    files = {path: path.read_bytes() for path in map(Path, ("mine.safetensors", "mine.checkpoint", "log.csv"))}
    with pytest.raises(InputError, match=r"mine\.safetensors, log\.csv, mine\.checkpoint: already there; --resume"):
        training.train("mine.yaml", log="log.csv")
    for path in files:  # one alone is not replaced either
        for other in set(files) - {path}:
            other.unlink()
        with pytest.raises(InputError, match=f"^{path}: already there; --resume goes on .* --overwrite begins anew"):
            training.train("mine.yaml", log="log.csv")
        if path.suffix != ".checkpoint":
            with pytest.raises(InputError, match=f"^{path}: already there; there is no checkpoint to resume from"):
                training.train("mine.yaml", log="log.csv", resume=True)
        for other in files:
            other.write_bytes(files[other])
    with pytest.raises(InputError, match="exclude each other"):
        training.train("mine.yaml", resume=True, overwrite=True)
    _recipe(tmp_path, PLAIN.replace("epochs: 4", "epochs: 1").replace("seed: 3", "seed: 4"))
    command = ["train", "mine.yaml", "--log", "log.csv"]
    refused = CliRunner().invoke(main, command)
    assert refused.exit_code == 2
    assert {path: path.read_bytes() for path in files} == files
    assert CliRunner().invoke(main, [*command, "--overwrite"]).exit_code == 0
    assert all(path.read_bytes() != before for path, before in files.items())


def test_a_teachers_checkpoint_is_not_lost_either(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _recipe(tmp_path, PLAIN.replace("epochs: 4", "epochs: 1") + "distillation: {teacher: other.yaml}\n")
    (tmp_path / "other.yaml").write_text(PLAIN.replace("epochs: 4", "epochs: 1"))
    (tmp_path / "mine-teacher.checkpoint").write_text("of another run")
    with pytest.raises(InputError, match=r"^mine-teacher\.checkpoint: already there"):
        training.train("mine.yaml")
    (tmp_path / "mine-teacher.checkpoint").unlink()
    training.train("mine.yaml")
    for name in ("mine.checkpoint", "mine.safetensors"):
        (tmp_path / name).unlink()
    training.train("mine.yaml", resume=True)  # it was killed between the stages


def test_half_precision_trains_and_what_is_exported_is_exact(tmp_path):
    text = PLAIN + "quantization: {weight_bits: 4, membrane_bits: 8}\n"
    half = text.replace("epochs: 4", "epochs: 4, autocast: bf16, learning_rate: 0.01")
    made = training.train(_recipe(tmp_path, half), output=tmp_path / "half.safetensors")
    full = fit(training.load_config(_recipe(tmp_path, half.replace("autocast: bf16, ", ""))))[1]
    assert made.history[-1].losses != full[-1].losses
    assert made.history[-1].task_loss < made.history[0].task_loss
    assert load_network(made.path).arithmetic == "integer"


def test_the_command_resumes_logs_and_says_how_to_get_a_data_set(tmp_path):
    recipe, net, log = _recipe(tmp_path, PLAIN), tmp_path / "net.safetensors", tmp_path / "log.csv"
    command = ["train", str(recipe), "-o", str(net), "--log", str(log), "--resume"]
    for _ in range(2):
        assert CliRunner().invoke(main, command).exit_code == 0
    assert len(_losses(log)) == 1 + 4
    _recipe(tmp_path, PLAIN.replace("dataset: digits", "dataset: mnist"))
    result = CliRunner().invoke(main, ["train", str(recipe), "--data-root", str(tmp_path)])
    assert result.exit_code == 2
    assert "get it: spikesim download mnist" in result.output
