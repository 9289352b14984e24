"""What is exported comes back; golden vectors are what an independent reader of the numbers computes."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from click.testing import CliRunner
from importer_files import MAKERS, lif, nir_file, write_nir
from peers import peer

import spikesim_py as ss
from spikesim_py.cli import main
from spikesim_py.importers import export_bundle, export_nir, import_network
from spikesim_py.network import build, quantize_network

pytestmark = pytest.mark.filterwarnings("ignore::spikesim_py.importers.AssumedWarning")


def _events(net) -> np.ndarray:
    return (np.random.default_rng(0).random((3, net.time_steps, *net.model.input.shape)) < 0.4).astype(np.float32)


@pytest.mark.parametrize("reset", ["zero", "subtract"])
@pytest.mark.parametrize("kind", ["nir", "snntorch", "state_dict"])
def test_a_network_comes_back_from_nir(kind: str, reset: str, tmp_path) -> None:
    peer("h5py")
    path, options = MAKERS[kind](tmp_path)
    net = import_network(path, **options, reset=reset, time_steps=60)
    again = import_network(export_nir(net, tmp_path / "again.nir"), reset=reset)
    assert again.time_steps == 60
    np.testing.assert_array_equal(again.run(_events(net)).outputs, net.run(_events(net)).outputs)


_RNG = np.random.default_rng(0)
_FF, _REC = (_RNG.normal(size=shape).astype(np.float32) for shape in ((5, 6), (5, 5)))


def _linear(name: str, source: str, inputs: int) -> dict:
    return {"op": "linear", "name": name, "inputs": [source], "in_features": inputs, "out_features": 5}


def _float(nodes: list[dict], arrays: dict, mode: str = "spike_count"):
    spec = {"shape": (6, 1, 1), "bits": 1, "coding": "events", "encoder": "every_step"}
    nodes = [_linear("ff", "input", 6), *nodes, {"op": "readout", "name": "out", "inputs": ["l"], "mode": mode}]
    described = {"name": "x", "arithmetic": "float", "time_steps": 20, "input": spec, "nodes": nodes}
    return build(described, {"ff.weight": _FF} | arrays)


def _comes_back(net, path) -> None:
    peer("h5py")
    again = import_network(export_nir(net, path))
    assert not again.model.metadata["import"]["assumed"]
    np.testing.assert_allclose(again.run(_events(net)).outputs, net.run(_events(net)).outputs, rtol=1e-4)


@pytest.mark.parametrize("order", ["leak_first", "input_first"])
@pytest.mark.parametrize("reads", ["updated", "previous"])
def test_the_order_of_an_integrators_synapse_comes_back(order: str, reads: str, tmp_path) -> None:
    synapse = {"leak": {"multiplier": 0.5}, "order": order, "reads": reads}
    unit = {"op": "li", "name": "l", "inputs": ["ff"], "leak": {"multiplier": 0.9}, "synapse": synapse}
    _comes_back(_float([unit], {}, "accumulate"), tmp_path / "again.nir")


@pytest.mark.parametrize(
    "fields",
    [
        {"reset_delay": True},  # the input of the step after a spike is lost
        {"reset_delay": True, "reset": "subtract"},
        {"v_leak": 0.3, "v_init": 0.3},
        {"v_reset": -0.2, "v_init": -0.2},
        {"leak": {"multiplier": 0}},
    ],
)
def test_conventions_of_units_come_back(fields: dict, tmp_path) -> None:
    unit = {"op": "lif", "name": "l", "inputs": ["ff"], "leak": {"multiplier": 0.9}} | fields
    _comes_back(_float([unit], {"l.theta": np.ones(1, np.float32)}), tmp_path / "again.nir")


def test_where_membranes_start_must_be_a_level(tmp_path) -> None:
    unit = {"op": "lif", "name": "l", "inputs": ["ff"], "v_init": 0.4}
    with pytest.raises(ValueError, match="its membranes differ in where they start"):
        export_nir(_float([unit], {"l.theta": np.ones(1, np.float32)}), tmp_path / "again.nir")


@pytest.mark.parametrize("source", ["l", "rec", "biased"])
@pytest.mark.parametrize("steps", [1, 2])
def test_loops_come_back_wherever_their_delay_stands(source: str, steps: int, tmp_path) -> None:
    """Behind a biased layer nothing comes around in step 0, not even the bias: that delay is a node."""
    last = "late" if source != "l" else "biased"
    nodes = [
        {"op": "delay", "name": "late", "inputs": [source], "steps": steps},
        {"op": "add", "name": "sum", "inputs": ["ff", last]},
        {"op": "lif", "name": "l", "inputs": ["sum"], "leak": {"multiplier": 0.9}, "v_leak": 0.1, "v_reset": -0.5},
        _linear("rec", "late" if source == "l" else "l", 5),
        {"op": "affine", "name": "biased", "inputs": ["rec"]},
    ]
    if source == "l":
        nodes = [nodes[0], *nodes[3:], *nodes[1:3]]
    if source == "rec":
        nodes[1]["inputs"], nodes[-1]["inputs"] = ["ff", "biased"], ["late"]
        nodes = [nodes[0], nodes[-1], *nodes[1:-1]]
    ones = np.ones(5, np.float32)
    arrays = {"rec.weight": _REC, "l.theta": ones, "biased.multiplier": 2 * ones, "biased.bias": ones}
    _comes_back(_float(nodes, arrays), tmp_path / "again.nir")


def test_an_edge_that_counts_twice_is_named(tmp_path) -> None:
    peer("h5py")
    nodes = [{"op": "add", "name": "sum", "inputs": ["ff", "ff"]}, {"op": "lif", "name": "l", "inputs": ["sum"]}]
    with pytest.raises(ValueError, match="node 'l': reads 'ff' 2 times: NIR has no place for it"):
        export_nir(_float(nodes, {"l.theta": np.ones(1, np.float32)}), tmp_path / "again.nir")


def test_the_formats_own_package_reads_it(tmp_path) -> None:
    nir = peer("nir")
    net = import_network(nir_file(tmp_path)[0], reset="zero", time_steps=8)
    graph = nir.read(export_nir(net, tmp_path / "again.nir"))
    assert {type(node).__name__ for node in graph.nodes.values()} == {"Input", "Linear", "LIF", "Output"}


def test_a_bundled_network_through_nir(tmp_path) -> None:
    """Normalization, sums of pools, direct coding."""
    peer("h5py")
    net = ss.load_network("digits-fp")
    again = import_network(export_nir(net, tmp_path / "digits.nir"))
    images = np.random.default_rng(0).integers(0, 17, (40, 1, 8, 8))
    assert (again.run(images).predictions == net.run(images).predictions).mean() > 0.97


def test_what_nir_cannot_hold_is_named(tmp_path) -> None:
    peer("h5py")
    net = import_network(nir_file(tmp_path)[0], v_min=-1)
    with pytest.raises(ValueError, match="node 'lif': v_min: NIR has no place for it"):
        export_nir(net, tmp_path / "again.nir")


def test_a_bundle_is_enough_to_compute_the_golden_vectors(tmp_path) -> None:
    """An integer network, recomputed with NumPy from the folder alone."""
    path, options = MAKERS["state_dict"](tmp_path)
    net = quantize_network(import_network(path, **options), 4)
    x = _events(net).astype(np.int64)
    folder = export_bundle(net, tmp_path / "rtl", x)
    model = json.loads((folder / "network.json").read_text())
    arrays = {name: np.load(folder / "arrays" / f"{name}.npy") for name in model["arrays"]}
    golden = {file.stem: np.load(file) for file in (folder / "golden").iterdir()}
    nodes = {node["op"]: node for node in model["nodes"]}
    sums = golden["input"][..., 0, 0].astype(np.int64) @ arrays["fc.weight"].T
    np.testing.assert_array_equal(sums, golden["fc"][..., 0, 0])
    affine, unit = nodes["affine"], nodes["lif"]
    drive = sums * arrays[f"{affine['name']}.multiplier"] + arrays[f"{affine['name']}.bias"] >> affine["shift"]
    np.testing.assert_array_equal(drive, golden[affine["name"]][..., 0, 0])
    v, theta, leak = np.zeros_like(drive[:, 0]), arrays[f"{unit['name']}.theta"], unit["leak"]
    half = 1 << leak["shift"] >> 1
    for step in range(net.time_steps):
        u = (v * int(leak["multiplier"]) + half >> leak["shift"]) + drive[:, step]
        spikes = u >= theta
        v = np.clip(np.where(spikes, u - theta, u), -(2**15), 2**15 - 1)
        np.testing.assert_array_equal(v, golden[f"{unit['name']}.membrane"][:, step, :, 0, 0])
        np.testing.assert_array_equal(spikes, golden[unit["name"]][:, step, :, 0, 0])


def test_a_bundle_overwrites_nothing(tmp_path) -> None:
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(ValueError, match="must be a new or an empty folder"):
        export_bundle(ss.load_network("digits-w4"), tmp_path)


def test_on_the_command_line(tmp_path) -> None:
    path, _ = nir_file(tmp_path)
    output = tmp_path / "net.safetensors"
    done = CliRunner().invoke(
        main, ["import", str(path), "--reset", "subtract", "--weight-bits", "4", "-o", str(output)]
    )
    assert done.exit_code == 0, done.output
    assert ss.load_network(output).arithmetic == "integer"
    assert ss.load_network(output).model.metadata["import"]["semantics"]["dt"] == 1e-4
    for dt in ("2ms", "0.002"):
        again = tmp_path / f"{dt}.nir"
        done = CliRunner().invoke(main, ["export", str(path), "--dt", dt, "-o", str(again)])
        assert done.exit_code == 0, done.output
        assert import_network(again).model.metadata["import"]["semantics"]["dt"] == 0.002
    done = CliRunner().invoke(main, ["export", str(path), "--dt", "inf", "-o", str(tmp_path / "no.nir")])
    assert "dt = inf: must be a positive number of seconds" in done.output
    done = CliRunner().invoke(main, ["import", str(path), "--input-shape", "a,b", "-o", str(output)])
    assert done.exit_code == 2
    assert "must be whole numbers" in done.output


def test_a_checkpoint_is_a_network_wherever_one_is_named(tmp_path) -> None:
    path, _ = nir_file(tmp_path)
    assert ss.load_network(path).model == import_network(path).model
    report = ss.cost(path, "rram_32nm")
    assert report.to_dict()["import"]["semantics"]["reset"] == "zero"
    assert any("reset = zero is assumed" in note for note in report.notes)
    assert "import" not in ss.cost("digits-w4", "rram_32nm").to_dict()


def test_vectors_of_maps_are_told_how_to_be_imported(tmp_path) -> None:
    nodes = {
        "input": {"type": "Input", "shape": np.array([64])},
        "fc": {"type": "Linear", "weight": np.eye(10, 64)},
        "unit": lif(10),
        "output": {"type": "Output", "shape": np.array([10])},
    }
    path = write_nir(tmp_path / "net.nir", nodes, list(itertools.pairwise(nodes)))
    with pytest.raises(ValueError, match="import it with input_shape = 1,8,8"):
        ss.evaluate(path, "sram_32nm", data="digits:poisson", samples=2)
    net = import_network(path, input_shape=(1, 8, 8))
    assert ss.evaluate(net, "sram_32nm", data="digits:poisson", samples=2).accuracy >= 0


def test_tables_keep_their_columns_apart(tmp_path) -> None:
    """Of a float network they state no word widths."""
    path, options = MAKERS["lava"](tmp_path)
    whole = import_network(path, **options).describe()
    assert "layer0_scale  affine" in whole
    assert "membrane 24 bits" in whole
    text = import_network(nir_file(tmp_path)[0]).describe()
    assert "leak 0." in text
    assert not any(word in text for word in (">>", "membrane 16", "saturate"))


def test_accuracy_before_and_after_is_told(tmp_path) -> None:
    peer("h5py")
    export_nir(ss.load_network("digits-fp"), tmp_path / "digits.nir")
    command = ["import", str(tmp_path / "digits.nir"), "--data", "digits", "--weight-bits", "3", "-o"]
    done = CliRunner().invoke(main, [*command, str(tmp_path / "w3.safetensors")])
    assert done.exit_code == 0, done.output
    assert "accuracy on digits: 0.9850 in float, 0.98" in done.output
