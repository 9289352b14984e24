"""The command line: what it prints, its exit codes, and one clear line for bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from conftest import tiny_network

from spikesim_py.cli import main


def spikesim(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_every_command_has_help_with_an_example() -> None:
    for name in main.commands:
        result = spikesim(name, "--help")
        assert result.exit_code == 0
        assert f"spikesim {name}" in result.output.split("Example:")[1]


def test_cost_prints_the_released_numbers_to_the_last_digit() -> None:
    result = spikesim("cost", "vgg9-cifar10", "spikesim_released")
    assert result.exit_code == 0, result.output
    for number in ("15906934.026240 pJ", "8425528.755834 um2", "62832640.000000 ns", "48 PEs", "6 tiles"):
        assert number in result.output


def test_the_defect_table_is_printed_on_request() -> None:
    result = spikesim("cost", "vgg9-cifar10", "spikesim_released", "--defects")
    assert result.exit_code == 0
    assert "latency_counts_channels" in result.output


def test_evaluate_writes_json_and_html(tmp_path: Path) -> None:
    out, page = tmp_path / "report.json", tmp_path / "report.html"
    options = ["--samples", "40", "--set", "crossbar.rows=64", "--json", str(out), "--html", str(page)]
    result = spikesim("evaluate", "digits-w4", "rram_32nm", *options)
    assert result.exit_code == 0, result.output
    data = json.loads(out.read_text())
    assert data["hardware"]["crossbar"]["rows"] == 64
    assert f"{data['metrics']['accuracy']:.2%}" in result.output
    text = page.read_text()
    assert text.lower().startswith("<!doctype html>")
    assert 'src="http' not in text


def test_describe_and_list() -> None:
    assert "unrolled" in spikesim("describe", "rram_32nm", "--sources").output
    assert "crossbars" in spikesim("describe", "digits-w4", "--on", "rram_32nm").output
    listed = spikesim("list").output
    assert all(name in listed for name in ("digits-w4", "vgg9-cifar10", "rram_32nm", "quickstart"))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Files that a user might give by mistake."""
    (tmp_path / "typo.yaml").write_text("crossbar:\n  rws: 64\n")
    tiny_network().save(tmp_path / "net.safetensors")
    whole = (tmp_path / "net.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "misfit.yaml").write_text(
        "arithmetic: shape\ntime_steps: 1\ninput: {shape: [3, 8, 8], bits: 8}\nnodes:\n"
        "  - {op: conv, name: c, inputs: [input], in_channels: 4, out_channels: 4, kernel: [3, 3], weight_bits: 4}\n"
        "  - {op: readout, name: out, inputs: [c]}\n"
    )
    (tmp_path / "notes.db").write_text("not a database")
    torch.save({}, tmp_path / "net.pt")
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "excel.csv").write_text("\ufeffnetwork;accuracy\r\nmine;0,95\r\n")
    (tmp_path / "hint.csv").write_text("sep=,\nnetwork,accuracy\nmine,0.95\n")
    return tmp_path


BAD = [
    (["cost", "vgg9-cifar10", "typo.yaml"], "typo.yaml:2: crossbar.rws: unknown key; did you mean 'rows'"),
    (
        ["cost", "vgg9-cifar10", "rram_32nm", "--set", "crossbar.rows=-3"],
        "crossbar.rows = -3: must be greater",
    ),
    (["cost", "cut.safetensors", "rram_32nm"], "cut.safetensors: is not a network file, or is truncated"),
    (["cost", "net.pt", "rram_32nm"], "first spikesim import CHECKPOINT --from FRAMEWORK"),
    (["cost", "misfit.yaml", "rram_32nm"], "misfit.yaml: node 'c': in_channels = 4: but 'input' has 3"),
    (["explore", "notes.db"], "notes.db"),
    (["sweep", "quickstart", "--store", "notes.db"], "notes.db"),
    (["sweep", "quickstar", "--store", "new.db"], "did you mean 'quickstart'"),
    (["evaluate", "net.safetensors", "rram_32nm"], "images (1, 8, 8)"),
    (["evaluate", "digits-w4", "rram_32nm", "--samples", "601"], "samples = 601"),
    (["evaluate", "digits-w4", "rram_32nm", "--data", "digit"], "did you mean 'digits'"),
    (["evaluate", "vgg9-cifar10", "rram_32nm"], "shape-only workload"),
    (["cost", "digits-w4", "rram_32nm", "--activity", "2"], "must be a number from 0 to 1"),
    (["cost", "digits-w5", "rram_32nm"], "did you mean 'digits-w"),
    (["cost", "rram_32nm", "digits-w4"], "'rram_32nm' is a chip: NET comes first, then CHIP"),
    (
        ["cost", "digits-w4", "rram_32nm", "--set", "rows=64"],
        "rows: unknown key; did you mean 'crossbar.rows' or 'mapping.rows'?",
    ),
    (["cost", "digits-w4", "rram_32nm", "--set", "device.r_on_ohm=20k"], "'20k': must be a valid number in ohm"),
    (
        ["cost", "digits-w4", "rram_32nm", "--set", "adc.bits=4", "--set", "adc.bits=5"],
        "adc.bits is set twice, to 4 before",
    ),
    (["cost", "digits-w4", "rram_32nm", "--activity", "15%"], "'15%' is not a number"),
    (
        ["cost", "digits-w4", "empty.yaml"],
        "empty.yaml: expected a mapping of sections, found nothing: the file is empty",
    ),
    (["evaluate", "digits-w4", "rram_32nm", "--samples", "ten"], "'ten' is not a whole number"),
    (["evaluate", "mnist-w4", "rram_32nm"], "it was trained on mnist: data = 'mnist'"),
    (
        ["import", "excel.csv", "--store", "new.db"],
        "excel.csv: first line 'network;accuracy': is separated by semicolons",
    ),
    (["import", "hint.csv", "--store", "new.db"], "hint.csv: first line 'sep=,': must name the columns"),
    (["train", "digits-w5"], "digits-w"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_input_is_one_clear_line_and_exit_code_2(
    files: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(files)
    before = sorted(path.name for path in files.iterdir())
    result = spikesim(*arguments)
    assert result.exit_code == 2, result.output
    lines = result.output.strip().splitlines()
    assert len(lines) == 1, result.output
    assert lines[0].startswith("spikesim: error: ")
    assert message in lines[0]
    assert "Traceback" not in result.output
    assert sorted(path.name for path in files.iterdir()) == before


def test_a_real_process_exits_with_2_and_says_so_on_stderr(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "spikesim_py.cli", "cost", "nothing", "rram_32nm"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1


def test_sweep_dry_run_and_run(tmp_path: Path) -> None:
    space = tmp_path / "two.yaml"
    space.write_text("network: digits-w1\nchip: rram_32nm\nsamples: 20\nchips: 1\naxes:\n  adc.bits: [3, 6]\n")
    store = tmp_path / "two.db"
    dry = spikesim("sweep", str(space), "--store", str(store), "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert "2 designs" in dry.output
    assert not store.exists()
    result = spikesim("sweep", str(space), "--store", str(store), "--executor", "serial")
    assert result.exit_code == 0, result.output
    assert "2 designs" in result.output
    again = spikesim("sweep", str(space), "--store", str(store), "--executor", "serial", "--no-resume")
    assert again.exit_code == 2
