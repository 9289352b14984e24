"""Training on another device: nothing of a step stays behind on the CPU, and Triton's kernels are the compiled ones.

No CUDA device is needed: torch's `meta` device has shapes and no values, and refuses to mix with the CPU's tensors just
as CUDA does; Triton's interpreter runs a kernel in NumPy.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import nullcontext

import numpy as np
import pytest
import torch

from spikesim_py.datasets import Dataset
from spikesim_py.errors import ConfigError, InputError
from tests.peers import peer
from training.config import TrainingConfig
from training.loop import Run
from training.module import SpikingNetwork
from training.networks import architecture
from training.teachers import begin_as, fixed
from training.trainer import fit

_META = torch.device("meta")


def _recipe(arch: str, bits: tuple[int, int] | None = None, **optimization: object) -> TrainingConfig:
    how = {"epochs": 1, "batch": 8, "shift_pixels": 2, "optimizer": "sgd", "learning_rate": 0.1, **optimization}
    recipe: dict[str, object] = {
        "name": "tried",
        "architecture": {"name": arch, "width": 0.1},
        "augmentation": {"flip": True, "cutout_pixels": 4, "roll_pixels": 1},
        "optimization": how,
    }
    if bits is not None:
        recipe |= {
            "quantization": {"weight_bits": bits[0], "membrane_bits": bits[1], "edge_bits": 8},
            "distillation": {"teacher": "another"},
        }
    return TrainingConfig.model_validate(recipe)


def _module(recipe: TrainingConfig) -> SpikingNetwork:
    how = recipe.architecture
    blueprint = architecture(how.name, {}, input_shape=(3, 32, 32), input_bits=8, classes=10, width=how.width)
    return SpikingNetwork(blueprint, recipe.arithmetic, recipe.neuron)


@pytest.mark.parametrize(
    ("arch", "bits"),
    [  # a quantizer that leaves its device does so in the smallest network too
        pytest.param(arch, bits, marks=[pytest.mark.slow] if bits == (1, 4) and arch != "vgg5" else [])
        for arch in ("vgg5", "resnet20", "msresnet18", "spikformer")
        for bits in (None, (4, 4), (1, 4))
    ],
)
def test_a_step_on_another_device_uses_nothing_of_the_cpu(
    arch: str, bits: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = _recipe(arch, bits, weight_noise=0.05 if bits else 0.0)
    module = _module(recipe)
    teacher = None
    if bits is not None:
        teacher = fixed(_module(_recipe(arch)))
        begin_as(module, teacher)
    monkeypatch.setattr(torch.Tensor, "__float__", lambda tensor: 1.0)  # a shape has no value
    monkeypatch.setattr("training.loop._random_state", lambda device: torch.get_rng_state())
    images = np.zeros((16, 3, 32, 32), np.uint8)
    data = Dataset("tried", images, np.arange(16, dtype=np.int64) % 10)
    run = Run(recipe, module, teacher, None, data, device=_META)
    monkeypatch.setattr(run, "_precision", nullcontext)
    run._epoch(1)
    module.settle(run._images)
    assert {p.device.type for p in module.parameters()} == {"meta"}
    assert {v.device.type for state in run.optimizer.state.values() for v in state.values()} == {"meta"}


def test_triton_kernels_are_the_compiled_ones() -> None:
    peer("triton")
    asked = {**os.environ, "TRITON_INTERPRET": "1"}  # read when triton is first imported: a process of its own
    run = subprocess.run([sys.executable, "-m", "tests.triton_twin"], env=asked, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "40 cases agree"


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="must be 'cpu' or 'cuda'"):
        fit(_recipe("vgg5"), device="tpu")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="finds no CUDA device"):
            fit(_recipe("vgg5"), device="cuda")


def test_weight_noise_acts_in_training_only() -> None:
    module = _module(_recipe("vgg5"))
    images = torch.randint(0, 256, (4, 3, 32, 32)).float()
    module.settle(images)
    calm = module(images).logits
    module.weight_noise = 0.3
    assert torch.equal(module(images).logits, calm)
    module.train()
    first, second = module(images).step_logits, module(images).step_logits
    assert not torch.equal(first, second)


def test_weight_noise_and_a_chip_exclude_each_other() -> None:
    recipe = _recipe("vgg5", (4, 4), weight_noise=0.1).model_dump(mode="json") | {"hardware": {"chip": "sram_32nm"}}
    with pytest.raises((ValueError, ConfigError), match="weight_noise"):
        TrainingConfig.model_validate(recipe)
