"""Small checkpoints of every format, made here; what a fuzzer does to files; how a file is refused."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from memory import at_most
from peers import peer

from spikesim_py.errors import NetworkError
from spikesim_py.importers import import_network
from spikesim_py.network import Network

#: what writes a file of a format into a folder: its path, and the options that its import needs
Maker = Callable[[Path], tuple[Path, dict[str, Any]]]
RNG = np.random.default_rng


def write_nir(path: Path, nodes: dict[str, dict[str, Any]], edges: list[tuple[str, str]]) -> Path:
    """A NIR file of nodes (fields with a `type`; a nested graph has `nodes` and `edges`)."""
    h5py = peer("h5py")

    def put(group: Any, node: dict[str, Any]) -> None:
        for key, value in node.items():
            if key == "nodes":
                for name, inner in value.items():
                    put(group.create_group(f"nodes/{name}"), inner)
            elif key == "edges":
                group.create_dataset(key, data=np.array(value, dtype=object), dtype=h5py.string_dtype())
            elif isinstance(value, str):
                group.create_dataset(key, data=value, dtype=h5py.string_dtype())
            else:
                group.create_dataset(key, data=value)

    with h5py.File(path, "w") as file:
        file.create_dataset("version", data="1.0", dtype=h5py.string_dtype())
        put(file.create_group("node"), {"type": "NIRGraph", "nodes": nodes, "edges": edges})
    return path


def lif(size: int, tau: float = 2e-4, **fields: Any) -> dict[str, Any]:
    """A LIF node with r = tau / dt of dt = 0.1 ms."""
    numbers = {"tau": tau, "r": tau / 1e-4, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0} | fields
    return {"type": "LIF"} | {key: np.full(size, value) for key, value in numbers.items()}


def nir_file(folder: Path) -> tuple[Path, dict[str, Any]]:
    weight = RNG(0).normal(size=(5, 4))
    nodes = {
        "input": {"type": "Input", "shape": np.array([4])},
        "fc": {"type": "Affine", "weight": weight, "bias": np.zeros(5)},
        "lif": lif(5),
        "rec": {"type": "Linear", "weight": RNG(1).normal(size=(5, 5))},
        "output": {"type": "Output", "shape": np.array([5])},
    }
    edges = [("input", "fc"), ("fc", "lif"), ("lif", "rec"), ("rec", "lif"), ("lif", "output")]
    return write_nir(folder / "net.nir", nodes, edges), {"format": "nir"}


def lava_file(folder: Path) -> tuple[Path, dict[str, Any]]:
    h5py = peer("h5py")
    neuron = {"iDecay": 1024, "vDecay": 512, "vThMant": 20, "refDelay": 1}
    with h5py.File(folder / "net.net", "w") as file:
        for index, (inputs, outputs) in enumerate(((4, 6), (6, 3))):
            layer = file.create_group(f"layer/{index}")
            layer["type"] = np.array([b"dense"], dtype="S10")
            layer["shape"] = np.array([outputs])
            layer["weight"] = 2.0 * RNG(index).integers(-30, 60, (outputs, inputs)).astype(np.float32)
            layer["neuron/type"] = "CUBA"
            layer["neuron/gradedSpike"] = False
            for key, value in neuron.items():
                layer[f"neuron/{key}"] = value
    return folder / "net.net", {"format": "lava"}


def _snntorch_arrays() -> dict[str, torch.Tensor]:
    unit = {"threshold": torch.tensor(1.0), "beta": torch.tensor(0.9), "reset_mechanism_val": torch.tensor(0)}
    arrays = {"fc.weight": torch.from_numpy(RNG(0).normal(size=(5, 4))), "fc.bias": torch.zeros(5)}
    return arrays | {f"lif.{key}": value for key, value in unit.items()}


def snntorch_file(folder: Path) -> tuple[Path, dict[str, Any]]:
    torch.save(_snntorch_arrays(), folder / "net.pt")
    return folder / "net.pt", {"format": "snntorch"}


def legacy_file(folder: Path) -> tuple[Path, dict[str, Any]]:
    torch.save(_snntorch_arrays(), folder / "old.pt", _use_new_zipfile_serialization=False)
    return folder / "old.pt", {"format": "snntorch"}


def safetensors_file(folder: Path) -> tuple[Path, dict[str, Any]]:
    from safetensors.torch import save_file

    save_file(_snntorch_arrays(), folder / "net.safetensors")
    return folder / "net.safetensors", {"format": "snntorch"}


def npz_file(folder: Path) -> tuple[Path, dict[str, Any]]:
    np.savez(folder / "net.npz", **{name: value.numpy() for name, value in _snntorch_arrays().items()})
    return folder / "net.npz", {"format": "snntorch"}


def pickle_file(folder: Path) -> tuple[Path, dict[str, Any]]:
    with open(folder / "net.pkl", "wb") as stream:
        pickle.dump({name: value.numpy() for name, value in _snntorch_arrays().items()}, stream)
    return folder / "net.pkl", {"format": "snntorch"}


ARCHITECTURE = """input: {shape: [4]}
time_steps: 8
layers:
- {name: fc, type: Linear, arrays: fc}
- {name: lif, type: LIFNode, tau: 2.0, v_threshold: 0.5, v_reset: null}
"""


def state_dict_file(folder: Path) -> tuple[Path, dict[str, Any]]:
    (folder / "net.yaml").write_text(ARCHITECTURE)
    torch.save(_snntorch_arrays(), folder / "net.pth")
    return folder / "net.pth", {"format": "state_dict", "architecture": str(folder / "net.yaml")}


def spikingjelly_file(folder: Path) -> tuple[Path, dict[str, Any]]:
    """A pickled module, classes of which this machine need not have."""
    return state_dict_file(folder)[0], {"format": "spikingjelly", "architecture": str(folder / "net.yaml")}


def vgg9_file(folder: Path) -> tuple[Path, dict[str, Any]]:
    sizes = [(3, 4), (4, 4), (4, 4), (4, 4), (4, 4), (4, 4), (4, 4)]
    arrays = {
        f"conv{i}.weight": torch.from_numpy(RNG(i).normal(0, 0.4, (o, c, 3, 3))) for i, (c, o) in enumerate(sizes, 1)
    }
    arrays |= {"fc1.weight": torch.randn(6, 4, generator=torch.Generator().manual_seed(0)) * 2}
    arrays |= {"fc2.weight": torch.ones(3, 6)}
    torch.save({"global_step": 3, "state_dict": arrays}, folder / "vgg9.pth.tar")
    return folder / "vgg9.pth.tar", {"format": "spikesim"}


def text_file(folder: Path) -> tuple[Path, dict[str, Any]]:
    np.savetxt(folder / "layer.txt", RNG(0).integers(-9, 10, (5, 4)), fmt="%d")
    return folder / "layer.txt", {"format": "text", "threshold": 5}


MAKERS: dict[str, Maker] = {
    "nir": nir_file,
    "lava": lava_file,
    "snntorch": snntorch_file,
    "legacy": legacy_file,
    "safetensors": safetensors_file,
    "npz": npz_file,
    "pickle": pickle_file,
    "state_dict": state_dict_file,
    "spikingjelly": spikingjelly_file,
    "spikesim": vgg9_file,
    "text": text_file,
}


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes changed, cut out, doubled, or the end cut off."""
    raw = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        if not raw:
            break
        place, kind = int(rng.integers(len(raw))), int(rng.choice(5, p=(0.35, 0.4, 0.2, 0.03, 0.02)))
        if kind == 0:
            raw[place] = int(rng.integers(256))
        elif kind == 1:
            raw[place] ^= 1 << int(rng.integers(8))
        elif kind == 2:
            raw[place : place + 8] = rng.choice([b"\xff" * 8, b"\0" * 8, b"\x7f" + b"\xff" * 7])[: len(raw) - place]
        elif kind == 3:
            del raw[place : place + int(rng.integers(1, 16))]
        else:
            raw[place:place] = raw[place : place + int(rng.integers(1, 32))]
    return bytes(raw[: int(rng.integers(len(raw)))]) if rng.random() < 0.1 else bytes(raw)


def inputs_of(net: Network, samples: int = 3) -> np.ndarray:
    """Inputs of whole numbers that a network takes."""
    shape = (samples, net.time_steps, *net.model.input.shape)
    shape = shape if net.model.input.coding == "events" else (samples, *net.model.input.shape)
    top = 2 ** min(net.model.input.bits, 8)
    return np.random.default_rng(0).integers(0, top, shape)


def refused(path: Path, pattern: str, **options: Any) -> None:
    """Refused in a second and 200 MB, with our error."""
    start = time.process_time()
    with at_most(200), pytest.raises(NetworkError, match=pattern) as caught:
        import_network(path, **options)
    assert "\n" not in str(caught.value)
    assert time.process_time() - start < 1
