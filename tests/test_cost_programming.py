"""Endurance and refresh: how often a network can be written, and what writing it again and again costs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from conftest import tiny_network

from spikesim_py import cost
from spikesim_py.errors import ConfigError
from spikesim_py.hardware import load_hardware
from spikesim_py.report import Report

HOUR = 3600.0


def report(chip: str = "pcm_joshi2020", **changes: Any) -> Report:
    return cost(tiny_network(), load_hardware(chip, {k.replace("__", "."): v for k, v in changes.items()}))


def test_only_a_sourced_endurance_is_stated() -> None:
    mram = report("mram_stt_22nm").programming
    assert mram is not None
    assert mram.endurance_cycles == mram.loads == 1e15
    assert load_hardware("mram_stt_22nm").is_sourced("device.endurance_cycles")
    for chip in ("rram_32nm", "pcm_joshi2020", "rram_wan2022", "rram_cmo_hfox", "sram_32nm"):
        writing = report(chip).programming
        assert writing is not None
        assert writing.endurance_cycles is None
        assert writing.loads is None


def test_loads_are_endurance_over_pulses_per_cell() -> None:
    once = report("rram_32nm", device__endurance_cycles=1e6).programming
    tight = {"device__program_sigma": 0.1, "mitigation__write_verify_tolerance": 0.02}
    tried = report("rram_32nm", device__endurance_cycles=1e6, **tight).programming
    assert once is not None
    assert tried is not None
    assert once.loads == 1e6
    assert tried.loads == pytest.approx(1e6 * tried.cells / tried.pulses)
    assert tried.loads < once.loads
    assert once.inferences is None


def test_reloading_wears_cells_once_per_round_and_inference() -> None:
    turns = {"chip__max_tiles": 1, "dram__kind": "hbm2"}
    writing = report("rram_32nm", device__endurance_cycles=1e6, **turns).programming
    assert writing is not None
    assert writing.inferences == pytest.approx(1e6 / 3)


def test_refresh_by_hand() -> None:
    """All cells anew every hour: energy over time, an inference's part of it, and years until wear."""
    found = report(mitigation__refresh_s=HOUR, device__endurance_cycles=1e6)
    writing = found.programming
    assert writing is not None
    refresh = writing.refresh
    assert refresh is not None
    assert refresh.power_uw == pytest.approx(writing.energy_pj * 1e-12 / HOUR * 1e6)
    assert refresh.share == pytest.approx(writing.time_ns * 1e-9 / HOUR)
    interval_s = found.cost.interval_ns * 1e-9 / (1 - refresh.share)
    assert refresh.energy_pj == pytest.approx(refresh.power_uw * 1e6 * interval_s)
    assert refresh.lifetime_s == 1e6 * HOUR
    assert found.tree == report().tree  # no part of an inference
    assert found.to_dict()["programming"]["refresh"] == asdict(refresh)


def test_refreshing_twice_as_often_costs_twice_and_lasts_half() -> None:
    rare, often = (
        report(mitigation__refresh_s=seconds, device__endurance_cycles=1e6).programming for seconds in (HOUR, HOUR / 2)
    )
    assert rare is not None
    assert often is not None
    assert rare.refresh is not None
    assert often.refresh is not None
    assert often.refresh.power_uw == pytest.approx(2 * rare.refresh.power_uw)
    assert often.refresh.lifetime_s == pytest.approx((rare.refresh.lifetime_s or 0) / 2)
    assert often.refresh.share == pytest.approx(2 * rare.refresh.share)


def test_a_refresh_that_never_ends_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"mitigation.refresh_s = 1e-06: writing the network takes"):
        report(mitigation__refresh_s=1e-6)


@pytest.mark.parametrize(
    ("chip", "changes", "message"),
    [
        ("rram_32nm", {}, "needs a device that drifts"),
        ("pcm_hermes2023", {}, "needs device.write_energy_pj"),
        ("pcm_joshi2020", {"device__age_s": 1e6}, "cells never reach device.age_s = 1e"),
    ],
)
def test_what_cannot_be_refreshed_is_refused(chip: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        report(chip, mitigation__refresh_s=HOUR, **changes)
