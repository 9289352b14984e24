"""Converters in other figures: what each anchor says of 5 bits, how it scales, and what it cannot express."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesim_py.cost.components import Converter, converter
from spikesim_py.cost.components.adc import sar
from spikesim_py.cost.components.anchors import mnsim, survey, zigzag_imc
from spikesim_py.cost.technology import load_technology
from spikesim_py.errors import ConfigError
from spikesim_py.hardware import AdcAnchor, load_hardware

TECH = load_technology(32)
OWN = sar(TECH, 5)
QUANTITIES = ("area_um2", "energy_fj", "time_ns", "connected_ns", "leakage_pw")


def at_rate(rate_hz: float) -> Converter:
    return replace(OWN, time_ns=1e9 / rate_hz)


def test_the_anchors_disagree_tenfold_on_five_bits() -> None:
    """28 to 32 nm, as published: area in um2, energy of a conversion in fJ."""
    zigzag, good = zigzag_imc(OWN, 5, 128, 28, 0.9), survey(at_rate(100e6), 5, 32)
    assert (OWN.area_um2, OWN.energy_fj) == pytest.approx((263, 87), rel=0.015)
    assert (round(zigzag.area_um2), round(zigzag.energy_fj), round(zigzag.time_ns, 1)) == (336, 406, 7.4)
    assert (round(good.area_um2), round(good.energy_fj)) == (3287, 749)
    six = mnsim(OWN, 6)
    assert (six.area_um2, six.energy_fj / six.time_ns) == pytest.approx((1650, 1260))  # 1.26 mW
    assert good.area_um2 / OWN.area_um2 > 10


def test_zigzag_by_hand() -> None:
    """8 bits, 64 rows, at 56 nm: twice the node that it was fitted at."""
    one = zigzag_imc(OWN, 8, 64, 56, 1.1)
    assert one.area_um2 == pytest.approx(4 * 10 ** (1.206 - 8 * 0.0369) * 256)
    assert one.energy_fj == pytest.approx(2 * (800 + 0.001 * 65536) * 1.21)
    assert one.time_ns == pytest.approx(2 * 8 * (0.640 + 64 * 0.00653))


def test_the_survey_is_bounded_by_speed_where_bits_are_many() -> None:
    """Schreier's figure of merit is capped at 213.8 - 2.872 ln f: the energy then rises with f^(0.2872)."""
    slow, fast = (survey(at_rate(rate), 12, 32) for rate in (1e8, 1e9))
    assert fast.energy_fj / slow.energy_fj == pytest.approx(10 ** (0.28719 * math.log(10)), rel=1e-3)
    slow, fast = (survey(at_rate(rate), 5, 32) for rate in (1e8, 1e9))
    assert fast.energy_fj == slow.energy_fj
    assert fast.area_um2 / slow.area_um2 == pytest.approx(10**0.180715, rel=1e-5)


def test_how_the_survey_scales_with_the_node() -> None:
    old, new = survey(OWN, 5, 65), survey(OWN, 5, 22)
    assert math.log(old.energy_fj / new.energy_fj) / math.log(65 / 22) == pytest.approx(1.880037)
    assert math.log(old.area_um2 / new.area_um2) / math.log(65 / 22) == pytest.approx(0.993279 + 0.299124 * 1.880037)


LAWS: dict[AdcAnchor, tuple[Callable[[Any], Converter], tuple[int, ...]]] = {
    AdcAnchor.ZIGZAG_IMC: (lambda bits: zigzag_imc(OWN, bits, 128, 32, 0.9), tuple(range(2, 13))),
    AdcAnchor.SURVEY: (lambda bits: survey(OWN, bits, 32), tuple(range(4, 13))),
    AdcAnchor.MNSIM: (lambda bits: mnsim(OWN, bits), (4, 6, 8)),
}


@pytest.mark.parametrize("anchor", LAWS)
def test_one_converter_or_many(anchor: AdcAnchor) -> None:
    law, widths = LAWS[anchor]
    many, singles = law(np.array(widths)), [law(bits) for bits in widths]
    for quantity in QUANTITIES:
        found = np.broadcast_to(getattr(many, quantity), len(widths))
        assert found == pytest.approx([getattr(one, quantity) for one in singles], rel=1e-12)
    assert all(isinstance(singles[0].__getattribute__(quantity), float) for quantity in QUANTITIES)


@given(
    rows=st.integers(2, 1024), node=st.sampled_from([22, 32, 45, 65]), rate=st.floats(1e6, 2e9), bits=st.integers(4, 11)
)
def test_more_bits_are_never_cheaper(rows: int, node: int, rate: float, bits: int) -> None:
    """At one speed: a slower converter of more bits may well be smaller."""
    own = at_rate(rate)
    for few, many in (
        (zigzag_imc(own, bits, rows, node, 0.9), zigzag_imc(own, bits + 1, rows, node, 0.9)),
        (survey(own, bits, node), survey(own, bits + 1, node)),
    ):
        assert many.area_um2 > few.area_um2
        assert many.energy_fj > few.energy_fj


def test_more_bits_of_the_table_are_never_cheaper() -> None:
    four, six, eight = (mnsim(OWN, bits) for bits in (4, 6, 8))
    assert four.area_um2 <= six.area_um2 <= eight.area_um2
    assert four.energy_fj <= six.energy_fj <= eight.energy_fj


def test_the_table_has_nothing_between_its_entries() -> None:
    assert math.isnan(mnsim(OWN, 5).area_um2)
    assert np.isnan(mnsim(OWN, np.array([5, 7])).energy_fj).all()


@pytest.mark.parametrize("anchor", LAWS)
def test_a_chip_names_its_anchor(anchor: AdcAnchor) -> None:
    """And its column is connected for the same share of a conversion."""
    law, _ = LAWS[anchor]
    chip = load_hardware("rram_32nm", {"adc.bits": 6, "cost.adc_anchor": anchor})
    one = converter(TECH, chip, 6)
    assert one.energy_fj == pytest.approx(law(6).energy_fj)
    assert one.connected_ns / one.time_ns == pytest.approx(TECH["sar_adc"]["column_duty"])
    assert one.source != OWN.source


def test_the_survey_is_as_fast_as_the_chips_own_converter() -> None:
    for kind in ("sar", "flash", "ramp"):
        own, other = (
            converter(TECH, load_hardware("rram_32nm", {"adc.kind": kind, "cost.adc_anchor": anchor}), 5)
            for anchor in ("neurosim", "survey")
        )
        assert (other.time_ns, other.connected_ns) == pytest.approx((own.time_ns, own.connected_ns))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"cost.adc_anchor": "mnsim"},
            r"cost.adc_anchor = 'mnsim': has figures for 4, 6 and 8 bits, not for adc.bits = 5",
        ),
        ({"cost.adc_anchor": "survey", "adc.layer_bits": {"fc": 3}}, r"4 to 12 bits, not for adc.layer_bits.fc = 3"),
        ({"cost.adc_anchor": "zigzag_imc", "adc.kind": "flash"}, r"has figures for sar, not for adc.kind = 'flash'"),
        ({"cost.adc_anchor": "murmann"}, "must be 'neurosim', 'zigzag_imc', 'survey' or 'mnsim'"),
    ],
)
def test_what_an_anchor_cannot_express_is_refused(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_hardware("rram_32nm", overrides)


def test_the_released_library_has_its_own_constants() -> None:
    with pytest.raises(ConfigError, match="adc_anchor = 'survey': needs library = 'parametric'"):
        load_hardware("spikesim_released", {"cost.adc_anchor": "survey"})


@pytest.mark.parametrize(
    ("overrides", "names"),
    [
        ({}, ["neurosim", "zigzag_imc", "survey"]),
        ({"adc.bits": 6}, ["neurosim", "zigzag_imc", "survey", "mnsim"]),
        ({"adc.bits": 3}, ["neurosim", "zigzag_imc"]),
        ({"adc.kind": "ramp"}, ["neurosim", "survey"]),
    ],
)
def test_which_anchors_have_figures_for_a_chip(overrides: dict[str, Any], names: list[str]) -> None:
    assert list(AdcAnchor.of(load_hardware("rram_32nm", overrides).adc)) == names
