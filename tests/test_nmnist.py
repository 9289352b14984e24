"""From a camera's events to accuracy and cost on a chip, through a NIR file: what ships for N-MNIST, and commands."""

from __future__ import annotations

import itertools
import json
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from importer_files import lif, write_nir
from peers import peer

import spikesim_py as ss
from benchmarks import nmnist_table
from spikesim_py.cli import main
from spikesim_py.datasets import Events, data_root, network_data
from spikesim_py.evaluate import design
from spikesim_py.importers import Options, export_nir, import_network
from spikesim_py.network import Network, quantize_network, zoo
from training import TrainingConfig, load_config

NAME, SECONDS = "nmnist-w4", 0.3


@pytest.fixture(scope="module")
def trained() -> Network:
    return ss.load_network(NAME)


def _recording(seed: int) -> Events:
    """300 ms of noise, as dense as a recording of N-MNIST."""
    rng, count = np.random.default_rng(seed), 4000
    x, y = rng.integers(0, 34, (2, count))
    return Events(x, y, rng.integers(0, 2, count), np.sort(rng.integers(0, int(SECONDS * 1e6), count)))


def _bin(path: Path, e: Events) -> None:
    t = e.time_us
    fields = [e.x, e.y, e.polarity << 7 | t >> 16 & 0x7F, t >> 8 & 0xFF, t & 0xFF]
    path.with_suffix(".bin").write_bytes(np.stack(fields, axis=1).astype(np.uint8).tobytes())


def _aedat(path: Path, e: Events) -> None:
    words = np.stack([(127 - e.x) << 8 | (127 - e.y) << 1 | (1 - e.polarity), e.time_us], axis=1)
    path.with_suffix(".aedat").write_bytes(b"#!AER-DAT2.0\r\n" + words.astype(">u4").tobytes())


def _npz(path: Path, e: Events) -> None:
    np.savez(path.with_suffix(".npz"), x=e.x, y=e.y, p=e.polarity, t=e.time_us)


def _hdf5(path: Path, e: Events) -> None:
    with peer("h5py").File(path.with_suffix(".h5"), "w") as file:
        for name, column in (("x", e.x), ("y", e.y), ("p", e.polarity), ("t", e.time_us)):
            file[f"events/{name}"] = column


WRITERS: dict[str, Callable[[Path, Events], None]] = {"nmnist": _bin, "aedat": _aedat, "npz": _npz, "hdf5": _hdf5}


def _folder(path: Path, form: str) -> Path:
    """60 recordings to train on, and 10 to report on."""
    for half, count in (("Train", 6), ("Test", 1)):
        for label in range(10):
            (path / half / str(label)).mkdir(parents=True)
            for index in range(count):
                WRITERS[form](path / half / str(label) / f"{index:05}", _recording(100 * label + index))
    return path


def _spikesim(*arguments: str) -> Result:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return result


# what ships ---------------------------------------------------------------------------------------------------------


def test_the_network_is_small_and_says_how_it_was_made(trained: Network) -> None:
    metadata = trained.model.metadata
    assert zoo()[NAME].stat().st_size < 200_000
    assert TrainingConfig(**metadata["recipe"]) == load_config(NAME)
    assert metadata["command"] == f"spikesim train {NAME}"
    assert (metadata["test_correct"], metadata["test_samples"]) == (97, 100)
    assert {node.weight_bits for node in trained.layers} == {4}
    assert {node.membrane_bits for node in trained.nodes if node.op == "lif"} == {8}
    assert (trained.model.input.shape, trained.model.input.coding, trained.time_steps) == ((2, 34, 34), "events", 10)


def test_its_weights_come_back_from_nir(trained: Network, tmp_path: Path) -> None:
    """Their scales are per channel there; where a channel uses the whole range, so do the integers."""
    peer("h5py")
    path = export_nir(trained, tmp_path / "net.nir", nmnist_table.DT)
    assert path.stat().st_size < 200_000
    made = quantize_network(import_network(path), 4)
    for name in ("conv2", "conv3", "fc"):
        np.testing.assert_array_equal(made.weight(name), trained.weight(name))
    assert made.model.metadata["import"]["semantics"]["dt"] == nmnist_table.DT


def test_it_reaches_what_it_states(trained: Network) -> None:
    """Of the recordings that it was made with: the subset of 1,000 and 100."""
    root = data_root()
    if root is None or not (root / "NMNIST").is_dir():
        pytest.skip("needs N-MNIST below SPIKESIM_DATA")
    report = network_data(trained, "nmnist")
    if len(report) != 100:
        pytest.skip("the whole N-MNIST is there, not the subset")
    assert int((trained.run(report.images).predictions == report.labels).sum()) == 97


# the commands -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", WRITERS)
def test_a_nir_file_on_a_folder_of_recordings(form: str, tmp_path: Path) -> None:
    peer("h5py")
    net, folder, out = tmp_path / "my.nir", _folder(tmp_path / "events", form), tmp_path / "out.json"
    _spikesim("export", NAME, "-o", str(net), "--dt", "0.03")
    data = ["--data", str(folder), "--format", form]
    for how in (["--dt", "30ms"], ["--by", "count"]):
        _spikesim("evaluate", str(net), "sram_32nm", *data, *how, "--weight-bits", "4", "--json", str(out))
        report = json.loads(out.read_text())
        assert report["accuracy"]["samples"] == 10
        assert report["metrics"]["energy_pj"] > 0
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # the command prints them
        short = _spikesim("evaluate", str(net), "sram_32nm", *data, "--dt", "1ms")
    assert "10 time-steps of 1000 us see 3." in short.output
    assert "set network.time_steps = 300" in short.output


def test_events_calibrate_an_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peer("h5py")
    monkeypatch.delenv("SPIKESIM_DATA", raising=False)
    _folder(tmp_path / "NMNIST", "nmnist")
    net, made = tmp_path / "my.nir", tmp_path / "made.safetensors"
    export_nir(ss.load_network(NAME), net)
    told = _spikesim(
        "import", str(net), "--weight-bits", "4", "--data", "nmnist", "--data-root", str(tmp_path), "-o", str(made)
    )
    assert "in float" in told.output
    assert ss.load_network(made).model.metadata["calibrated"] is True
    bundle = tmp_path / "rtl"
    _spikesim("export", NAME, "-o", str(bundle), "--data", "nmnist", "--data-root", str(tmp_path))
    assert (bundle / "golden").is_dir()
    monkeypatch.delenv("SPIKESIM_DATA", raising=False)


def test_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rows on noise: the same columns, and costs that do not ask whether answers are right."""
    peer("h5py")
    _folder(tmp_path / "NMNIST", "nmnist")
    monkeypatch.setenv("SPIKESIM_DATA", str(tmp_path))
    monkeypatch.setattr(nmnist_table, "DESIGNS", (("rram_32nm", {"adc.bits": 7}),))
    monkeypatch.setattr(nmnist_table, "CHIPS", 2)
    lines = [line.split(",") for line in nmnist_table.table().splitlines()]
    assert len(lines) == 1 + 3 + 2  # without chips, and on one with ideal and real devices
    published = (Path(__file__).parent.parent / "docs" / "nmnist.csv").read_text().splitlines()
    assert published[0] == ",".join(lines[0])


# what a file does not tell ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("r", "dt"), [(1.0, 1e-3), (2.0, 1e-4)])
def test_the_time_step_of_the_data_is_a_files_that_tells_none(r: float, dt: float, tmp_path: Path) -> None:
    """r = tau / dt tells one (0.1 ms here), and it stays."""
    peer("h5py")
    nodes = {
        "input": {"type": "Input", "shape": np.array([2, 34, 34])},
        "flat": {"type": "Flatten", "start_dim": 0, "end_dim": -1},
        "fc": {"type": "Linear", "weight": np.random.default_rng(0).normal(size=(10, 2312))},
        "lif": lif(10, tau=2e-4 if r > 1 else 2e-2, r=r),
        "output": {"type": "Output", "shape": np.array([10])},
    }
    names = list(nodes)
    path = write_nir(tmp_path / "net.nir", nodes, list(itertools.pairwise(names)))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        net, _ = design(path, "sram_32nm", data="nmnist:dt=1ms")
    assert net.model.metadata["import"]["semantics"]["dt"] == dt
    assert not any("dt = " in str(one.message) for one in told)
    assert "input_bits = 1 is assumed" in " ".join(str(one.message) for one in told)


def test_every_option_of_an_import_is_one_of_the_command() -> None:
    command = main.commands["import"]
    given = {parameter.name for parameter in command.params}
    assert set(Options.__dataclass_fields__) <= given
