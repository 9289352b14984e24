"""The bundled devices: they load, they run, and their laws give the published values."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import tiny_images, tiny_network
from device_chips import DAY_S, chip, device

from spikesim_py.crossbar import laws
from spikesim_py.crossbar.device import column_cells, column_read_sigma, device_inputs, largest_cell
from spikesim_py.crossbar.draws import LARGEST_NORMAL
from spikesim_py.crossbar.fluctuation import white_sigma
from spikesim_py.crossbar.retention import aged, ages, shift
from spikesim_py.datasets import Dataset
from spikesim_py.hardware import hardware_fields, load_hardware, presets
from spikesim_py.inference import simulate
from spikesim_py.mapping import map_network

STATES = np.array([0.0, 0.1, 0.25, 0.5, 0.75, 1.0])


@pytest.mark.parametrize("name", presets())
def test_a_preset_loads_with_sources_of_real_fields(name: str) -> None:
    made = load_hardware(name)
    assert made.name == name
    assert set(made.sources) <= {key for key, _ in hardware_fields()}


@pytest.mark.parametrize("name", presets())
def test_a_preset_runs_a_network(name: str) -> None:
    data = Dataset("tiny", tiny_images(4), np.arange(4) % 3)
    run = simulate(tiny_network(), load_hardware(name), data, chips=1, seed=0)
    assert run.correct.shape == (1, 4)


@pytest.mark.parametrize("name", presets())
@pytest.mark.parametrize("age_s", [0.0, DAY_S])
def test_no_cell_of_a_preset_is_larger_than_the_bound(name: str, age_s: float) -> None:
    made = load_hardware(name, {"device.age_s": age_s})
    cells = map_network(tiny_network(), made).cells("conv1")
    columns = [column_cells(cells, k, made, seed=0, chip=0) for k in range(cells.columns.count)]
    bound = largest_cell(made.device)
    for column in columns:  # a capacitor may exceed its share, a column of them not
        assert column.max() <= bound or column.mean(1).max() <= bound
    for k, column in enumerate(columns):
        sigma = column_read_sigma(cells, k, made, seed=0, chip=0)
        assert sigma is None or (sigma.shape == column.shape and (sigma >= 0).all() and np.isfinite(sigma).all())


@pytest.mark.parametrize("name", ["rram_32nm", "rram_cmo_hfox", "rram_wan2022", "pcm_joshi2020", "sonos_40nm"])
def test_the_largest_draws_stay_within_the_bound_and_nearly_reach_it(name: str) -> None:
    made = device(name, age_s=0.0 if name == "rram_32nm" else DAY_S)
    top, off = 2**made.cell_bits - 1, (2**made.cell_bits - 1) / (made.on_off_ratio - 1)
    x = (np.arange(top + 1) + off) / (top + off)
    extreme = np.full_like(x, LARGEST_NORMAL)
    programmed = x + extreme * laws.program_sigma(x, made)
    cells = aged(x, programmed, extreme, extreme, made) if ages(made) else programmed
    largest = max(cells.max(), programmed.max()) * (top + off) - off
    assert 0.5 * largest_cell(made) < largest <= largest_cell(made) * (1 + 1e-12)


#: standard deviation in uS of the programming error at STATES, as published: preset, overrides, values
PROGRAMMED = [
    ("pcm_joshi2020", {}, [0.263, 0.448, 0.681, 0.953, 1.077, 1.055]),
    ("rram_wan2022", {}, [0.348, 1.556, 2.258, 2.023, 1.533, 1.103]),
    ("pcm_hermes2023", {}, [0.166, 0.558, 0.889, 0.991, 0.912, 1.093]),
]


@pytest.mark.parametrize(("name", "overrides", "expected"), PROGRAMMED)
def test_programming_errors_are_as_published(name: str, overrides: dict[str, float], expected: list[float]) -> None:
    made = device(name, **overrides)
    assert laws.program_sigma(STATES, made) * laws.reference_us(made) == pytest.approx(expected, abs=5.1e-4)


def test_programming_errors_of_one_hermes_device_are_as_published() -> None:
    one = [0.15781817, 2.32443916, -2.16310839, 0.68841818]
    made = device("pcm_hermes2023", r_on_ohm=1e6 / 10.35, reference_us=10.35, program__coefficients_us=one)
    expected = [0.158, 0.369, 0.614, 0.865, 0.975, 1.008]
    assert laws.program_sigma(STATES, made) * 10.35 == pytest.approx(expected, abs=5.1e-4)


@pytest.mark.parametrize(
    ("age_s", "expected"),
    [
        (DAY_S, [0.701, 2.447, 3.721, 3.909, 3.366, 2.651]),
        (2 * DAY_S, [0.782, 2.410, 3.664, 3.929, 3.374, 2.677]),
    ],
)
def test_spread_of_neurram_after_days_is_as_published(age_s: float, expected: list[float]) -> None:
    mean, sigma = shift(STATES, device("rram_wan2022", age_s=age_s))
    assert not mean.any()
    assert sigma * 40 == pytest.approx(expected, abs=5.1e-4)


def test_conductances_of_milo_and_cmo_hfox_are_as_published() -> None:
    milo = device("rram_milo2021")
    g = np.array([50.0, 100.0, 150.0, 225.0])
    assert laws.program_sigma(g / 225, milo) * 225 == pytest.approx([4.33, 3.87, 3.42, 2.73], abs=5.1e-3)
    cmo = device("rram_cmo_hfox")
    assert laws.program_sigma(np.array([0.1]), cmo) * 90 == pytest.approx(0.0104, abs=5e-5)
    # 1/f noise of 0.0277316 log10(g / uS) uS in each unit of sqrt(ln((t + tr) / 2 tr)), t = 1 s
    flicker = device("rram_cmo_hfox", read__sigma=0.0)
    expected = 0.0277316483 * np.log10(50.0) * np.sqrt(np.log((1 + 1e-6) / 2e-6))
    assert white_sigma(np.array([50 / 90]), np.array([50 / 90]), flicker) * 90 == pytest.approx(expected, rel=1e-6)


def test_currents_of_sonos_are_as_published() -> None:
    na = np.array([100.0, 400.0, 1600.0])  # at 0.1 V
    made = device("sonos_40nm")
    assert laws.program_sigma(na / 1600, made) * 1600 == pytest.approx([8.6, 17.8, 19.9], abs=0.051)
    assert white_sigma(na / 1600, na / 1600, made) * 1600 == pytest.approx([4.7, 10.6, 12.6], abs=0.051)
    mean, sigma = shift(na / 1600, device("sonos_40nm", age_s=5 * DAY_S))
    assert sigma * 1600 == pytest.approx([13.2, 29.6, 34.6], abs=0.051)
    # the fifth day's polynomial in nA, at 400 nA
    day5 = [3.19927e-01, 1.06596e-01, -1.04054e-03, 4.50290e-06, -1.10352e-08, 1.56477e-11]
    day5 += [-1.27592e-14, 5.45513e-18, -7.26841e-22, -2.43893e-25, 7.14608e-29]
    assert mean[1] * 1600 == pytest.approx(np.polynomial.polynomial.polyval(400.0, day5), rel=1e-4)


def test_noise_and_drift_of_phase_change_memory_are_as_published() -> None:
    one = np.ones(1)
    assert white_sigma(one, one, device("pcm_joshi2020")) == pytest.approx(0.0368, abs=5e-5)
    for name, x, nu, sigma in [
        ("pcm_joshi2020", 1.0, 0.049, 0.008),
        ("pcm_joshi2020", 0.1, -0.0155 * np.log(0.1) + 0.0244, -0.0125 * np.log(0.1) - 0.0059),
        ("pcm_joshi2020", 1e-6, 0.1, 0.045),
        ("pcm_hermes2023", 1.0, 0.0174, 0.0048),
        ("pcm_hermes2023", 0.05, -0.0387 * np.log(0.05) - 0.0182, -0.0117 * np.log(0.05) - 0.0057),
        ("pcm_hermes2023", 0.2, 0.0736 - 0.0126 * 0.2 - 0.0436 * 0.04, -0.0117 * np.log(0.2) - 0.0057),
    ]:
        law = device(name).retention
        assert laws.clipped_log(np.array([x]), law.nu) == pytest.approx(nu, rel=1e-9)
        assert laws.clipped_log(np.array([x]), law.nu_sigma) == pytest.approx(sigma, rel=1e-9)


def test_sonos_is_never_asked_beyond_its_fit() -> None:
    made = device("sonos_40nm")
    assert made.read_volt / made.r_on_ohm <= 1.8e-6
    assert made.retention.last_s == 5 * DAY_S


@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_laws_scale_with_the_conductance_of_the_device(scale: float) -> None:
    """Coefficients hold for the reference device: another g_on keeps the error relative to g_on."""
    for name in ("pcm_joshi2020", "sonos_40nm", "rram_cmo_hfox"):
        made = device(name)
        other = device(name, r_on_ohm=made.r_on_ohm * scale)
        assert laws.program_sigma(STATES, other) == pytest.approx(laws.program_sigma(STATES, made))
        assert white_sigma(STATES, STATES, other) == pytest.approx(white_sigma(STATES, STATES, made))
    own = device("pcm_joshi2020", r_on_ohm=20_000.0, reference_us=None)  # 50 uS with errors of the same uS
    assert laws.program_sigma(STATES, own) * 2 == pytest.approx(laws.program_sigma(STATES, device("pcm_joshi2020")))


def test_the_area_of_a_cell_is_charged() -> None:
    from spikesim_py.cost.components import cell_array
    from spikesim_py.cost.technology import load_technology

    tech = load_technology(32)
    for name in ("rram_32nm", "sram_32nm"):
        fitted, given = chip(name), chip(name, cell_area_um2=0.5)
        assert cell_array(tech, given).area_um2 == 128 * 128 * 0.5
        assert cell_array(tech, fitted).area_um2 == 128 * 128 * tech[f"cell_{fitted.device.kind.value}"]["area"]
        assert (cell_array(tech, fitted).grade, cell_array(tech, given).grade) == (tech["cell_rram"].grade, "assumed")


def test_a_capacitor_is_charged_by_those_cells_that_are_on() -> None:
    from spikesim_py.cost.components import converter
    from spikesim_py.cost.components.array import cell_fj
    from spikesim_py.cost.technology import load_technology

    made = chip("sram_charge", unit_cap_ff=2.0, read_volt=0.8)
    adc = converter(load_technology(65), made, 5)
    assert [cell_fj(made, adc, level) for level in (0.0, 0.5, 1.0)] == pytest.approx([0.0, 0.64, 1.28])


def test_devices_that_act_alike_have_the_same_inputs() -> None:
    """Fields that cannot reach the arithmetic do not tell two devices apart; those that do, do."""
    base = device_inputs(device("pcm_joshi2020"))
    alike = {"r_on_ohm": 10_000.0, "access_ohm": 5.0, "cell_area_um2": 1.0, "kind": "rram", "levels": 16}
    alike |= {"stuck_cluster_alpha": 1.0, "retention__nu": [0.5], "unit_cap_ff": 9.0, "discharge_depth": 2.0}
    for field, value in alike.items():
        assert device_inputs(device("pcm_joshi2020", **{field: value})) == base, field
    apart: dict[str, object] = {"on_off_ratio": 50.0, "age_s": 1e3, "read__coefficients": [0.1, 0.65, 0.2]}
    apart |= {"program__coefficients_us": [1.0], "stuck_on_rate": 0.1, "cell_bits": 3, "ideal": True}
    for field, value in apart.items():
        assert device_inputs(device("pcm_joshi2020", **{field: value})) != base, field
    charge = [device_inputs(device("sram_charge", **change)) for change in ({}, {"unit_cap_ff": 2.0}, {"read_volt": 2})]
    assert charge[0] != charge[1] != charge[2] != charge[0]
