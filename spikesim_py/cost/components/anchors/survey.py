"""A good published converter of a resolution and a speed: regression on B. Murmann's ADC survey.

T. Andrulis, R. Chen, H.-S. Lee, J. Emer, V. Sze, arXiv:2404.06553; the model of CiMLoop and AccelForge. b bits,
f conversions per second, F nm:

    SNDR = (20 log10 2) b + 10 log10 1.5 dB            of an ideal quantizer
    FOM = min(213.8 - 2.872 ln f, 128.3 + 3.22 b) dB   Schreier's figure of merit, bounded by speed and by bits
    E = 10^((SNDR - FOM) / 10) / 2 * e^(26.05 - 1.470) F^1.880 b^-2.829 pJ
    area = e^1.346 F^0.993 f^0.181 E^0.299 um2

F enters as in the survey: no other scaling. The tool that ships the model bills 0.8 E per conversion and sets 0.2 E f
apart as leakage, a round number without data: it is left out here, or idle converters would pay for it. The chip's
own converter sets the speed (f = 1 / its time), and the conversion takes as long. Down to 4 bits: below, E would rise.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...._arrays import Real, log2, minimum
from ...technology import load_calibration
from .base import in_figures

if TYPE_CHECKING:
    from ..adc import Converter


def survey(own: Converter, bits: Real, node_nm: Real) -> Converter:
    """`own` in the figures of the survey, at the speed of `own`."""
    law, rate_hz = load_calibration("survey")["regression"], 1e9 / own.time_ns
    sndr_db = 20 * math.log10(2) * bits + 10 * math.log10(1.5)
    by_rate = law["fom"] + law["fom_rate"] * math.log(2) * log2(rate_hz)
    fom_db = minimum(by_rate, law["fom_limit"] + law["fom_limit_bit"] * bits)
    scale = math.exp(law["energy"] + law["energy_good"]) * node_nm ** law["energy_node"] * bits ** law["energy_bits"]
    energy_pj = 10.0 ** ((sndr_db - fom_db) / 10) / 2 * scale
    size = math.exp(law["area"]) * node_nm ** law["area_node"] * rate_hz ** law["area_rate"]
    return in_figures(
        own,
        law,
        area_um2=size * energy_pj ** law["area_energy"],
        energy_fj=1e3 * law["dynamic_share"] * energy_pj,
        time_ns=own.time_ns,
    )
