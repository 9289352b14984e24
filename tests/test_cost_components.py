"""The component laws against the tables they were fitted to, and their own laws."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.fit_components import fit, fit_noc, to_yaml
from benchmarks.fit_tables import bits as table_bits
from benchmarks.fit_tables import on_ohm, read_rows
from spikesim_py.cost.components import (
    HTree,
    Memory,
    adder_tree,
    cell_array,
    column_circuits,
    input_shift_add,
    multiplier,
    neuron_lane,
    row_driver,
    shift_add,
)
from spikesim_py.cost.components.adc import flash, sar
from spikesim_py.cost.technology import load_technology, read_technology
from spikesim_py.errors import ConfigError
from spikesim_py.hardware import Hardware, load_hardware
from spikesim_py.network import Leak, Lif

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "tests" / "reference"
NODES = (65, 45, 32, 22)
Row = dict[str, Any]


ROWS: list[Row] = read_rows(REFERENCE / "neurosim_components.csv")


def chip(row: Row) -> Hardware:
    sram = row["sweep"] == "sram_sweep"
    return load_hardware(
        "sram_32nm" if sram else "rram_32nm",
        {
            "technology.node_nm": int(row["node_nm"]),
            "device.r_on_ohm": 20e3 if sram else on_ohm(row),
            "device.read_volt": 0.5,
            "crossbar.rows": int(row["rows"]),
            "crossbar.cols": int(row["cols"]),
            "crossbar.mux": int(row["mux"]),
            "adc.bits": int(table_bits(row)),
        },
    )


def predicted(row: Row, quantity: str) -> float:
    """The library's number for one row of the table; energy in pJ per plane of the whole array."""
    tech, hardware, name = load_technology(int(row["node_nm"])), chip(row), row["component"]
    mux, cols, bits = row["mux"], row["cols"], int(table_bits(row))
    columns, units = int(row["synapseBit"] / row["cellBit"]), row["cols"] / row["mux"]
    array = cell_array(tech, hardware)
    driver = row_driver(tech, hardware, array)
    active = row["rows"] * row["rowActivity"]
    if name in ("sarADC(all)", "MLSA(all)"):
        adc = sar(tech, bits) if name.startswith("sar") else flash(tech, bits)
        current_fj = 0.25 / row["meanColRes_ohm"] * adc.connected_ns * 1e6
        energy = cols * (adc.energy_fj + current_fj)
        return {"area": adc.area_um2 * units, "energy": energy * 1e-3, "time": adc.time_ns}[quantity]
    circuits = {
        "array": (array.area_um2, mux * (active * array.word_fj + array.precharge_fj) + cols * array.bit_fj),
        "wlNewSwitchMatrix": (driver.area_um2, mux * (driver.clock_fj + active * driver.active_fj)),
        "wlSwitchMatrix": (driver.area_um2, mux * (driver.clock_fj + active * driver.active_fj)),
        "precharger": (0.0, mux * array.precharge_fj),
    }
    if name in circuits:
        area, energy = circuits[name]
        time = array.settle_ns if name == "array" else driver.drive_ns
        return {"area": area, "energy": energy * 1e-3, "time": time}[quantity]
    if name.startswith("shiftAdd"):
        law = input_shift_add if name == "shiftAddInput" else shift_add
        one = law(tech, bits, columns, int(mux))
        actions = cols if law is shift_add else units * max(mux / columns, 1)
        return {"area": one.area_um2 * units, "energy": one.energy_fj * actions * 1e-3, "time": one.time_ns}[quantity]
    parts = column_circuits(tech, hardware)
    if name == "muxDecoder":  # our mux is both: compare with the sum of mux and decoder
        mate = next(
            other
            for other in ROWS
            if other["component"] == "mux"
            and all(other[key] == row[key] for key in row if key not in (*VALUES, "component"))
        )
        share = {"area": "area_um2", "energy": "energy_pJ_per_full_bitplane_read", "time": "latency_ns"}[quantity]
        circuit = parts["column_mux"]
        whole = {"area": circuit.area_um2, "energy": mux * circuit.energy_fj * 1e-3, "time": circuit.time_ns}
        return whole[quantity] - float(mate[share])
    drivers = parts["column_driver"].area_um2 if name == "slSwitchMatrix" else parts["level_shifter"].area_um2 / 3
    return drivers


VALUES = ("area_um2", "latency_ns", "energy_pJ_per_full_bitplane_read", "leakage_uW")
KEYS = {"area": "area_um2", "energy": "energy_pJ_per_full_bitplane_read", "time": "latency_ns"}


def errors(component: str, quantity: str, keep: Callable[[Row], bool] = lambda row: True) -> np.ndarray:
    rows = [r for r in ROWS if r["component"] == component and r[KEYS[quantity]] > 0 and keep(r)]
    assert rows
    return np.array([abs(predicted(r, quantity) / r[KEYS[quantity]] - 1) for r in rows])


def rram(row: Row) -> bool:
    return row["sweep"] != "sram_sweep"


#: component, quantity, rows, median and worst relative error that we claim
CLAIMS: list[tuple[str, str, Callable[[Row], bool], float, float]] = [
    ("array", "area", lambda r: True, 0.001, 0.001),
    ("array", "energy", rram, 0.005, 0.02),
    ("array", "time", lambda r: rram(r) and on_ohm(r) > 6000, 0.05, 0.11),
    ("wlNewSwitchMatrix", "area", rram, 0.001, 0.001),
    ("wlNewSwitchMatrix", "energy", rram, 0.001, 0.001),
    ("wlNewSwitchMatrix", "time", rram, 0.02, 0.09),
    ("wlSwitchMatrix", "area", lambda r: True, 0.02, 0.02),
    ("wlSwitchMatrix", "energy", lambda r: True, 0.001, 0.001),
    ("slSwitchMatrix", "area", rram, 0.001, 0.001),
    ("wllevelshifter", "area", rram, 0.001, 0.001),
    ("precharger", "energy", lambda r: True, 0.001, 0.001),
    ("sarADC(all)", "area", lambda r: True, 0.001, 0.001),
    ("sarADC(all)", "energy", lambda r: True, 0.01, 0.03),
    ("sarADC(all)", "time", lambda r: True, 1e-9, 1e-9),
    ("shiftAddWeight", "area", lambda r: True, 0.02, 0.06),
    ("shiftAddWeight", "energy", lambda r: True, 0.005, 0.005),
    ("shiftAddWeight", "time", rram, 0.005, 0.005),
    ("shiftAddInput", "area", lambda r: True, 0.02, 0.06),
    ("shiftAddInput", "energy", lambda r: True, 0.005, 0.005),
    ("muxDecoder", "time", lambda r: rram(r) and r["mux"] > 2, 0.05, 0.10),
]


@pytest.mark.parametrize(("component", "quantity", "keep", "median", "worst"), CLAIMS)
def test_fit_errors_are_what_we_claim(
    component: str, quantity: str, keep: Callable[[Row], bool], median: float, worst: float
) -> None:
    found = errors(component, quantity, keep)
    assert np.median(found) <= median
    assert found.max() <= worst


@pytest.mark.parametrize("node", [32, 22])
@pytest.mark.parametrize("quantity", ["area", "energy"])
def test_flash_and_its_encoder(node: int, quantity: str) -> None:
    for row in ROWS:
        if row["component"] != "MLSA(all)" or row["node_nm"] != node:
            continue
        encoder = next(
            r for r in ROWS if r["component"] == "MLSAencoder" and r["node_nm"] == node and r["levels"] == row["levels"]
        )
        whole = row[KEYS[quantity]] + encoder[KEYS[quantity]]
        assert predicted(row, quantity) == pytest.approx(whole, rel=0.05)


@pytest.mark.parametrize("node", NODES)
def test_a_whole_sub_array_read_is_within_two_percent(node: int) -> None:
    """NeuroSim's own total of a 128 x 128 read (energy): the sum of its parts by our laws."""
    names = ("array", "wlNewSwitchMatrix", "sarADC(all)", "shiftAddWeight", "shiftAddInput")
    rows = [r for r in ROWS if r["sweep"] == "all_sar" and r["node_nm"] == node and r["rows"] == 128]
    for levels in {r["levels"] for r in rows}:
        mine = [r for r in rows if r["levels"] == levels]
        total = next(r for r in mine if r["component"].startswith("subarray_total"))
        ours = sum(predicted(r, "energy") for r in mine if r["component"] in names)
        assert ours == pytest.approx(total["energy_pJ_per_full_bitplane_read"], rel=0.02)


def test_sar_closed_form_at_32_nm() -> None:
    """Published closed form: area 64.5 + 39.66 b; power 1.1294 b + 8.8998 uW over (b + 1) ns."""
    tech = load_technology(32)
    for bits in range(3, 10):
        adc = sar(tech, bits)
        assert adc.area_um2 == pytest.approx(64.5 + 39.66 * bits, rel=1e-3)
        assert adc.energy_fj == pytest.approx((1.1294 * bits + 8.8998) * (bits + 1), rel=0.015)
        assert adc.time_ns == bits + 1


def test_adder_tree_areas_of_neurosim() -> None:
    """2, 4, 8, 16 inputs of 8 bits at 32 nm: 23.5, 73.5, 176.5, 385.4 um2; 0.85, 1.81, 2.89, 4.07 ns."""
    tech = load_technology(32)
    for inputs, area, time in [(2, 23.5, 0.85), (4, 73.5, 1.81), (8, 176.5, 2.89), (16, 385.4, 4.07)]:
        assert adder_tree(tech, inputs, 8).area_um2 == pytest.approx(area, rel=0.03)
        assert adder_tree(tech, inputs, 8).time_ns == pytest.approx(time, rel=0.05)


def test_htree_energies_of_neurosim() -> None:
    """At 32 nm, leaves of 0.5 mm: 4x4 0.138, 8x8 0.275, 16x16 0.523 pJ per bit."""
    tech = load_technology(32)
    for side, picojoule in [(4, 0.138), (8, 0.275), (16, 0.523)]:
        tree = HTree(tech, side**2, (side * 500.0) ** 2)
        assert tree.bit_fj * 1e-3 == pytest.approx(picojoule, rel=0.05)
    assert HTree(tech, 64, 4000.0**2).area_um2 == pytest.approx(122266, rel=0.01)
    assert HTree(tech, 1, 4000.0**2).area_um2 == 0


def test_buffer_of_neurosim() -> None:
    """SRAM buffers at 32 nm: 16 Kb 5515 um2, 13.3 fJ per bit read; 8 Kb 3055 um2."""
    small, bank = Memory(load_technology(32), 8192), Memory(load_technology(32), 16384)
    assert bank.area_um2 == pytest.approx(5515, rel=0.01)
    assert bank.read_fj == pytest.approx(13.3, rel=0.01)
    assert small.area_um2 == pytest.approx(3055, rel=0.05)


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
    for kind in (sar, flash):
        less, more = kind(tech, bits), kind(tech, bits + 1)
        assert more.area_um2 > less.area_um2 > 0
        assert more.energy_fj > less.energy_fj > 0
        assert more.time_ns > less.time_ns > 0


@given(
    bits=st.integers(1, 12),
    columns=st.integers(1, 17),
    ways=st.sampled_from([1, 2, 8, 64, 128]),
    node=st.sampled_from(NODES),
)
def test_shift_add_is_positive_and_grows(bits: int, columns: int, ways: int, node: int) -> None:
    tech = load_technology(node)
    for law in (shift_add, input_shift_add):
        one, wider = law(tech, bits, columns, ways), law(tech, bits + 1, columns, ways)
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
