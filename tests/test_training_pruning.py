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
from training.loop import Run
from training.pruning import Pruning
from training.quantizers import WEIGHTS
from training.trainer import fit

pytestmark = pytest.mark.usefixtures("one_thread")

#: conv2: 72 rows in 5 crossbars, 16 outputs of 6 columns in 3 of 47 (one is a dummy); conv3: 144 rows in 9, and 3 again
SIZES = {"crossbar.rows": 16, "crossbar.cols": 48}
RECIPE = """\
dataset: digits
seed: 3
samples: 512
architecture: {channels: [8, 16, 16], pool_after: [2, 3], time_steps: 2}
quantization: {weight_bits: 4, membrane_bits: 8, weights: mean_step}
optimization: {epochs: 4, learning_rate: 0.01}
pruning:
  chip: rram_32nm
  overrides: {crossbar.rows: 16, crossbar.cols: 48}
  keep: 0.4
  start_epoch: 2
  ramp: 2
  lasso: 0.1
"""
#: of conv2 and conv3: crossbars, and how many are left
LEFT = {"conv2": (15, 6), "conv3": (27, 11)}


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
    assert chip.accuracy > 0.8
    assert trained.accuracy > 0.8
    assert all(epoch.row()["pruning_loss"] > 0 for epoch in trained.history)
