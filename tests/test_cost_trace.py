"""Read-by-read energies: the kernel against plain NumPy, the laws of columns, and NeuroSim's own results."""

from __future__ import annotations

import math
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from benchmarks.neurosim_vgg8 import (
    INPUT_BITS,
    POINTS,
    TOLERANCE,
    VGG8,
    Point,
    cells,
    conversions,
    layer_energy,
    neurosim_rows,
    reference,
    siemens,
    small_energy_uj,
    traces,
)
from spikesim_py.cost.components.adc import sar
from spikesim_py.cost.technology import load_technology
from spikesim_py.cost.trace import (
    ConversionLaw,
    CrossbarRead,
    ReadEnergy,
    column_energy_fj,
    conversion_fj,
    linear_law,
    neurosim_sar,
    planes,
    trace_energy,
)
from spikesim_py.cost.trace import reference as twin
from spikesim_py.errors import InputError
from spikesim_py.hardware import load_hardware

PRODUCT = ConversionLaw(0.0, 1e6, 1.0, 0.0)
LAWS = (
    PRODUCT,
    ConversionLaw(3.0, 1e6, 1.0, 0.5),
    neurosim_sar(load_technology(32), 5),
    ConversionLaw(2.0, 5e4, 0.5, 7.0),
)


def drawn(seed: int, reads: int = 40, rows: int = 24, columns: int = 9, rate: float = 0.2) -> tuple[Any, Any]:
    """Cells (rows, columns) from 900 to 6 kohm, and reads (reads, rows), the first of which is idle."""
    random = np.random.default_rng(seed)
    active = random.random((reads, rows)) < rate
    active[0] = False
    return 1 / random.uniform(6e3, 9e5, (rows, columns)), active


@given(st.integers(0, 2**16), st.floats(0.2, 3.0), st.floats(-9, 0), st.floats(0, 1))
def test_the_kernel_says_what_its_twin_says(seed: int, exponent: float, decade: float, rate: float) -> None:
    conductance, active = drawn(seed, rate=rate)
    conductance *= 10.0**decade
    law = ConversionLaw(0.3, 10.0 ** (-exponent * (decade - 4)), exponent, 0.01)
    expected = twin.column_energy_fj(conductance, active, law)
    assert column_energy_fj(conductance, active, law) == pytest.approx(expected, rel=1e-5)


def test_a_power_of_a_single_conductance_is_exact_to_float32() -> None:
    g = np.logspace(-12, 3, 4001)[None].astype(np.float32)
    for exponent in (0.5, 0.9976, 1.0, 1.7):
        law = ConversionLaw(0.0, 1.0, exponent, 1.0)
        assert column_energy_fj(g, np.ones((1, 1)), law) == pytest.approx(g[0].astype(float) ** exponent, rel=1e-5)


def test_what_is_too_small_for_float32_counts_as_next_to_nothing() -> None:
    law = ConversionLaw(1.0, 1.0, 6.0, 2.0)
    small, none = np.array([[1e-9, 1.0]]), np.zeros((1, 2))
    assert column_energy_fj(small, np.ones((1, 1)), law) == pytest.approx([1.0, 2.0], rel=1e-6)
    assert column_energy_fj(none, np.ones((1, 1)), law) == pytest.approx([2.0, 2.0])


@given(st.integers(0, 2**16))
def test_a_product_law_superposes(seed: int) -> None:
    conductance, active = drawn(seed)
    first = active & (np.random.default_rng(seed + 1).random(active.shape) < 0.5)
    parts = [column_energy_fj(conductance, part, PRODUCT) for part in (first, active & ~first)]
    assert sum(parts) == pytest.approx(column_energy_fj(conductance, active, PRODUCT), rel=1e-12)


@pytest.mark.parametrize("law", LAWS)
def test_neither_order_nor_batches_matter(law: ConversionLaw) -> None:
    conductance, active = drawn(3, reads=300)
    whole = column_energy_fj(conductance, active, law)
    mixed, rows = np.random.default_rng(1).permutation(300), np.random.default_rng(2).permutation(24)
    assert column_energy_fj(conductance, active[mixed], law) == pytest.approx(whole, rel=1e-6)
    assert column_energy_fj(conductance[rows], active[:, rows], law) == pytest.approx(whole, rel=1e-6)
    halves = [column_energy_fj(conductance, part, law) for part in (active[:111], active[111:])]
    assert sum(halves) == pytest.approx(whole, rel=1e-6)


@pytest.mark.parametrize("law", LAWS)
def test_the_number_of_threads_does_not_matter(law: ConversionLaw) -> None:
    conductance, active = drawn(4, reads=3000, rows=128, columns=200)
    results = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            results.append(column_energy_fj(conductance, active, law))
    assert np.array_equal(*results)


@pytest.mark.parametrize("law", LAWS)
def test_idle_reads_draw_no_current(law: ConversionLaw) -> None:
    conductance, active = drawn(5)
    energy = trace_energy(conductance, np.zeros_like(active), CrossbarRead(2.0, 3.0, law))
    assert energy.word_lines_pj == 0
    assert energy.bit_lines_pj == pytest.approx(3.0 * len(active) * 1e-3)
    assert energy.columns_pj == pytest.approx(law.dark_fj * len(active) * conductance.shape[1] * 1e-3)
    assert trace_energy(conductance, np.zeros_like(active), CrossbarRead(2.0, 3.0, law, True)) == ReadEnergy()


@pytest.mark.parametrize("law", LAWS)
def test_equal_cells_and_equally_many_active_rows_leave_nothing_to_average(law: ConversionLaw) -> None:
    active = np.stack([np.roll(np.arange(24) < 6, k) for k in range(24)])
    exact = column_energy_fj(np.full((24, 3), 1e-5), active, law)
    assert exact == pytest.approx(24 * conversion_fj(np.full(3, 6e-5), law), rel=1e-6)


def test_a_concave_law_makes_the_mean_field_an_upper_bound() -> None:
    conductance, active = drawn(6, reads=400)
    law = ConversionLaw(0.0, 1e6, 0.7, 0.0)
    mean = len(active) * conversion_fj((active @ conductance).mean(0), law)
    assert (column_energy_fj(conductance, active, law) < mean).all()


def test_word_lines_are_paid_by_active_rows() -> None:
    conductance, active = drawn(7)
    read = CrossbarRead(2.0, 3.0, PRODUCT, skips_idle=True)
    energy = trace_energy(conductance, active, read)
    assert energy.word_lines_pj == pytest.approx(active.sum() * 2e-3)
    assert energy.bit_lines_pj == pytest.approx(active.any(1).sum() * 3e-3)
    assert energy.total_pj == energy.word_lines_pj + energy.bit_lines_pj + energy.columns_pj
    twice = energy + energy
    assert twice.total_pj == pytest.approx(2 * energy.total_pj)


def test_planes_weigh_up_to_their_values() -> None:
    values = np.random.default_rng(0).integers(0, 32, (7, 5)).astype(np.uint8)
    split = planes(values, 5).reshape(5, 7, 5)
    assert ((split * (2 ** np.arange(5)[::-1])[:, None, None]).sum(0) == values).all()


def test_neurosims_law_is_its_power_times_its_time() -> None:
    law, ohm = neurosim_sar(load_technology(32), 5), 675.0
    watt = (1.1294 * 5 + 8.8998) * 1e-6 + 0.079449 * math.exp(-2.297 * math.log10(ohm))
    assert conversion_fj(np.array([1 / ohm, 0.0]), law) == pytest.approx([watt * 6e6, 6.0], rel=3e-4)
    assert conversion_fj(np.array([1 / ohm]), law) == pytest.approx(
        [804.8], rel=1e-3
    )  # cost of one, as NeuroSim prints
    assert conversion_fj(np.array([1 / 687]), neurosim_sar(load_technology(22), 5)) == pytest.approx([673.9], rel=1e-3)
    # a lower read voltage counts as a higher resistance
    lower = neurosim_sar(load_technology(32), 5, 0.25)
    assert lower.slope_fj / law.slope_fj == pytest.approx(0.5**law.exponent)
    assert lower.base_fj == law.base_fj


def test_the_parametric_law_is_close_to_neurosims() -> None:
    """The fitted duty of the column, times V^2 G t, against the power law from 500 ohm to 10 kohm."""
    hardware = load_hardware("rram_32nm", {"device.read_volt": 0.5})
    linear, exact = linear_law(hardware, sar(load_technology(32), 5)), neurosim_sar(load_technology(32), 5)
    g = 1 / np.geomspace(500, 1e4, 20)
    assert linear.is_product
    assert conversion_fj(g, linear) == pytest.approx(conversion_fj(g, exact) - exact.base_fj, rel=0.02)


@pytest.mark.parametrize(
    ("conductance", "active", "message"),
    [
        (np.ones((3, 2)), np.ones((4, 2)), r"siemens \(3, 2\), active \(4, 2\)"),
        (np.ones(3), np.ones((4, 3)), r"siemens \(3,\)"),
        (-np.ones((3, 2)), np.ones((4, 3)), "smallest cell is -1 S"),
    ],
)
def test_what_does_not_fit_is_refused(conductance: Any, active: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        column_energy_fj(conductance, active, PRODUCT)


# ---------------------------------------------------------------------------------------------- NeuroSim's results


def test_codes_and_cells() -> None:
    levels = cells(np.array([[-1.0, 0.0, 127 / 128]]))
    assert levels.tolist() == [[0, 0, 0, 0, 2, 0, 0, 0, 3, 3, 3, 3]]
    assert siemens(np.array([[3]], np.uint8))[0, 0] == pytest.approx(1 / (6000 + 1500 + 1.468 + 4.405), rel=1e-6)
    assert siemens(np.array([[0]], np.uint8))[0, 0] == pytest.approx(1 / (900e3 + 1500 + 1.468 + 4.405), rel=1e-6)


def test_only_vectors_that_meet_no_padding_are_read() -> None:
    macs = [sum(shape.rows * shape.outputs * shape.vectors(padding) for shape in VGG8) for padding in (False, True)]
    assert [round(count / 1e6) for count in macs] == [445, 616]
    assert sum(conversions(shape, POINTS[0], False) for shape in VGG8) == pytest.approx(114e6, rel=0.01)


def test_first_layers_of_vgg8_are_neurosims() -> None:
    known = reference()
    for number, layer in enumerate(islice(traces(VGG8), 4), 1):
        energy = layer_energy(layer, POINTS[0]).total_pj * 1e-3
        assert energy == pytest.approx(known["sar_5b_128", str(number), "adc"], rel=TOLERANCE / 10)


def test_the_small_network_is_neurosims() -> None:
    assert small_energy_uj() == pytest.approx(reference()["small", "chip", "adc"], rel=TOLERANCE)


def test_padding_reads_all_positions() -> None:
    layer = next(traces(VGG8))
    few, all_of_them = (layer_energy(layer, POINTS[0], padding=padding).total_pj for padding in (False, True))
    assert all_of_them / few == pytest.approx(32**2 / 30**2, rel=0.01)


@pytest.mark.parametrize("bits", [3, 4, 6, 7])
def test_more_bits_cost_more_array_energy_does_not(bits: int) -> None:
    layer = next(traces(VGG8))
    less, more = (layer_energy(layer, Point(bits=b)) for b in (bits, bits + 1))
    assert more.columns_pj > less.columns_pj
    assert (more.word_lines_pj, more.bit_lines_pj) == (less.word_lines_pj, less.bit_lines_pj)


@pytest.mark.slow
def test_vgg8_is_neurosims_at_every_chip_point_and_spike_rate() -> None:
    known, layers = reference(), list(traces(VGG8))
    for number, layer in enumerate(layers, 1):
        energy = layer_energy(layer, POINTS[0]).total_pj * 1e-3
        assert energy == pytest.approx(known["sar_5b_128", str(number), "adc"], rel=TOLERANCE)
    for point in POINTS:  # shares are printed as whole percents
        total = sum(layer_energy(layer, point).total_pj for layer in layers) * 1e-6
        share = total / known[point.name, "chip", "dynamic"] * 100
        assert abs(share - known[point.name, "chip", "adc_share"]) <= 0.55
    for density in ("0", "0.02", "0.1", "0.3"):
        spikes = traces(VGG8, float(density))
        total = sum(layer_energy(layer, POINTS[0], input_bits=1).total_pj for layer in spikes) * 1e-6
        assert total == pytest.approx(known[f"spikes_{density}", "chip", "adc"], rel=TOLERANCE, abs=5e-4)


@pytest.mark.slow
def test_the_benchmark_has_rows() -> None:
    assert [row[0].strip() != "" for row in neurosim_rows()] == [True] * 3
    assert INPUT_BITS == 8
