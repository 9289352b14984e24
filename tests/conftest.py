"""Fixtures that more than one room's tests use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import settings

from spikesim_py.network import Network, build

if TYPE_CHECKING:
    from browser import Browser
    from study_data import Shelf

settings.register_profile("default", deadline=None, max_examples=40, derandomize=bool(os.environ.get("CI")))
settings.load_profile("default")

ROOT = Path(__file__).resolve().parent.parent


def conv(name: str, source: str, cin: int, cout: int, k: int = 3, **more: Any) -> dict[str, Any]:
    fields = {"op": "conv", "name": name, "inputs": [source], "in_channels": cin, "out_channels": cout}
    return {**fields, "kernel": (k, k), "padding": (k // 2, k // 2), **more}


def lif(name: str, source: str, **more: Any) -> dict[str, Any]:
    return {"op": "lif", "name": name, "inputs": [source], "leak": {"multiplier": 1, "shift": 1}, **more}


def random_weights(rng: np.random.Generator, shape: tuple[int, ...], bits: int) -> np.ndarray:
    """Integer weights that use the whole range of `bits`."""
    if bits == 1:
        return rng.choice(np.array([-1, 1], dtype=np.int16), shape)
    half = 2 ** (bits - 1)
    return rng.integers(-half, half, shape).astype(np.int16)


def tiny_network(seed: int = 0, bits: int = 4, input_bits: int = 3, steps: int = 3) -> Network:
    """conv - LIF - sum pool - conv (2 groups, stride 2) - LIF - flatten - linear - readout on 6x6 images."""
    rng = np.random.default_rng(seed)
    description = {
        "name": f"tiny-{bits}",
        "arithmetic": "integer",
        "time_steps": steps,
        "input": {"shape": (2, 6, 6), "bits": input_bits},
        "nodes": [
            conv("conv1", "input", 2, 6, weight_bits=bits),
            lif("lif1", "conv1"),
            {"op": "pool", "name": "pool1", "inputs": ["lif1"], "kernel": (2, 2), "stride": (1, 1)},
            conv("conv2", "pool1", 6, 4, stride=(2, 2), groups=2, weight_bits=bits),
            lif("lif2", "conv2", reset="subtract", membrane_bits=8),
            {"op": "flatten", "name": "flat", "inputs": ["lif2"]},
            {"op": "linear", "name": "fc", "inputs": ["flat"], "in_features": 36, "out_features": 3}
            | {"weight_bits": bits},
            {"op": "readout", "name": "out", "inputs": ["fc"]},
        ],
    }
    top = 2 ** max(bits - 1, 1)
    arrays = {
        "conv1.weight": random_weights(rng, (6, 2, 3, 3), bits),
        "lif1.theta": rng.integers(1, 6 * top, 6),
        "conv2.weight": random_weights(rng, (4, 3, 3, 3), bits),
        "lif2.theta": np.array([2 * top]),
        "fc.weight": random_weights(rng, (3, 36), bits),
    }
    return build(description, arrays)


def mixed_network(steps: int = 3) -> Network:
    """A workload of depthwise and 1x1 convolutions, an add, pools, an affine and a linear layer on 8x8 images."""
    nodes = [
        conv("a", "input", 3, 8, weight_bits=4),
        {"op": "affine", "name": "bn", "inputs": ["a"], "bits": 8},
        lif("la", "bn"),
        conv("d", "la", 8, 8, weight_bits=4, groups=8),
        lif("ld", "d"),
        conv("b", "ld", 8, 8, k=1, weight_bits=4),
        lif("lb", "b"),
        {"op": "add", "name": "sum", "inputs": ["la", "lb"]},
        {"op": "pool", "name": "p", "inputs": ["sum"], "kernel": (2, 2), "stride": (2, 2)},
        conv("c", "p", 8, 40, weight_bits=4),
        lif("lc", "c"),
        {"op": "pool", "name": "q", "inputs": ["lc"], "kind": "max", "kernel": (2, 2), "stride": (2, 2)},
        {"op": "flatten", "name": "f", "inputs": ["q"]},
        {"op": "linear", "name": "fc", "inputs": ["f"], "in_features": 160, "out_features": 10, "weight_bits": 4},
        {"op": "readout", "name": "out", "inputs": ["fc"]},
    ]
    spec = {"shape": (3, 8, 8), "bits": 5}
    shape = {"name": "mixed", "arithmetic": "shape", "time_steps": steps, "input": spec, "nodes": nodes}
    return build(shape, {})


def tiny_images(samples: int = 5, bits: int = 3, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2**bits, (samples, 2, 6, 6)).astype(np.uint8)


@pytest.fixture
def tiny() -> Network:
    return tiny_network()


@pytest.fixture(scope="session")
def page() -> Iterator[Browser]:
    """A page of the one Chromium that all tests share: starting it takes longer than most of them."""
    from browser import browser, need_browser

    need_browser()
    with browser() as found:
        yield found


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """The explorer reads a study that lies in memory."""
    from study_data import Shelf

    found = Shelf(tmp_path / "study.db")
    monkeypatch.setattr("explorer_app.reader.load_study", found.load)
    return found


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Tensors of a few numbers: threads only wait for each other."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The worked example of an extension, installed in a folder of its own."""
    from plugin_cases import install

    return install(tmp_path_factory.mktemp("installed"))


@pytest.fixture
def import_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """`sys.path` to change; afterwards no plugin of it is known."""
    from plugin_cases import forget

    forget()
    yield monkeypatch
    monkeypatch.undo()
    forget()


@pytest.fixture
def extension_chip(extension: Path, import_path: pytest.MonkeyPatch) -> Path:
    """The chip of the worked example, which can be loaded."""
    from plugin_cases import EXAMPLE, forget

    import_path.syspath_prepend(str(extension))
    forget()
    return EXAMPLE / "chip.yaml"
