"""The component laws against the tables they were fitted to, and their own laws."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.calibration import TOTAL, checks, held_out_groups, main, markdown, summaries, technology_from
from benchmarks.fit_components import fit, fit_noc, to_yaml
from benchmarks.fit_tables import read_rows
from spikesim_py.cost.components import (
    adder_tree,
    input_shift_add,
    multiplier,
    neuron_lane,
    shift_add,
    subarray,
)
from spikesim_py.cost.components.adc import encoder, flash, sar
from spikesim_py.cost.technology import load_technology, read_technology
from spikesim_py.errors import ConfigError
from spikesim_py.hardware import load_hardware
from spikesim_py.network import Leak, Lif, Synapse

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "tests" / "reference"
TABLE = REFERENCE / "neurosim_components.csv"
NODES = (65, 45, 32, 22)
ROWS = read_rows(TABLE)
SUMMARIES = summaries(checks(ROWS))


@pytest.mark.parametrize("found", SUMMARIES, ids=lambda s: f"{s.component}-{s.quantity}")
def test_every_component_is_as_close_as_we_claim(found: Any) -> None:
    """Median within 1 %, worst within 5 %; whole sub-arrays within 3 %."""
    if found.component == TOTAL:
        assert found.worst <= 0.03
    else:
        assert found.median <= 0.01
        assert found.worst <= 0.05


def test_every_component_and_quantity_of_the_table_is_checked() -> None:
    numbers = {(s.component, s.quantity): len(s.errors) for s in SUMMARIES}
    assert len(numbers) == 51
    assert sum(numbers.values()) == 2676
    assert {name for name, _ in numbers} == {row["component"] for row in ROWS}
    assert numbers["shiftAddWeight", "area"] == 80
    assert numbers["MLSAencoder", "energy"] == 8


def test_the_docs_show_these_errors() -> None:
    text = (ROOT / "docs" / "calibration.md").read_text(encoding="utf-8")
    assert "\n".join(markdown(SUMMARIES)) in text


@pytest.mark.parametrize(
    ("group", "worst"),
    [
        ("SAR bits 6", 0.01),
        ("SAR rows 64", 0.02),
        ("SAR activity 0.5", 0.01),
        ("SAR r_on 25000", 0.01),
        ("MLSA bits 6", 0.01),
        ("MLSA at 22 nm", 0.04),
    ],
)
def test_rows_that_were_not_fitted_are_predicted(group: str, worst: float) -> None:
    inside = held_out_groups(ROWS)[group]
    rest = [row for row in ROWS if not inside(row)]
    known = {row["node_nm"] for row in rest}
    taken = [row for row in ROWS if inside(row) and row["node_nm"] in known]
    fitted = {node: technology_from(rest, node) for node in {int(row["node_nm"]) for row in taken}}
    assert max(check.error for check in checks(taken, fitted.__getitem__)) <= worst


def test_a_table_that_is_not_met_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head, *lines = TABLE.read_text().splitlines()
    sar_row = next(line for line in lines if ",sarADC(all)," in line)
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text(f"{head}\n{sar_row}\n")
    fields = sar_row.split(",")
    fields[-4] = str(float(fields[-4]) * 1.06)  # its area
    bad.write_text(f"{head}\n{','.join(fields)}\n")
    assert main([str(good)]) == 0
    assert main([str(bad)]) == 1
    assert "above the bound: sarADC(all) area" in capsys.readouterr().out


@pytest.mark.parametrize("node", NODES)
def test_the_files_hold_what_the_script_fits(node: int) -> None:
    routers, links = (read_rows(REFERENCE / f"dsent_{name}.csv") for name in ("router", "link"))
    text = to_yaml(node, fit(ROWS, node), fit_noc(routers, links, node))
    path = ROOT / "configs" / "technology" / f"cmos_{node}nm.yaml"
    assert path.read_text(encoding="utf-8") == text


def test_sources_and_units_are_stated() -> None:
    for node in NODES:
        tech = load_technology(node)
        assert tech.node_nm == node
        for group in tech.groups.values():
            assert group.source
            assert all(group.units[key] for key in group.values)
            assert all(math.isfinite(value) for value in group.values.values())


@given(bits=st.integers(1, 11), node=st.sampled_from(NODES))
def test_more_bits_never_cost_less(bits: int, node: int) -> None:
    tech = load_technology(node)
    for kind in (sar, flash, encoder):
        less, more = kind(tech, bits), kind(tech, bits + 1)
        assert more.area_um2 > less.area_um2 > 0
        assert more.energy_fj > less.energy_fj > 0
        assert more.time_ns > less.time_ns > 0
        assert more.leakage_pw >= less.leakage_pw >= 0


@given(
    rows=st.sampled_from([16, 32, 64, 128, 256, 512]),
    mux=st.sampled_from([1, 2, 4, 8, 16]),
    node=st.sampled_from(NODES),
    name=st.sampled_from(["rram_32nm", "sram_32nm"]),
    activity=st.floats(0.0, 0.5),
)
def test_a_larger_busier_or_finer_sub_array_never_costs_less(
    rows: int, mux: int, node: int, name: str, activity: float
) -> None:
    tech = load_technology(node)

    def total(bits: int = 5, size: int = rows, active: float = activity) -> Any:
        chip = {"crossbar.rows": size, "crossbar.cols": size, "crossbar.mux": mux, "adc.bits": bits}
        hardware = load_hardware(name, {"technology.node_nm": node, **chip})
        return subarray(tech, hardware, row_activity=active, column_ohm=1e5 / size)["total"]

    base, finer, larger, busier = total(), total(bits=6), total(size=2 * rows), total(active=activity + 0.3)
    for more in (finer, larger):
        assert more.area_um2 > base.area_um2
        assert more.energy_pj > base.energy_pj
        assert more.latency_ns > base.latency_ns
        assert more.leakage_uw > base.leakage_uw
    assert busier.energy_pj > base.energy_pj
    assert (busier.area_um2, busier.latency_ns, busier.leakage_uw) == (base.area_um2, base.latency_ns, base.leakage_uw)


@given(
    bits=st.integers(1, 12),
    columns=st.integers(1, 17),
    ways=st.sampled_from([1, 2, 8, 64, 128]),
    lanes=st.sampled_from([1, 4, 16, 64]),
    node=st.sampled_from(NODES),
)
def test_shift_add_is_positive_and_grows(bits: int, columns: int, ways: int, lanes: int, node: int) -> None:
    tech = load_technology(node)
    for law in (shift_add, input_shift_add):
        one, wider = law(tech, bits, columns, ways, lanes=lanes), law(tech, bits + 1, columns, ways, lanes=lanes)
        assert 0 < one.area_um2 < wider.area_um2
        assert 0 < one.energy_fj < wider.energy_fj
        assert 0 < one.leakage_pw < wider.leakage_pw


@given(a=st.integers(1, 40), b=st.integers(1, 40))
def test_every_input_of_a_tree_is_added_once(a: int, b: int) -> None:
    """n inputs of one bit need at least n - 1 full adders; more inputs or bits never cost less."""
    tech = load_technology(32)
    tree, more = adder_tree(tech, a, b), adder_tree(tech, a + 1, b)
    assert tree.energy_fj >= (a - 1) * b * tech["digital"]["adder"] * (1 - 1e-12)
    assert more.energy_fj >= tree.energy_fj
    assert multiplier(tech, a, 1).energy_fj == 0


def test_what_a_neuron_does_is_paid_for() -> None:
    tech = load_technology(32)
    base = Lif(name="n", inputs=("x",), leak=Leak(multiplier=1, shift=1), reset="zero", overflow="wrap")

    def energy(**changes: Any) -> float:
        return neuron_lane(tech, base.model_copy(update=changes), 12).energy_fj

    assert energy() < energy(reset="subtract")
    assert energy() < energy(overflow="saturate")
    assert energy() < energy(membrane_bits=24)
    assert energy() < energy(leak=Leak(multiplier=3, shift=2)) < energy(leak=Leak(multiplier=227, shift=8))
    assert energy() < energy(leak=Leak(multiplier=1, shift=1, rounding="nearest"))
    assert energy() < energy(synapse=Synapse()) < energy(synapse=Synapse(resets=True))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("node_nm: 32\n", "noc: is missing"),
        ("node_nm: 32\nnoc: {}\na: {grade: perfect, source: x}\n", r":3: a: needs a source and a grade"),
        ("node_nm: 32\nnoc: {}\na:\n  grade: sourced\n  source: x\n  area: 3\n", r":6: a.area: must be"),
        ("node_nm: 32\nnoc: {grade: sourced, source: x, routers: [{}]}\n", ":2: noc: routers or link"),
    ],
)
def test_broken_files_are_refused_by_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "cmos.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_technology(path)
