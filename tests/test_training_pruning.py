"""Recipes that prune by whole crossbars: what is zero, when, and that it stays so up to the chip."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from test_training_export import assert_same
from test_training_resume import KILLED

import spikesim_py as ss
import training
from spikesim_py.datasets import load_dataset
from spikesim_py.errors import ConfigError, InputError
from spikesim_py.hardware import load_hardware
from spikesim_py.mapping import map_network
from spikesim_py.mapping.cells import layer_cells
from spikesim_py.network import Network
from training.prepare import module_of, training_data
from training.pruning import Pruner
from training.quantizers import WEIGHTS
from training.trainer import fit

pytestmark = pytest.mark.usefixtures("one_thread")

#: 47 columns, as one is a dummy: outputs of 6 lie across two
SIZES = {"crossbar.rows": 16, "crossbar.cols": 48}
RECIPE = """\
dataset: digits
seed: 3
samples: 512
architecture: {channels: [16, 32, 64], pool_after: [2, 3], time_steps: 4}
quantization: {weight_bits: 4, membrane_bits: 8}
distillation: {teacher: digits-fp}
optimization: {epochs: 3, learning_rate: 0.003}
pruning:
  chip: rram_32nm
  overrides: {crossbar.rows: 16, crossbar.cols: 48}
  keep: 0.4
  ramp: 2
  lasso: 0.1
"""
#: crossbars (16 rows: 9 and 18 of them; 192 and 384 columns: 5 and 9), and how many are left
LEFT = {"conv2": (45, 18), "conv3": (162, 65)}


def write(folder: Path, *changes: tuple[str, str]) -> Path:
    path, text = folder / "mine.yaml", RECIPE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return path


def crossbars_in_use(network: Network, layer: str) -> tuple[int, int]:
    """Crossbars of a layer on the recipe's chip, and those with a cell that is not zero."""
    cells = layer_cells(map_network(network, load_hardware("rram_32nm", SIZES)), layer)
    _, rows, columns = np.nonzero(cells.levels)
    used = {cells.place(0, row, column)[0] for row, column in zip(rows.tolist(), columns.tolist(), strict=True)}
    return int(cells.plan.crossbars), len(used)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> training.Trained:
    folder = tmp_path_factory.mktemp("pruned")
    return training.train(write(folder), output=folder / "net.safetensors")


def test_from_recipe_to_chip(trained: training.Trained):
    assert {name: crossbars_in_use(trained.network, name) for name in LEFT} == LEFT
    for edge in ("conv1", "fc"):
        total, used = crossbars_in_use(trained.network, edge)
        assert used == total
    chip = ss.evaluate(trained.path, "rram_32nm", overrides=SIZES | {"device.ideal": True}, chips=1)
    assert chip.accuracy > 0.85
    assert trained.accuracy > 0.85
    assert all(epoch.row()["pruning_loss"] > 0 for epoch in trained.history)


def test_it_spikes_as_its_module_and_what_is_pruned_learns_nothing(tmp_path: Path):
    module, _ = fit(training.load_config(write(tmp_path, ("epochs: 3", "epochs: 2"), ("samples: 512", "samples: 256"))))
    network, images = training.export(module, "pruned"), load_dataset("digits", "search").images[:64]
    assert 0 < assert_same(module, network, images) < 1
    module.train()
    module(torch.from_numpy(images.astype(np.float32))).logits.square().sum().backward()
    for name in LEFT:
        layer = module.layer(name)
        pruned = layer.mask == 0
        assert 0.5 < pruned.double().mean() < 0.9
        assert not network.weight(name)[pruned.numpy()].any()
        assert not layer.latent.grad[pruned].any()
        assert layer.latent.grad[~pruned].any()
    assert module.layer("conv1").mask is None


@pytest.mark.parametrize("name", sorted(name for name, kind in WEIGHTS.items() if kind.most > 1))
def test_what_is_pruned_has_no_say_in_how_the_others_are_stored(name: str):
    blueprint = training.architecture("convnet", {"channels": (4, 6)}, input_shape=(1, 6, 6), input_bits=1, classes=3)
    for per_channel in (False, True):
        torch.manual_seed(1)
        how = training.Integer(4, 8, weights=name, per_channel=per_channel)
        layer = training.SpikingNetwork(blueprint, how).layer("conv2")
        layer.spare_all()
        dense, scale = layer.stored(True)
        assert torch.equal(dense, layer.quantizer(layer.latent)[0])
        layer.mask[:, ::2] = 0
        codes, scale = layer.stored(True)
        assert not codes[:, ::2].any()
        assert codes[:, 1::2].any()
        slope = torch.autograd.grad((codes * scale).square().sum(), layer.latent)[0]
        assert not slope[:, ::2].any()
        with torch.no_grad():
            layer.latent[:, ::2] = 9.0
        again, same = layer.stored(True)
        assert torch.equal(again, codes)
        assert torch.equal(same, scale)


def test_the_share_falls_along_the_ramp_and_what_is_empty_stays_so(tmp_path: Path):
    changes = ("epochs: 3", "epochs: 6"), ("  ramp: 2", "  start_epoch: 2\n  ramp: 4")
    recipe = training.load_config(write(tmp_path, *changes))
    how, module = recipe.pruning, module_of(recipe, training_data(recipe))
    assert [how.share(epoch) for epoch in range(1, 6)] == pytest.approx([1, 0.653125, 0.475, 0.409375, 0.4])
    pruner, before = Pruner(module, how), torch.ones(())
    for epoch in range(1, 7):
        pruner.begin(epoch)
        with torch.no_grad():  # as if training filled it again, more than the others
            module.layer("conv2").latent[:, :8] += 1
        mask = module.layer("conv2").mask
        assert (mask <= before).all()
        assert torch.equal(mask, before) if epoch == 6 else epoch == 1 or not torch.equal(mask, before)
        before = mask


def test_a_run_that_was_killed_ends_as_one_that_was_not(tmp_path: Path):
    """In the epoch behind the ramp: its masks are in the checkpoint alone."""
    recipe = write(tmp_path, ("samples: 512", "samples: 256"))
    whole = training.train(recipe, output=tmp_path / "whole.safetensors")
    where = [str(recipe), str(tmp_path / "cut.safetensors"), str(2 * 4 + 2)]
    child = subprocess.run([sys.executable, "-c", KILLED, *where], env={**os.environ}, check=False, timeout=240)
    assert child.returncode == -signal.SIGKILL
    made = training.train(recipe, output=tmp_path / "cut.safetensors", resume=True)
    assert made.history == whole.history
    assert made.path.read_bytes() == whole.path.read_bytes()


def test_the_best_network_is_one_that_is_pruned(tmp_path: Path):
    changes = (
        ("samples: 512", "samples: 128"),
        ("epochs: 3", "epochs: 3, patience: 9"),
        ("  ramp: 2", "  start_epoch: 3"),
    )
    module, history = fit(training.load_config(write(tmp_path, *changes)))
    assert history[1].search_accuracy > history[2].search_accuracy
    assert crossbars_in_use(training.export(module, "best"), "conv2") == LEFT["conv2"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("keep: 0.4", "keep: 1", "pruning.keep = 1: must be less than 1"),
        ("keep: 0.4", "keep: 0", "pruning.keep = 0: must be greater than 0"),
        ("rram_32nm", "rram_32mn", "pruning: chip 'rram_32mn' is neither"),
        ("ramp: 2", "ramp: 4", "pruning.start_epoch = 1, ramp = 4: the ramp must end by optimization.epochs = 3"),
        ("bits: 8}", "bits: 8, warm_up: 1}", "pruning.start_epoch = 1: must be above quantization.warm_up = 1"),
        ("quantization: {weight_bits: 4, membrane_bits: 8}\n", "", "pruning: crossbars hold integers; needs quantiz"),
    ],
)
def test_a_recipe_that_cannot_be_gives_one_clear_line(tmp_path: Path, old: str, new: str, message: str):
    with pytest.raises(ConfigError) as caught:
        training.load_config(write(tmp_path, (old, new)))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("crossbar.rows: 16, crossbar.cols: 48", "crossbar.rows: 1024, crossbar.cols: 1024", "no layer .* takes two"),
        ("weight_bits: 4", "weight_bits: 1", "no layer .* takes two"),
        ("crossbar.cols: 48", "crossbar.cols: 12", "columns = 11: must be a multiple of an output's 6, or twice that"),
    ],
)
def test_a_network_that_cannot_be_pruned_is_refused_before_training(tmp_path: Path, old: str, new: str, message: str):
    with pytest.raises(InputError, match=f"recipe 'mine': .*{message}"):
        fit(training.load_config(write(tmp_path, (old, new))))
