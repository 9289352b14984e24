"""Write-verify: its distribution, its tries, the same chip at any size, what it gains; what programming costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import tiny_network
from device_chips import FALSE_ALARM, cells_of, chip, stored
from scipy.stats import binomtest, kstest, norm, truncnorm

from spikesim_py.cost import programming_cost
from spikesim_py.crossbar.device import column_cells, states
from spikesim_py.crossbar.mitigation import pending_tries
from spikesim_py.crossbar.write_verify import acceptance, pending_share
from spikesim_py.datasets import load_dataset
from spikesim_py.errors import ConfigError
from spikesim_py.evaluate import accuracy_key, cost
from spikesim_py.hardware import Hardware, load_hardware
from spikesim_py.inference import simulate
from spikesim_py.mapping import map_network
from spikesim_py.network import load_network

SIGMA, TOLERANCE = 0.1, 0.06


def verified(tolerance: float = TOLERANCE, tries: int = 4, noise: bool = False, **fields: Any) -> Hardware:
    rule = {"tolerance": tolerance, "tries": tries, "noise": noise}
    device = {"program_sigma": SIGMA, "on_off_ratio": 1e6} | fields
    return load_hardware(chip(**device), {f"mitigation.write_verify_{key}": value for key, value in rule.items()})


def test_errors_are_normal_within_the_tolerance_and_what_the_last_try_left_beyond_it() -> None:
    """Of 65536 cells at g_on: a truncated normal; the share beyond, and its law, are those of a cell that failed."""
    error = stored(1, verified()) - 1.0
    inside = np.abs(error) <= TOLERANCE
    miss = (2 * norm.sf(TOLERANCE / SIGMA)) ** 4
    assert binomtest(int((~inside).sum()), error.size, miss).pvalue > FALSE_ALARM
    edge = TOLERANCE / SIGMA
    assert kstest(error[inside] / SIGMA, truncnorm(-edge, edge).cdf).pvalue > FALSE_ALARM
    beyond = np.abs(error[~inside]) / SIGMA
    assert kstest(beyond, truncnorm(edge, np.inf).cdf).pvalue > FALSE_ALARM


def test_a_cell_that_was_right_at_once_keeps_its_draw() -> None:
    plain, tried = stored(1, chip(program_sigma=SIGMA, on_off_ratio=1e6)), stored(1, verified())
    at_once = np.abs(plain - 1) <= TOLERANCE
    assert 0.3 < at_once.mean() < 0.7
    assert (tried[at_once] == plain[at_once]).all()
    assert (tried[~at_once] != plain[~at_once]).all()


def test_more_tries_never_leave_a_cell_that_was_good() -> None:
    few, many = (np.abs(stored(1, verified(tries=n)) - 1) <= TOLERANCE for n in (3, 9))
    assert (many | ~few).all()
    assert many.sum() > few.sum()


def test_a_tolerance_that_all_cells_meet_changes_nothing() -> None:
    assert (stored(1, verified(1.0)) == stored(1, chip(program_sigma=SIGMA, on_off_ratio=1e6))).all()


def test_a_chip_is_the_same_at_any_crossbar_size() -> None:
    network = tiny_network()
    small, large = (
        [column_cells(map_network(network, made).cells("conv2"), k, made, seed=3, chip=1) for k in range(6)]
        for made in (load_hardware(verified(), size) for size in ({"crossbar.rows": 8, "crossbar.cols": 16}, {}))
    )
    assert all((a == b).all() for a, b in zip(small, large, strict=True))


@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize("level", [0, 1])
def test_tries_by_simulation(noise: bool, level: int) -> None:
    """The share of cells that need more than j tries against tries written out, stuck cells among them."""
    faulty = {"stuck_on_rate": 0.05, "stuck_off_rate": 0.1, "on_off_ratio": 4.0}
    made = verified(noise=noise, read__noise="white", read__sigma=0.03, **faulty)
    x, cells = states(made.device)[level], 200_000
    rng, needed, pending = np.random.default_rng(0), [], np.arange(cells)
    for _ in range(4):
        needed.append(len(pending))
        g = np.maximum(x + SIGMA * rng.normal(size=len(pending)), 0)
        g = np.where(pending < 0.05 * cells, 1.0, np.where(pending < 0.15 * cells, states(made.device)[0], g))
        pending = pending[np.abs(g + noise * 0.03 * rng.normal(size=len(g)) - x) > TOLERANCE]
    found = pending_share(states(made.device), np.eye(2)[level], made)
    assert found[0] == 1
    for count, share in zip(needed[1:], found[1:], strict=True):
        assert binomtest(count, cells, share).pvalue > FALSE_ALARM


def test_noisy_verdicts_accept_less_than_exact_ones_near_the_middle() -> None:
    exact, noisy = (verified(noise=noise, read__noise="white", read__sigma=0.05) for noise in (False, True))
    x = states(exact.device)
    assert acceptance(x, exact.device, exact.mitigation)[1] == pytest.approx(1 - 2 * norm.sf(0.6))
    spread = float(np.hypot(SIGMA, 0.05))
    assert acceptance(x, noisy.device, noisy.mitigation)[1] == pytest.approx(1 - 2 * norm.sf(0.06 / spread), abs=1e-4)
    error = stored(1, noisy) - 1
    assert np.abs(error).max() > TOLERANCE  # a verdict may be wrong
    inside = binomtest(int((np.abs(error) <= TOLERANCE).sum()), error.size, 1 - (2 * norm.sf(0.6)) ** 4)
    assert inside.pvalue < FALSE_ALARM


def test_a_level_near_the_off_state_cannot_fall_below_zero() -> None:
    """g is never negative: where the tolerance reaches 0, only cells that are too large are tried again."""
    made = verified(on_off_ratio=100.0)
    low, high = acceptance(states(made.device), made.device, made.mitigation)
    assert low == pytest.approx(norm.cdf(0.6))
    assert high == pytest.approx(1 - 2 * norm.sf(0.6))


def test_cells_age_from_where_verifying_left_them() -> None:
    fields = {"retention__kind": "power", "retention__nu": [0.05], "age_s": 1e4}
    fresh, old = (stored(1, verified(**fields), fresh=fresh) for fresh in (True, False))
    assert old == pytest.approx(fresh * 1e4**-0.05, abs=1e-5)  # an on/off ratio of 10^6 is off at 1e-6


def test_it_brings_accuracy_back() -> None:
    network, search = load_network("digits-w4"), load_dataset("digits", "search")
    wide = load_hardware("rram_32nm", {"device.program_sigma": 0.15})
    tight = load_hardware(wide, {"mitigation.write_verify_tolerance": 0.05})
    before, after = (simulate(network, made, search, chips=4).correct.mean() for made in (wide, tight))
    assert after > before + 0.1


def test_keys_tell_rules_apart_but_not_on_ideal_devices() -> None:
    def key(hardware: Hardware) -> str:
        return accuracy_key(tiny_network(), hardware, data="digits", split="report", samples=5, chips=1, seed=0)

    white = {"read__noise": "white", "read__sigma": 0.03}
    designs = [chip(program_sigma=SIGMA, **white), verified(**white), verified(0.05, **white)]
    designs += [verified(tries=5, **white), verified(noise=True, **white)]
    assert len({key(load_hardware(made, {"device.on_off_ratio": 17.0})) for made in designs}) == 5
    assert len({key(load_hardware(made, {"device.ideal": True})) for made in designs}) == 1


# ------------------------------------------------------------------------------------------ cost of programming


@pytest.mark.parametrize("subtract", ["digital", "analog", "interleaved"])
def test_writing_once_by_hand(subtract: str) -> None:
    """Every cell of the tiny network's 4-bit weights once: differential, 3 or 4 slices of one bit."""
    network, made = tiny_network(), load_hardware("rram_32nm", {"mapping.subtract": subtract})
    mapping, report = map_network(network, made), cost(network, made)
    writing = report.programming
    assert writing is not None
    cells = sum(mapping.cells(name).levels.size for name in mapping.layers)
    assert (writing.cells, writing.pulses, writing.reads) == (cells, cells, 0)
    assert writing.energy_pj == pytest.approx(0.6 * cells)
    lines = 72 if subtract == "interleaved" else 36  # of fc, the most of any crossbar
    assert writing.time_ns == pytest.approx(lines * 10)
    assert writing.grade == "sourced"
    assert "accelergy-neurosim-plug-in" in writing.source
    assert report.to_dict()["programming"]["energy_pj"] == writing.energy_pj


def test_verifying_costs_pulses_reads_and_time() -> None:
    network = tiny_network()
    plain = load_hardware("rram_32nm", {"device.program_sigma": SIGMA})
    tight = load_hardware(plain, {"mitigation.write_verify_tolerance": TOLERANCE, "mitigation.write_verify_tries": 4})
    once, tried = cost(network, plain), cost(network, tight)
    assert once.programming is not None
    assert tried.programming is not None
    assert once.tree == tried.tree  # programming is no part of an inference
    mapping = map_network(network, tight)
    expected = sum(mapping.cells(name).levels.size * pending_tries(mapping, name).sum() for name in mapping.layers)
    assert tried.programming.pulses == tried.programming.reads == pytest.approx(expected)
    assert tried.programming.energy_pj > 0.6 * expected > once.programming.energy_pj
    # a row ends with its slowest cell: between the mean and all four tries, each with a read of 8 mux phases
    assert tried.programming.time_ns > 36 * 1.5 * 10
    assert tried.programming.grade == "assumed"
    looser = cost(network, load_hardware(tight, {"mitigation.write_verify_tolerance": 0.2}))
    assert looser.programming is not None
    assert looser.programming.pulses < tried.programming.pulses
    assert looser.programming.time_ns < tried.programming.time_ns


def test_a_row_takes_as_long_as_its_slowest_cell() -> None:
    """The mean maximum of geometric numbers of tries, by simulation."""
    made = verified(write_energy_pj=1.0, write_ns=100.0)
    hardware = load_hardware(made, {"crossbar.cols": 17, "crossbar.mux": 1})  # 16 weights of fc's 18 in a row
    share = np.array([1.0, 0.5, 0.25, 0.125])
    mapping = map_network(tiny_network(), hardware)
    writing = programming_cost(mapping, {"fc": share})
    plain = programming_cost(mapping, {"fc": np.ones(1)})
    assert writing is not None
    assert plain is not None
    tries = np.minimum(np.random.default_rng(0).geometric(0.5, (100_000, 16)), 4).max(1)
    assert writing.time_ns / plain.time_ns == pytest.approx(tries.mean(), rel=0.01)


def test_what_a_chip_does_not_state_is_not_charged() -> None:
    assert cost("digits-w4", "fefet_28nm").programming is None
    assert cost("digits-fp", "rram_32nm").programming is None
    assert cost("vgg9-cifar10", "spikesim_released").programming is None
    shape = cost("vgg9-cifar10", load_hardware("rram_32nm", {"mitigation.write_verify_tolerance": 0.02})).programming
    assert shape is not None
    assert shape.pulses > 1.5 * shape.cells


@pytest.mark.parametrize(
    ("name", "overrides", "reason"),
    [
        ("sram_charge", {"mitigation.write_verify_tolerance": 0.1}, "needs a programming error"),
        ("rram_32nm", {"mitigation.write_verify_tries": 5}, "write_verify_tries = 5: needs write_verify_tolerance"),
        (
            "rram_32nm",
            {"mitigation.write_verify_tolerance": 0.1, "mitigation.write_verify_noise": True},
            "mitigation.write_verify_noise: needs device.read.noise = 'white'",
        ),
        (
            "rram_cmo_hfox",
            {
                "mitigation.write_verify_tolerance": 0.1,
                "mitigation.write_verify_noise": True,
                "device.age_s": 1e5,
                "device.read.pulse_s": 1.0,
                "device.retention.t0_s": 0.5,
            },
            "pulse_s = 1 is longer than device.retention.t0_s = 0.5",
        ),
        ("rram_32nm", {"device.write_ns": None}, "write_energy_pj, write_ns: are given together"),
    ],
)
def test_what_cannot_apply_is_refused(name: str, overrides: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        load_hardware(name, overrides)


def test_verified_cells_of_several_levels_keep_their_level() -> None:
    levels = np.arange(0, 4)[:, None].repeat(64, 1)
    made = verified(0.02, 1000, cell_bits=2)
    held = column_cells(cells_of(levels, made), 0, made, seed=0, chip=0)[0]
    assert np.abs(held - levels).max() <= 0.02 * 3 * (1 + 1e-5)
