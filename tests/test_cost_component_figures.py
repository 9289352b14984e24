"""Single figures of NeuroSim V1.3 beside its component table: closed forms, whole sub-arrays, logic, buffers."""

from __future__ import annotations

import math

import pytest

from benchmarks.fit_components import BUFFERS_32
from spikesim_py.cost.components import HTree, Memory, RegisterFile, adder, adder_tree, register, subarray
from spikesim_py.cost.components.adc import flash, sar
from spikesim_py.cost.technology import load_technology
from spikesim_py.hardware import load_hardware


def test_converters_of_neurosim() -> None:
    """Closed forms and single figures: SAR and flash at 3 to 8 bits (um2 of sense amplifiers and encoder)."""
    tech = load_technology(32)
    for bits, area in ((3, 181), (4, 388), (5, 801), (6, 1802), (7, 3982), (8, 10101)):
        assert flash(tech, bits).area_um2 == pytest.approx(area, rel=2e-3)
        assert sar(tech, bits).area_um2 == pytest.approx(64.5 + 39.66 * bits, rel=1e-3)
        assert sar(tech, bits).energy_fj == pytest.approx((1.1294 * bits + 8.8998) * (bits + 1), rel=1e-3)
    for bits, time in ((3, 1.10), (4, 1.15), (5, 1.24), (6, 1.41), (7, 1.76), (8, 2.46)):
        assert flash(tech, bits).time_ns == pytest.approx(time, abs=0.01)
    ohm = 674.9  # power of the column: 0.079449 exp(-2.297 log10 R) W
    watts = 0.079449 * math.exp(-2.297 * math.log10(ohm))
    assert sar(tech, 5).column_fj(0.5, 1 / ohm) == pytest.approx(watts * 6e-9 * 1e15, rel=1e-3)


@pytest.mark.parametrize(
    ("ways", "area", "time"),
    [(1, 58391, 11), (2, 34385, 24), (4, 22521, 42), (8, 16699, 76), (16, 14110, 146), (32, 13380, 288)],
)
def test_mux_ratios_of_neurosim(ways: int, area: float, time: float) -> None:
    """Whole sub-arrays of 128 x 128 at 32 nm, um2 and ns to whole numbers; 16 ways were not fitted."""
    chip = load_hardware("rram_32nm", {"crossbar.mux": ways, "device.cell_bits": 2, "device.r_on_ohm": 6e3})
    whole = subarray(load_technology(32), chip, row_activity=0.17, column_ohm=674.9)["total"]
    assert whole.area_um2 == pytest.approx(area, abs=0.6)
    assert whole.latency_ns == pytest.approx(time, abs=0.6)


def test_a_size_of_sram_that_was_not_fitted() -> None:
    """128 x 128, SAR of 5 bits at 32 nm: um2, uW and pJ per plane, to the digits that are known."""
    chip = load_hardware("sram_32nm", {"crossbar.mux": 8, "device.r_on_ohm": 20e3, "device.read_volt": 0.5})
    found = subarray(load_technology(32), chip, row_activity=0.17, column_ohm=3754)
    assert found["total"].area_um2 == pytest.approx(13490, abs=0.6)
    assert found["total"].leakage_uw - found["decoder"].leakage_uw == pytest.approx(0.384, abs=6e-4)
    known = {
        "adc": 27.7,
        "precharger": 13.6,
        "row_driver": 10.7,
        "shift_add": 9.2,
        "input_shift_add": 2.0,
        "total": 63.3,
    }
    for name, energy in known.items():
        assert found[name].energy_pj == pytest.approx(energy, abs=0.12)


def test_logic_of_neurosim() -> None:
    for node, area, energy, time, leakage in ((32, 2.94, 2.04, 0.110, 223), (22, 1.39, 1.07, 0.065, 134)):
        one = adder(load_technology(node), 1)
        assert one.area_um2 == pytest.approx(area, rel=0.01)
        assert one.energy_fj == pytest.approx(energy, rel=0.02)
        assert one.time_ns == pytest.approx(time, rel=0.02)
        assert one.leakage_pw == pytest.approx(leakage, rel=0.01)
    # a flip-flop's 9.54 and 5.10 fJ, halved by the factor that NeuroSim was validated with
    assert register(load_technology(32), 1).energy_fj == pytest.approx(9.54 / 2, rel=0.01)
    assert register(load_technology(22), 1).energy_fj == pytest.approx(5.10 / 2, rel=0.01)


def test_adder_trees_of_neurosim() -> None:
    """2 to 16 inputs of 8 bits at 32 nm: um2, fJ, ns."""
    reference = {2: (23.5, 16.3, 0.85), 4: (73.5, 50.9, 1.81), 8: (176.5, 122.2, 2.89), 16: (385.4, 266.8, 4.07)}
    for inputs, (area, energy, time) in reference.items():
        tree = adder_tree(load_technology(32), inputs, 8)
        assert tree.area_um2 == pytest.approx(area, rel=0.01)
        assert tree.energy_fj == pytest.approx(energy, rel=0.02)
        assert tree.time_ns == pytest.approx(time, rel=0.04)


def test_h_tree_of_neurosim() -> None:
    """Root to leaf of 4x4, 8x8 and 16x16 tiles of 500 um at 32 nm: pJ per bit, ns; um2 of a 128-bit bus."""
    tech = load_technology(32)
    for side, picojoule, time in ((4, 0.138, 1.43), (8, 0.275, 3.04), (16, 0.523, 5.90)):
        tree = HTree(tech, side**2, (side * 500.0) ** 2)
        assert tree.bit_fj * 1e-3 == pytest.approx(picojoule, rel=0.05)
        assert tree.time_ns == pytest.approx(time, rel=0.05)
    assert HTree(tech, 64, 4000.0**2).area_um2 == pytest.approx(122266, rel=0.01)
    assert HTree(tech, 1, 4000.0**2).area_um2 == 0


@pytest.mark.parametrize("buffer", BUFFERS_32, ids=lambda b: f"{b['lines']}x{b['columns']}")
def test_buffers_of_neurosim(buffer: dict[str, float]) -> None:
    """SRAM of 8 to 1024 Kb at 32 nm, one bank each."""
    bits = buffer["lines"] * buffer["columns"]
    memory = Memory(load_technology(32), bits, bank_bits=bits, lines=buffer["lines"])
    assert memory.banks == 1
    assert memory.area_um2 == pytest.approx(buffer["um2"], rel=0.01)
    assert memory.read_fj == pytest.approx(buffer["read"], rel=0.01)
    assert memory.write_fj == pytest.approx(buffer["write"], rel=0.05)
    assert memory.line_ns == pytest.approx(buffer["ns"], rel=0.01)


def test_banks_keep_the_bit_lines_short() -> None:
    tech = load_technology(32)
    banks, single = Memory(tech, 2**20), Memory(tech, 2**20, bank_bits=2**20)
    assert (banks.banks, single.banks) == (64, 1)
    assert banks.read_fj == pytest.approx(single.read_fj / 8)
    assert banks.write_fj < single.write_fj
    assert banks.line_ns < single.line_ns
    assert banks.area_um2 > single.area_um2
    assert Memory(tech, 0).area_um2 == 0


def test_a_register_file_is_larger_and_needs_no_bit_line() -> None:
    tech = load_technology(32)
    flops, memory = RegisterFile(tech, 2**17), Memory(tech, 2**17)
    assert flops.area_um2 / 2**17 == pytest.approx(2.63)
    assert flops.area_um2 > 5 * memory.area_um2
    assert flops.read_fj < memory.read_fj
    assert flops.write_fj < memory.write_fj
