"""Files that mean harm, or say what cannot be: refused in one line, in a second, in 200 MB."""

from __future__ import annotations

import io
import os
import pickle
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch
from importer_files import lava_file, nir_file, refused, snntorch_file
from peers import peer

from spikesim_py.importers.tensors import named_arrays, read_object

pytestmark = pytest.mark.filterwarnings("ignore::spikesim_py.importers.AssumedWarning")


class _Evil:
    def __init__(self, call) -> None:
        self.call = call

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_pickles_execute_nothing(protocol: int, tmp_path) -> None:
    mark = tmp_path / "executed"
    calls = [(os.system, (f"touch {mark}",)), (open, (str(mark), "w")), (exec, (f"open({str(mark)!r}, 'w')",))]
    for call in calls:
        path = tmp_path / "evil.pkl"
        path.write_bytes(pickle.dumps({"fc.weight": np.eye(2), "more": _Evil(call)}, protocol))
        named_arrays(read_object(path), path)
        assert not mark.exists()


def test_what_pickles_may_not_do(tmp_path) -> None:
    bombs = {
        b"\x80\x02]\x94(h\x00h\x00h\x00e.": "holds no arrays",
        b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b".": "item of 1099511627776 bytes",
        b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b".": "item of 1099511627776 bytes",
        b"\x80\x04r" + struct.pack("<I", 2**31 - 1) + b".": "not a readable pickle",
        b"\x80\x02" + b"K\x01" * 500_000 + b".": "more than 400000 reads",
        b"ccopyreg\n__newobj__\n)R}b.": "which is not read",
        b"\x80\x02}("
        + b"".join(b"\x8a\x09" + (k * (2**61 - 1)).to_bytes(9, "little") + b"N" for k in range(9))
        + b"u.": "int among its keys",
    }
    copies = b"\x80\x02]\x94(" + b"N" * 50_000 + b"ecbuiltins\ntuple\n\x940" + b"h\x01h\x00\x85R" * 1000 + b"."
    bombs[copies] = "more than 400000 reads"
    laughs = (
        b"\x80\x02}\x94"
        + b"".join(b"}(X\x01\x00\x00\x00ah%cX\x01\x00\x00\x00bh%cu\x94" % (k, k) for k in range(40))
        + b"."
    )
    bombs[laughs] = "more than 100000 named parts"
    for data, pattern in bombs.items():
        path = tmp_path / "bomb.pkl"
        path.write_bytes(data)
        refused(path, pattern, format="snntorch")


def test_a_tensor_of_a_million_million_elements(tmp_path) -> None:
    arrays = {"fc.weight": torch.zeros(1).expand(10**6, 10**6)}
    torch.save(arrays, tmp_path / "big.pt")
    refused(tmp_path / "big.pt", "needs 8000000000000 bytes", format="snntorch")


def test_a_tensor_beyond_its_storage(tmp_path) -> None:
    torch.save({"fc.weight": torch.zeros(4, 4)}, tmp_path / "net.pt")
    with zipfile.ZipFile(tmp_path / "net.pt") as archive, zipfile.ZipFile(tmp_path / "bad.pt", "w") as bad:
        for name in archive.namelist():
            data = archive.read(name)
            bad.writestr(
                name, data.replace(b"K\x04K\x04\x86", b"K\x04K\x05\x86", 1) if name.endswith("data.pkl") else data
            )
    refused(tmp_path / "bad.pt", "reaches beyond its storage of 16 elements", format="snntorch")


def test_a_zip_bomb(tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb/data.pkl", bytes(300 * 2**20))
    refused(tmp_path / "bomb.pt", "needs 314572800 bytes", format="snntorch")


def test_an_npz_that_states_more_than_it_holds(tmp_path) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6)})
    with zipfile.ZipFile(tmp_path / "net.npz", "w") as archive:
        archive.writestr("fc.weight.npy", buffer.getvalue() + bytes(64))
    refused(tmp_path / "net.npz", "needs 8000000000000 bytes", format="snntorch")


def _hdf5(path, change) -> None:
    h5py = peer("h5py")
    with h5py.File(path, "r+") as file:
        change(h5py, file)


HOSTILE = {
    "external": (
        lambda h5py, f: f["node/nodes"].__setitem__("x", h5py.ExternalLink("/etc/hostname", "/")),
        "ExternalLink",
    ),
    "soft": (lambda h5py, f: f["node/nodes"].__setitem__("x", h5py.SoftLink("/node/nodes/x")), "SoftLink"),
    "loop": (lambda h5py, f: f["node/nodes"].__setitem__("x", f["node"]), "reached twice"),
    "shared": (lambda h5py, f: f["node/nodes"].__setitem__("x", f["node/nodes/lif"]), "reached twice"),
    "huge": (
        lambda h5py, f: f["node/nodes/fc"].create_dataset("x", (10**6, 10**6), "f4", chunks=(100, 100)),
        "needs 8000000000000 bytes",
    ),
    "bomb": (
        lambda h5py, f: f["node/nodes/fc"].create_dataset("x", data=np.zeros(9 * 2**20), compression="gzip"),
        "needs 75497472 bytes",
    ),
    "file": (
        lambda h5py, f: f["node/nodes/fc"].create_dataset("x", (4,), "f4", external=[("/etc/passwd", 0, 16)]),
        "in another file",
    ),
    "kind": (lambda h5py, f: f["node/nodes/fc"].create_dataset("x", data=np.zeros(2, "c16")), "has type complex128"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_hdf5(kind: str, tmp_path) -> None:
    change, pattern = HOSTILE[kind]
    path, options = nir_file(tmp_path)
    _hdf5(path, change)
    refused(path, pattern, **options)


def test_deep_nesting(tmp_path) -> None:
    path, options = nir_file(tmp_path)
    _hdf5(path, lambda h5py, f: f["node/nodes"].create_group("/".join("abcdefgh" * 8)))
    refused(path, "nested deeper than 32 groups", **options)


@pytest.mark.parametrize(
    ("key", "value", "pattern"),
    [
        ("fc/weight", np.full((5, 4), np.nan), "node 'fc': weight = nan: must be finite"),
        ("lif/tau", np.full(5, -1.0), "node 'lif': tau = -1.0: must be positive"),
        ("lif/tau", np.full(5, 1e-6), "node 'lif': decay = -99 per time-step: must be from 0 to 1"),
        ("lif/v_threshold", np.ones(3), "node 'lif': threshold has shape|does not fit"),
        ("fc/weight", np.ones((5, 9)), "node 'fc': its matrix .* reads 9 values, but gets"),
        ("input/shape", np.array([0]), "node 'input': shape = 0.0: must be whole, from 1"),
        ("fc/type", "Afine", "type = 'Afine': must be one of .*; did you mean 'Affine'"),
    ],
)
def test_wrong_fields_are_named(key: str, value, pattern: str, tmp_path) -> None:
    path, options = nir_file(tmp_path)

    def change(h5py, file) -> None:
        del file[f"node/nodes/{key}"]
        file[f"node/nodes/{key}"] = value
        if key == "lif/v_threshold":
            file["node/nodes/lif/v_threshold"][...] = [1.0, 2.0, 3.0]

    _hdf5(path, change)
    refused(path, pattern, **options | ({"dt": 1e-4} if key == "lif/tau" else {}))


@pytest.mark.parametrize("maker", [snntorch_file, lava_file])
def test_weights_that_are_no_numbers(maker, tmp_path) -> None:
    path, options = maker(tmp_path)
    if options["format"] == "lava":
        _hdf5(path, lambda h5py, f: f["layer/0/weight"].__setitem__((0, 0), np.nan))
        refused(path, "layer0: weight = nan: must be whole", **options)
    else:
        torch.save({"fc.weight": torch.full((2, 2), torch.nan)}, path)
        refused(path, "'fc.weight': holds NaN or infinity", **options)


def test_importers_import_neither_h5py_nor_the_frameworks(tmp_path) -> None:
    code = "import sys, spikesim_py.importers; sys.exit(any(n in sys.modules for n in ('h5py', 'nir', 'snntorch')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
