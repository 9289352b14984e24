"""What every importer promises, and what each of them must refuse."""

from __future__ import annotations

import io
import itertools
import os
import pickle
import struct
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from importer_files import MAKERS, lava_file, lif, mutated, nir_file, snntorch_file, write_nir
from memory import at_most
from peers import peer
from unit_states import unit_states

import spikesim_py as ss
from spikesim_py.errors import InputError, NetworkError
from spikesim_py.importers import AssumedWarning, import_network
from spikesim_py.importers.tensors import named_arrays, read_object
from spikesim_py.network import save_network

pytestmark = pytest.mark.filterwarnings("ignore::spikesim_py.importers.AssumedWarning")


def _events(net, samples: int = 3) -> np.ndarray:
    shape = (samples, net.time_steps, *net.model.input.shape)
    shape = shape if net.model.input.coding == "events" else (samples, *net.model.input.shape)
    top = 2 ** min(net.model.input.bits, 8)
    return np.random.default_rng(0).integers(0, top, shape)


@pytest.mark.parametrize("kind", MAKERS)
class TestContract:
    """One class, every format passes it."""

    def test_makes_a_network_that_runs(self, kind, tmp_path) -> None:
        path, options = MAKERS[kind](tmp_path)
        net = import_network(path, **options)
        result = net.run(_events(net))
        assert result.outputs.shape == (3, net.classes)
        assert np.isfinite(result.outputs).all()

    def test_is_the_same_every_time(self, kind, tmp_path) -> None:
        path, options = MAKERS[kind](tmp_path)
        first, second = (import_network(path, **options) for _ in range(2))
        assert first.model == second.model
        assert all((first.arrays[name] == second.arrays[name]).all() for name in first.arrays)

    def test_says_where_it_is_from_and_what_it_assumed(self, kind, tmp_path) -> None:
        path, options = MAKERS[kind](tmp_path)
        record = import_network(path, **options).model.metadata["import"]
        assert record["format"] == options["format"]
        assert isinstance(record["assumed"], list)

    def test_what_is_assumed_can_be_said(self, kind, tmp_path) -> None:
        """Each assumption names an option; said, it is no longer assumed."""
        path, options = MAKERS[kind](tmp_path)
        for line in import_network(path, **options).model.metadata["import"]["assumed"]:
            name, value = line.split(" is assumed")[0].split(" = ", 1)
            said = {name: type_of(value)}
            assert line not in import_network(path, **options | said).model.metadata["import"]["assumed"]

    def test_survives_our_own_file(self, kind, tmp_path) -> None:
        path, options = MAKERS[kind](tmp_path)
        net = import_network(path, **options)
        again = ss.load_network(save_network(net, tmp_path / "own.safetensors"))
        np.testing.assert_array_equal(net.run(_events(net)).outputs, again.run(_events(net)).outputs)

    def test_a_missing_file_is_one_line_that_names_it(self, kind, tmp_path) -> None:
        _, options = MAKERS[kind](tmp_path)
        with pytest.raises(InputError, match=r"nowhere\.pt: cannot be read") as caught:
            import_network(tmp_path / "nowhere.pt", **options)
        assert "\n" not in str(caught.value)

    def test_truncated_files_are_refused(self, kind, tmp_path) -> None:
        path, options = MAKERS[kind](tmp_path)
        data = path.read_bytes()
        for part in (0.0, 0.3, 0.7):
            path.write_bytes(data[: int(part * len(data)) // 8 * 8])
            if kind == "text" and part:
                continue  # rows that are left are a smaller matrix
            with pytest.raises(InputError) as caught:
                import_network(path, **options)
            assert "\n" not in str(caught.value)

    def test_unknown_options_are_refused(self, kind, tmp_path) -> None:
        path, options = MAKERS[kind](tmp_path)
        with pytest.raises(InputError, match="resett: unknown option of an import; did you mean 'reset'"):
            import_network(path, **options, resett="zero")

    def test_few_mutated_files(self, kind, tmp_path) -> None:
        _fuzz(kind, tmp_path, 8 if kind in ("nir", "lava") else 150)

    @pytest.mark.slow
    def test_many_mutated_files(self, kind, tmp_path) -> None:
        """All kinds together are 13,200 files."""
        _fuzz(kind, tmp_path, 300 if kind in ("nir", "lava") else 1400, seed=1)


def type_of(text: str):
    """An option's value as the assumption prints it."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _fuzz(kind: str, folder, count: int, seed: int = 0) -> None:
    """Mutated files import, or raise our error: quickly, without memory."""
    path, options = MAKERS[kind](folder)
    data, rng = path.read_bytes(), np.random.default_rng(seed)
    with at_most(200):
        for _ in range(count):
            path.write_bytes(mutated(data, rng))
            start = time.process_time()
            assert "\n" not in _outcome(path, options)
            assert time.process_time() - start < 1


def _outcome(path, options) -> str:
    """What an import says, if it fails as it should."""
    try:
        import_network(path, **options)
    except InputError as error:
        return str(error)
    return ""


# hostile files ------------------------------------------------------------------------------------------------------


def _refused(path, pattern: str, **options) -> None:
    """Refused in a second and 200 MB, with our error."""
    start = time.process_time()
    with at_most(200), pytest.raises(NetworkError, match=pattern) as caught:
        import_network(path, **options)
    assert "\n" not in str(caught.value)
    assert time.process_time() - start < 1


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
        _refused(path, pattern, format="snntorch")


def test_a_tensor_of_a_million_million_elements(tmp_path) -> None:
    arrays = {"fc.weight": torch.zeros(1).expand(10**6, 10**6)}
    torch.save(arrays, tmp_path / "big.pt")
    _refused(tmp_path / "big.pt", "needs 8000000000000 bytes", format="snntorch")


def test_a_tensor_beyond_its_storage(tmp_path) -> None:
    torch.save({"fc.weight": torch.zeros(4, 4)}, tmp_path / "net.pt")
    with zipfile.ZipFile(tmp_path / "net.pt") as archive, zipfile.ZipFile(tmp_path / "bad.pt", "w") as bad:
        for name in archive.namelist():
            data = archive.read(name)
            bad.writestr(
                name, data.replace(b"K\x04K\x04\x86", b"K\x04K\x05\x86", 1) if name.endswith("data.pkl") else data
            )
    _refused(tmp_path / "bad.pt", "reaches beyond its storage of 16 elements", format="snntorch")


def test_a_zip_bomb(tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb/data.pkl", bytes(300 * 2**20))
    _refused(tmp_path / "bomb.pt", "needs 314572800 bytes", format="snntorch")


def test_an_npz_that_states_more_than_it_holds(tmp_path) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6)})
    with zipfile.ZipFile(tmp_path / "net.npz", "w") as archive:
        archive.writestr("fc.weight.npy", buffer.getvalue() + bytes(64))
    _refused(tmp_path / "net.npz", "needs 8000000000000 bytes", format="snntorch")


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
    _refused(path, pattern, **options)


def test_deep_nesting(tmp_path) -> None:
    path, options = nir_file(tmp_path)
    _hdf5(path, lambda h5py, f: f["node/nodes"].create_group("/".join("abcdefgh" * 8)))
    _refused(path, "nested deeper than 32 groups", **options)


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
    _refused(path, pattern, **options | ({"dt": 1e-4} if key == "lif/tau" else {}))


@pytest.mark.parametrize("maker", [snntorch_file, lava_file])
def test_weights_that_are_no_numbers(maker, tmp_path) -> None:
    path, options = maker(tmp_path)
    if options["format"] == "lava":
        _hdf5(path, lambda h5py, f: f["layer/0/weight"].__setitem__((0, 0), np.nan))
        _refused(path, "layer0: weight = nan: must be whole", **options)
    else:
        torch.save({"fc.weight": torch.full((2, 2), torch.nan)}, path)
        _refused(path, "'fc.weight': holds NaN or infinity", **options)


def test_importers_import_neither_h5py_nor_the_frameworks(tmp_path) -> None:
    code = "import sys, spikesim_py.importers; sys.exit(any(n in sys.modules for n in ('h5py', 'nir', 'snntorch')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# NIR, by hand --------------------------------------------------------------------------------------------------------


def _nested(tmp_path, inner_name: str, extra: tuple = ()):
    inner = {
        "type": "NIRGraph",
        "nodes": {
            "input": {"type": "Input", "shape": np.array([5])},
            "lif1": lif(5),
            "w_rec": {"type": "Linear", "weight": np.random.default_rng(1).normal(size=(5, 5))},
            "output": {"type": "Output", "shape": np.array([5])},
            **{name: lif(5) for name in extra},
        },
        "edges": [("input", inner_name), (inner_name, "w_rec"), ("w_rec", inner_name), (inner_name, "output")],
    }
    nodes = {
        "input": {"type": "Input", "shape": np.array([4])},
        "fc": {"type": "Linear", "weight": np.random.default_rng(0).normal(size=(5, 4))},
        "layer": inner,
        "output": {"type": "Output", "shape": np.array([5])},
    }
    return write_nir(tmp_path / "nested.nir", nodes, [("input", "fc"), ("fc", "layer"), ("layer", "output")])


def test_a_nested_graph_is_the_same_as_a_flat_one(tmp_path) -> None:
    flat = import_network(nir_file(tmp_path)[0], time_steps=50)
    for name in ("lif1", "lif"):  # the second names a node that is not there, and can mean only one
        nested = import_network(_nested(tmp_path, name), time_steps=50)
        x = _events(flat)
        np.testing.assert_array_equal(nested.run(x).outputs, flat.run(x).outputs)
    assert "edges name 'lif', which is no node" in " ".join(nested.model.metadata["import"]["notes"])


def test_an_edge_that_could_mean_two_nodes_is_refused(tmp_path) -> None:
    _refused(_nested(tmp_path, "lif", extra=("lif2",)), "edges name 'lif', which is no node")


@pytest.mark.parametrize(("reset", "steps"), [("zero", [4, 8, 12, 16]), ("subtract", [4, 7, 10, 14])])
def test_one_file_means_two_networks_and_says_so(reset: str, steps: list[int], tmp_path) -> None:
    """IF, threshold 1, constant input 0.3: after the 4th step, then by the convention (thresholds are exceeded)."""
    unit = {"type": "IF", "r": np.ones(1), "v_threshold": np.ones(1)}
    nodes = {
        "input": {"type": "Input", "shape": np.array([1])},
        "fc": {"type": "Linear", "weight": np.array([[0.3]])},
        "if": unit,
        "output": {"type": "Output", "shape": np.array([1])},
    }
    path = write_nir(tmp_path / "if.nir", nodes, [("input", "fc"), ("fc", "if"), ("if", "output")])
    with pytest.warns(AssumedWarning, match="reset = zero is assumed"):
        import_network(path)
    net = import_network(path, reset=reset, time_steps=16)
    train = net.run(np.ones((1, 16, 1, 1, 1), np.float32), record=True).trains["if"].reshape(-1)
    assert (np.flatnonzero(train) + 1).tolist() == steps


@pytest.mark.parametrize("r", [1.0, 1e4])
def test_an_integrator_counts_its_input_as_it_is(r: float, tmp_path) -> None:
    nodes = {
        "input": {"type": "Input", "shape": np.array([1])},
        "fc": {"type": "Linear", "weight": np.array([[0.5]])},
        "i": {"type": "I", "r": np.array([r])},
        "output": {"type": "Output", "shape": np.array([1])},
    }
    path = write_nir(tmp_path / "i.nir", nodes, [("input", "fc"), ("fc", "i"), ("i", "output")])
    net = import_network(path, dt=1e-4, time_steps=4, readout="last")
    assert net.run(np.ones((1, 4, 1, 1, 1), np.float32)).outputs.item() == 2.0


@pytest.mark.parametrize("decay", ["euler", "exponential"])
def test_a_leaky_unit_follows_its_analytic_solution(decay: str, tmp_path) -> None:
    """tau dv/dt = v_leak - v + R I: exact at every step by the exponential rule, to first order by Euler's."""
    tau, dt, r, leak, steps = 1e-2, 1e-4, 2.0, 0.5, 200
    unit = {"type": "LI", "tau": np.array([tau]), "r": np.array([r]), "v_leak": np.array([leak])}
    nodes = {
        "input": {"type": "Input", "shape": np.array([1])},
        "fc": {"type": "Linear", "weight": np.array([[1.0]])},
        "li": unit,
        "output": {"type": "Output", "shape": np.array([1])},
    }
    path = write_nir(tmp_path / "li.nir", nodes, [("input", "fc"), ("fc", "li"), ("li", "output")])
    net = import_network(path, dt=dt, decay=decay, time_steps=steps, readout="last")
    v = net.run(np.ones((1, steps, 1, 1, 1), np.float32)).outputs.item()
    exact = (leak + r) * (1 - np.exp(-steps * dt / tau))
    assert v == pytest.approx(exact, rel=1e-4 if decay == "exponential" else 2e-2)


def test_a_unit_that_leaks_above_its_threshold_spikes_by_itself(tmp_path) -> None:
    """v_leak = 1.2, threshold 1, tau = 10 ms: a spike every tau ln(1.2 / 0.2) = 17.9 ms."""
    nodes = {
        "input": {"type": "Input", "shape": np.array([1])},
        "fc": {"type": "Linear", "weight": np.ones((1, 1))},
        "lif": lif(1, tau=1e-2, v_leak=1.2),
        "output": {"type": "Output", "shape": np.array([1])},
    }
    path = write_nir(tmp_path / "lif.nir", nodes, [("input", "fc"), ("fc", "lif"), ("lif", "output")])
    net = import_network(path, dt=1e-4, decay="exponential", time_steps=1000)
    train = net.run(np.zeros((1, 1000, 1, 1, 1), np.float32), record=True).trains["lif"].reshape(-1)
    period = 1e-2 * np.log(1.2 / 0.2) / 1e-4
    times = np.flatnonzero(train) + 1
    assert len(times) == 5
    np.testing.assert_allclose(np.diff([0, *times]), period, atol=1)


def test_pools_scales_delays_and_thresholds(tmp_path) -> None:
    """Every primitive without a membrane, against NumPy."""
    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(size=(3, 2, 3, 3)), rng.normal(size=3)
    sizes = {"stride": np.array([1, 1]), "dilation": np.array([1, 1]), "groups": 1}
    pool = {"kernel_size": np.array([2, 2]), "stride": np.array([2, 2]), "padding": np.array([0, 0])}
    nodes = {
        "input": {"type": "Input", "shape": np.array([2, 8, 8])},
        "conv": {"type": "Conv2d", "weight": kernel, "bias": bias, "padding": "same", **sizes},
        "scale": {"type": "Scale", "scale": np.array([1.0, 2.0, -1.0]).reshape(3, 1, 1) * np.ones((3, 8, 8))},
        "delay": {"type": "Delay", "delay": np.full((3, 8, 8), 2e-4)},
        "avg": {"type": "AvgPool2d", **pool},
        "sum": {"type": "SumPool2d", **pool},
        "flat": {"type": "Flatten", "start_dim": 0, "end_dim": -1},
        "threshold": {"type": "Threshold", "threshold": np.full(12, -0.5)},
        "output": {"type": "Output", "shape": np.array([12])},
    }
    names = list(nodes)
    path = write_nir(tmp_path / "all.nir", nodes, list(itertools.pairwise(names)))
    net = import_network(path, dt=1e-4, time_steps=5)
    x = rng.integers(0, 2, (2, 5, 2, 8, 8)).astype(np.float32)
    with torch.no_grad():
        sums = torch.nn.functional.conv2d(
            torch.from_numpy(x).flatten(0, 1).double(), torch.from_numpy(kernel), torch.from_numpy(bias), padding="same"
        ) * torch.tensor([1.0, 2.0, -1.0]).reshape(3, 1, 1)
        late = sums.reshape(2, 5, 3, 8, 8).roll(2, 1)
        late[:, :2] = 0
        pooled = torch.nn.functional.avg_pool2d(late.flatten(0, 1), 2)
        pooled = torch.nn.functional.avg_pool2d(pooled, 2) * 4
    expected = (pooled.flatten(1) > -0.5).reshape(2, 5, 12).sum(1)
    np.testing.assert_array_equal(net.run(x).outputs, expected.numpy())


def test_a_convolution_along_one_dimension(tmp_path) -> None:
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 2, 3))
    nodes = {
        "input": {"type": "Input", "shape": np.array([2, 9])},
        "conv": {
            "type": "Conv1d",
            "weight": kernel,
            "bias": np.zeros(3),
            "stride": 2,
            "padding": 1,
            "dilation": 2,
            "groups": 1,
        },
        "li": {"type": "I", "r": np.ones((3, 4))},
        "output": {"type": "Output", "shape": np.array([3, 4])},
    }
    path = write_nir(tmp_path / "one.nir", nodes, [("input", "conv"), ("conv", "li"), ("li", "output")])
    net = import_network(path, time_steps=3, readout="last")
    x = rng.integers(0, 2, (2, 3, 2, 1, 9)).astype(np.float32)
    sums = torch.nn.functional.conv1d(
        torch.from_numpy(x).flatten(0, 1)[:, :, 0].double(), torch.from_numpy(kernel), stride=2, padding=1, dilation=2
    )
    np.testing.assert_allclose(net.run(x).outputs, sums.reshape(2, 3, -1).sum(1).numpy(), atol=1e-5)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(threshold=st.floats(0.2, 3), beta=st.floats(0, 1), seed=st.integers(0, 99))
def test_strict_thresholds_never_spike_more(threshold: float, beta: float, seed: int) -> None:
    arrays = {"fc.weight": np.random.default_rng(seed).integers(-2, 3, (5, 4)).astype(float)}
    arrays |= {"lif.threshold": np.array(threshold), "lif.beta": np.array(beta)}
    counts = []
    for strict in (False, True):
        net = import_network(arrays, "snntorch", strict=strict, reset="none", time_steps=8)
        counts.append(sum(net.run(_events(net)).spikes.values()))
    assert counts[1] <= counts[0]


def test_lava_units_are_lavas_own_arithmetic(tmp_path) -> None:
    """Against lava's fixed-point model written out in integers."""
    path, options = lava_file(tmp_path)
    net = import_network(path, **options, time_steps=60)
    x = (np.random.default_rng(3).random((1, 60, 4, 1, 1)) < 0.3).astype(np.int64)
    trains, states = net.run(x, record=True).trains, unit_states(net, x)
    with peer("h5py").File(path) as file:
        weights = [file[f"layer/{i}/weight"][()].astype(np.int64) for i in range(2)]
    spikes = x[0, :, :, 0, 0]
    for index, weight in enumerate(weights):
        u, v, out, seen = np.zeros(len(weight), np.int64), np.zeros(len(weight), np.int64), [], []
        for step in range(60):
            u = np.sign(u) * (np.abs(u) * (4096 - 1024) >> 12) + (weight @ spikes[step] << 6)
            v = np.sign(v) * (np.abs(v) * (4096 - 512) >> 12) + u
            fired = v > 20 << 6
            v[fired] = 0
            out.append(fired)
            seen.append((v.copy(), u.copy()))
        spikes = np.array(out).astype(np.int64)
        assert spikes.sum() > 10
        np.testing.assert_array_equal(trains[f"layer{index}_units"][0, :, :, 0, 0], spikes)
        for ours, other in zip(states[f"layer{index}_units"], np.swapaxes(seen, 0, 1), strict=True):
            np.testing.assert_array_equal(ours[0, :, :, 0, 0], other)
    bits = [node.weight_bits for node in net.nodes if node.op == "linear"]
    assert bits == [7, 7]  # even weights to 118 are stored without their zero


def test_spikesims_quantizer_has_no_zero() -> None:
    from spikesim_py.importers.spikesim_vgg9 import quantized

    levels = np.unique(quantized(np.linspace(-1, 1, 10_001), 4)) * 8
    assert levels.tolist() == [*range(-8, 0), *range(1, 9)]
