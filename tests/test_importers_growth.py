"""Small files that would grow: refused in a second and 200 MB above the process, without a crash."""

from __future__ import annotations

import itertools
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from importer_files import lif, nir_file, write_nir
from memory import at_most
from peers import peer

from spikesim_py.errors import NetworkError
from spikesim_py.importers import import_network

pytestmark = pytest.mark.filterwarnings("ignore::spikesim_py.importers.AssumedWarning")
Nodes = dict[str, dict[str, Any]]


def _refused(path: Path, pattern: str, **options: Any) -> None:
    start = time.process_time()
    with at_most(200), pytest.raises(NetworkError, match=pattern):
        import_network(path, **options)
    assert time.process_time() - start < 1


def _chain(folder: Path, shape: list[int], *middle: dict[str, Any]) -> Path:
    nodes: Nodes = {"input": {"type": "Input", "shape": np.array(shape)}}
    nodes |= {f"n{index}": node for index, node in enumerate(middle)}
    nodes["output"] = {"type": "Output", "shape": np.array([5])}
    names = list(nodes)
    return write_nir(folder / "grows.nir", nodes, list(itertools.pairwise(names)))


def _conv(channels: int) -> dict[str, Any]:
    weight = np.ones((channels, channels, 2, 2), np.float32)
    sizes = {"stride": 1, "padding": 0, "dilation": np.array([255, 255]), "groups": 1}
    return {"type": "Conv2d", "weight": weight, "bias": np.zeros(channels), **sizes}


FLATTEN = {"type": "Flatten", "start_dim": 0, "end_dim": -1}


@pytest.mark.parametrize(
    ("shape", "middle", "pattern"),
    [
        ([2, 65536, 65536], ({"type": "Scale", "scale": np.array([1.0, 2.0])}, FLATTEN), "at most 4194304 are spread"),
        ([65536, 2, 65536], ({"type": "Scale", "scale": np.array([[[1.0], [2.0]]])},), "factor has shape .* not fit"),
        ([64, 300, 300], (_conv(64), lif(1)), r"dilation \(255, 255\) spans \(256, 256\)"),
        ([300, 300, 300], (_conv(300), lif(1)), r"dilation \(255, 255\) spans \(256, 256\)"),
        ([65536, 65536, 65536], (lif(1), {"type": "Linear", "weight": np.ones((2, 5))}), "reads 5 values, but gets"),
    ],
    ids=["flatten", "broadcast", "dilation", "dilation of many channels", "shape"],
)
def test_parameters_are_not_spread_without_end(shape: list[int], middle: Any, pattern: str, tmp_path: Path) -> None:
    _refused(_chain(tmp_path, shape, *middle), pattern)


def test_a_dilated_kernel_of_usual_size_is_read(tmp_path: Path) -> None:
    conv = _conv(2) | {"dilation": np.array([3, 3])}
    net = import_network(_chain(tmp_path, [2, 9, 9], conv, lif(1)))
    assert net.by_name["n0"].kernel == (4, 4)


def test_narrow_numbers_count_as_what_they_become(tmp_path: Path) -> None:
    """A byte becomes a float64."""
    path, options = nir_file(tmp_path)
    with peer("h5py").File(path, "r+") as file:
        del file["node/nodes/fc/weight"]
        file["node/nodes/fc"].create_dataset("weight", data=np.ones((5000, 6400), np.uint8), compression="gzip")
    _refused(path, "needs 256000000 bytes", **options)
    torch.save({"fc.weight": torch.zeros(1, dtype=torch.uint8).expand(5000, 6400)}, tmp_path / "net.pt")
    _refused(tmp_path / "net.pt", "needs 256000000 bytes", format="snntorch")


def test_loops_upon_loops(tmp_path: Path) -> None:
    """Every unit feeds all before it: the ways round are n^3 / 6 operations long together."""
    count = 190
    nodes: Nodes = {"input": {"type": "Input", "shape": np.array([1])}}
    nodes |= {f"t{i}": {"type": "Threshold", "threshold": np.array([0.5])} for i in range(count)}
    nodes["output"] = {"type": "Output", "shape": np.array([1])}
    names = list(nodes)
    edges = list(itertools.pairwise(names))
    edges += [(f"t{i}", f"t{j}") for i in range(count) for j in range(i)]
    _refused(write_nir(tmp_path / "loops.nir", nodes, edges), "has too many loops|takes more time")


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        (b"1 " * 10_000 + b"9" * 4_000_000 + b"\n", "'9{24}'..: must be a whole number"),
        (b"1 " * 2_100_000 + b"\n", "is longer than 4194304 bytes"),
        (b"1\n" * 70_000, "has more than 65536 rows"),
    ],
    ids=["word", "line", "rows"],
)
def test_texts(text: bytes, pattern: str, tmp_path: Path) -> None:
    (tmp_path / "w.txt").write_bytes(text)
    _refused(tmp_path / "w.txt", pattern, format="text", threshold=5)


def test_many_small_arrays(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.numpy")
    safetensors.save_file({f"t{i}": np.zeros(0, np.float32) for i in range(20_001)}, tmp_path / "many.safetensors")
    _refused(tmp_path / "many.safetensors", "holds 20001 arrays", format="snntorch")


def test_a_compressed_program(tmp_path: Path) -> None:
    """28 MB of pickled ones in 30 kB."""
    with zipfile.ZipFile(tmp_path / "net.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("net/data.pkl", b"\x80\x02" + b"K\x01" * 14_000_000)
    _refused(tmp_path / "net.pt", "more than 400000 reads", format="snntorch")


def test_architectures(tmp_path: Path) -> None:
    """Pools of pools of .. in pairs: 2^30 ways to what a padded maximum reads."""
    torch.save({"fc.weight": torch.zeros(5, 4)}, tmp_path / "net.pth")
    layers = "".join(
        f"- {{name: {side}{i}, type: AvgPool2d, kernel_size: 1, inputs: [{f'p{i - 1}, q{i - 1}' if i else 'input'}]}}\n"
        for i in range(30)
        for side in "pq"
    )
    text = (
        f"input: {{shape: [4, 4, 4]}}\nlayers:\n{layers}- {{type: MaxPool2d, kernel_size: 3, padding: 1, stride: 1}}\n"
    )
    (tmp_path / "net.yaml").write_text(text + "- {type: Linear, arrays: fc}\n")
    options = {"format": "state_dict", "architecture": str(tmp_path / "net.yaml")}
    _refused(tmp_path / "net.pth", "reads 4 values, but gets", **options)
    (tmp_path / "net.yaml").write_text("#" * 300_000)
    _refused(tmp_path / "net.pth", "has 300000 bytes", **options)
