"""Every constant of the cost model is listed, with value, unit, source and grade."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner
from conftest import ROOT

from spikesim_py.cli import main
from spikesim_py.cost import Grade
from spikesim_py.cost import sources as sources_module
from spikesim_py.cost.sources import _IN_CODE, Constant, constant_files, constants, file_constants
from spikesim_py.hardware import load_hardware, presets

TECHNOLOGY = ROOT / "configs" / "technology"
FILES = sorted([*TECHNOLOGY.glob("*.yaml"), *(ROOT / "configs" / "calibrations").glob("*.yaml")])


def numbers_in(path: Path) -> int:
    """Numbers of a file as text: every one but the nodes that the file is for and what names a row of a table."""
    text = re.sub(r"#.*|\"[^\"]*\"", "", path.read_text())
    values = re.findall(r"[:\[,]\s*[-+]?\d[\d_]*\.?\d*(?:[eE][-+]?\d+)?(?=\s*[\n,}\]])", text)
    labels = re.findall(r"^\w*_nm:|(?<=[{,])\s*(?:flit_bits|vcs|buffer_flits):", text, re.M)
    return len(values) - len(labels)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_s_constants_are_its_numbers(path: Path) -> None:
    found = file_constants(path)
    assert len(found) == numbers_in(path)
    assert len({constant.name for constant in found}) == len(found)
    assert {constant.file for constant in found} == {f"{path.parent.name}/{path.name}"}


@pytest.mark.parametrize("chip", presets())
def test_every_constant_of_every_chip_has_a_unit_a_source_and_a_grade(chip: str) -> None:
    hardware = load_hardware(chip)
    found = constants(hardware)
    assert len(found) == sum(map(numbers_in, constant_files(hardware))) + len(_IN_CODE[hardware.cost.library])
    for constant in found:
        assert constant.unit, constant
        assert constant.source, constant
        assert constant.grade in get_args(Grade), constant


def by_name(chip: str) -> dict[str, Constant]:
    return {constant.name: constant for constant in constants(load_hardware(chip))}


def test_values_are_those_that_the_models_use() -> None:
    found = by_name("rram_32nm")
    vdd = found["process.vdd"]
    assert (vdd.value, vdd.unit, vdd.grade) == (0.9, "V", "simulator-validated")
    assert vdd.file == "technology/cmos_32nm.yaml"
    router = found["noc.routers[flit_bits=64,vcs=2,buffer_flits=4].write_pj"]
    assert (router.value, router.unit) == (0.92506, "pJ")
    assert found["noc.link.per_mm_pj"].unit == "pJ/mm"
    assert found["components.neuron.gate"].file == "code"
    released = by_name("spikesim_released")
    assert (released["energy_pj.adc"].value, released["energy_pj.adc"].unit) == (2.03084, "pJ")
    corrected = released["corrected.diff_pj"]
    assert (corrected.value, corrected.unit, corrected.grade) == (0.1105, "pJ", "assumed")
    assert "extrapolated" in corrected.source
    assert not any(name.startswith("sar_adc") for name in released)


def test_what_a_group_does_not_say_comes_from_around_it(tmp_path: Path) -> None:
    path = tmp_path / "table.yaml"
    path.write_text(
        "node_nm: 7\n"
        "dram:\n  grade: sourced\n  source: data sheet\n"
        "  access: {value: 4.5, unit: pJ/bit, grade: assumed, source: a guess}\n"
        "  burst_bits: 128\n"
        "  scaling: [1.0, 0.7]\n"
        "  text: a remark\n"
    )
    found = {constant.name: constant for constant in file_constants(path)}
    assert set(found) == {"dram.access", "dram.burst_bits", "dram.scaling[0]", "dram.scaling[1]"}
    access, burst, scaling = found["dram.access"], found["dram.burst_bits"], found["dram.scaling[1]"]
    assert (access.grade, access.source, access.unit) == ("assumed", "a guess", "pJ/bit")
    assert (burst.grade, burst.source, burst.unit) == ("sourced", "data sheet", "bit")
    assert (scaling.value, scaling.unit) == (0.7, "-")


def test_files_that_all_nodes_share_and_calibrations_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = {"technology": ("cmos_32nm", "cmos_22nm", "memories", "spikesim_released"), "calibrations": ("survey",)}
    for kind, names in made.items():
        (tmp_path / kind).mkdir()
        for name in names:
            (tmp_path / kind / f"{name}.yaml").write_text("a: 1\n")
    monkeypatch.setattr(sources_module, "config_dir", lambda kind: tmp_path / kind)
    assert [path.stem for path in constant_files(load_hardware("rram_32nm"))] == ["cmos_32nm", "memories", "survey"]
    assert [path.stem for path in constant_files(load_hardware("spikesim_released"))] == ["spikesim_released"]


#: module-level numbers of the cost room that are no constants of a model: ranges of validity, a file's tolerance,
#: definitions of a band, designs per pass
NOT_OF_A_MODEL = {"FITTED_BITS", "FITTED_LINES", "FITTED_MUX", "FITTED_OHM", "_TOLERANCE", "STABLE", "ENDS", "CHUNK"}
NOT_OF_A_MODEL |= {"_FRACTION", "_BIAS"}  # bits of a float32
NOT_OF_A_MODEL |= {"_MAX_DEPTH"}  # of a tree in a file


def numbers_of(module: Path) -> set[str]:
    """Names that stand for plain numbers at the top of a module."""
    names: set[str] = set()
    for node in ast.parse(module.read_text()).body:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        parts = [part for part in ast.walk(value) if isinstance(part, ast.Constant)] if value else []
        plain = value and not any(isinstance(part, ast.Name | ast.Call) for part in ast.walk(value))
        if plain and parts and all(isinstance(part.value, int | float) for part in parts):
            names |= {
                name.id for target in targets if target for name in ast.walk(target) if isinstance(name, ast.Name)
            }
    return names


def test_no_number_of_a_model_hides_in_code() -> None:
    room = ROOT / "spikesim_py" / "cost"
    found = {
        (".".join(path.relative_to(room).with_suffix("").parts), name)
        for path in room.rglob("*.py")
        for name in numbers_of(path)
    }
    listed = {(module, name) for rows in _IN_CODE.values() for module, name, *_ in rows}
    assert {pair for pair in found if pair[1] not in NOT_OF_A_MODEL} == listed


def test_the_command_lists_them_and_writes_them_for_machines(tmp_path: Path) -> None:
    out = tmp_path / "chip.json"
    result = CliRunner().invoke(main, ["describe", "pcm_joshi2020", "--sources", "--json", str(out)])
    assert result.exit_code == 0, result.output
    chip = load_hardware("pcm_joshi2020")
    data = json.loads(out.read_text())
    assert [row["name"] for row in data["constants"]] == [constant.name for constant in constants(chip)]
    fields = {row["name"]: row for row in data["fields"]}
    assert fields["crossbar.rows"]["value"] == chip.crossbar.rows
    assert fields["device.r_on_ohm"]["source"] == chip.sources["device.r_on_ohm"]
    lines = {line.split()[0]: line for line in result.output.splitlines() if line.strip()}
    for constant in constants(chip):
        assert lines[constant.name].rstrip().endswith(constant.source)
        assert f" {constant.value:.12g} " in lines[constant.name]
        assert f" {constant.unit} " in lines[constant.name]
    assert "sar_adc.area_base" not in CliRunner().invoke(main, ["describe", "pcm_joshi2020"]).output


def test_a_network_has_no_constants(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["describe", "digits-w4", "--json", str(tmp_path / "x.json")])
    assert result.exit_code == 2
    assert "it is for chips" in result.output
