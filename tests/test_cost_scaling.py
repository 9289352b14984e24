"""Nodes below 22 nm: what the files hold, the laws of scaling, and NeuroSim's own figures."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import yaml

import spikesim_py as ss
from benchmarks import fit_scaling
from spikesim_py.cost.components import cell_array, column_circuits, input_shift_add, row_driver, shift_add
from spikesim_py.cost.components.adc import sar
from spikesim_py.cost.technology import load_technology
from spikesim_py.hardware import load_hardware

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "configs" / "technology"
BASE = yaml.safe_load((FOLDER / "cmos_22nm.yaml").read_text(encoding="utf-8"))
NODES = fit_scaling.NODES


def kind(unit: str) -> str:
    return unit.split("/")[0]


@pytest.mark.parametrize("node", NODES)
def test_the_files_hold_what_the_script_writes(node: int) -> None:
    text = (FOLDER / f"cmos_{node}nm.yaml").read_text(encoding="utf-8")
    assert text == fit_scaling.generate(BASE, node)


def test_the_document_holds_what_the_script_prints() -> None:
    text = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    assert fit_scaling.factor_table() in text
    assert fit_scaling.comparison() in text


@pytest.mark.parametrize("node", NODES)
def test_every_coefficient_has_unit_source_and_an_honest_grade(node: int) -> None:
    tech, base = load_technology(node), load_technology(22)
    assert (tech.node_nm, tech.scaled_from_nm) == (node, 22)
    assert tech.groups.keys() == base.groups.keys()
    for name, group in tech.groups.items():
        assert group.units == base[name].units
        assert group.source.startswith(base[name].source) or name == "process"
        own = name == "process" or (name == "sar_adc" and node in (14, 7))
        assert group.grade == ("sourced" if own else "assumed")
    assert tech.noc.grade == "assumed"


@pytest.mark.parametrize(("coarse", "fine"), [(22, 14), (14, 10), (10, 7)])
def test_area_energy_and_leakage_of_every_group_fall_with_the_node(coarse: int, fine: int) -> None:
    before, after = load_technology(coarse), load_technology(fine)
    for name, group in after.groups.items():
        for key, value in group.values.items():
            if kind(group.units[key]) in ("um2", "fJ", "uW", "pW", "fF"):
                assert abs(value) < abs(before[name][key]), (name, key)
    for key, router in after.noc.routers.items():
        larger = before.noc.routers[key]
        assert router.write_pj < larger.write_pj
        assert router.clock_pj < larger.clock_pj
        assert router.area_um2 < larger.area_um2
    assert after.noc.link.per_mm_pj < before.noc.link.per_mm_pj
    assert after.noc.link.bits == before.noc.link.bits
    assert after.vdd_volt < before.vdd_volt


def test_a_network_costs_less_at_every_finer_node() -> None:
    """Energy and area from 65 to 7 nm."""
    reports = [
        ss.cost("digits-w4", load_hardware("rram_32nm", {"technology.node_nm": n})) for n in (65, 45, 32, 22, *NODES)
    ]
    for coarse, fine in pairwise(reports):
        assert fine.energy_pj < coarse.energy_pj
        assert fine.area_um2 < coarse.area_um2
    scaled = [any("scaled from 22 nm" in note for note in report.notes) for report in reports]
    assert scaled == [False] * 4 + [True] * 3
    assert any(
        "scaled from 22 nm" in note
        for note in ss.cost("digits-fp", load_hardware("rram_32nm", {"technology.node_nm": 7})).notes
    )


def test_at_its_own_node_the_table_scales_by_one() -> None:
    """Between 32 and 20 nm the power law meets both ends; a node's factor over itself is 1."""
    assert fit_scaling.between(32, 32, 20, 7.8, 3.6) == 7.8
    assert fit_scaling.between(20, 32, 20, 7.8, 3.6) == pytest.approx(3.6)
    assert fit_scaling.of_neurosim(fit_scaling.SAR_UM2, 22) == 1


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="furlong"):
        fit_scaling.factor("furlong/fortnight", fit_scaling.unit_factors(14, 0.85))


def test_polynomials_and_area_are_those_of_the_paper() -> None:
    """The authors' erratum to section 4.2.1: 65 nm at 1.3 V has the energy factor 2.604 (Table 5)."""
    assert fit_scaling.polynomial((3.755, -4.398, 1.975), 1.3) == pytest.approx(2.604, abs=5e-4)


def sub_array(node: int) -> tuple[float, float]:
    """Area in um2 and energy of a read in pJ by our laws: 128 x 128 cells of 6 kohm, 17 % of rows active."""
    tech, size, mux, bits, active = load_technology(node), 128, 8, 5, 0.17
    chip = load_hardware(
        "rram_32nm",
        {
            "technology.node_nm": node,
            "device.r_on_ohm": 6000.0,
            "device.read_volt": 0.5,
            "crossbar.rows": size,
            "crossbar.cols": size,
            "crossbar.mux": mux,
            "adc.bits": bits,
        },
    )
    cells, adc, columns = cell_array(tech, chip), sar(tech, bits), column_circuits(tech, chip)
    driver = row_driver(tech, chip, cells)
    slices, planes = shift_add(tech, bits, 4, mux), input_shift_add(tech, bits, 4, mux)
    area = cells.area_um2 + driver.area_um2 + sum(c.area_um2 for c in columns.values())
    area += size / mux * (adc.area_um2 + slices.area_um2 + planes.area_um2)
    rows = size * active
    current_fj = 0.25 / 687 * adc.connected_ns * 1e6  # mean column resistance at 22 nm
    energy = mux * (rows * cells.word_fj + driver.clock_fj + rows * driver.active_fj) + size * cells.bit_fj
    energy += size * (adc.energy_fj + current_fj + slices.energy_fj) + size / mux * 2 * planes.energy_fj
    energy += mux * columns["column_mux"].energy_fj
    return area, energy * 1e-3


@pytest.mark.parametrize(("node", "area_um2", "energy_pj"), [(22, 7715, 103.9), (14, 4744, 81.7), (7, 1347, 50.2)])
def test_a_sub_array_is_that_of_neurosim(node: int, area_um2: float, energy_pj: float) -> None:
    area, energy = sub_array(node)
    assert area == pytest.approx(area_um2, rel=0.05)
    assert energy == pytest.approx(energy_pj, rel=0.08)
