"""ZigZag-IMC's SAR converter (J. Sun, P. Houshmand, M. Verhelst, ICCAD 2023).

At 28 nm, b bits, n rows: area = 10^(1.206 - 0.0369 b) 2^b um2; time = b (0.640 + 0.00653 n) ns; energy =
(100 b + 0.001 4^b) fF Vdd^2. Area and time are fits to three macros; the energy law is Murmann's for SARs (logic
per bit, and noise that costs 4^b). Other nodes are ours: area by F^2, capacitances and time by F, at the node's Vdd.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...._arrays import Real
from ...technology import load_calibration
from .base import in_figures

if TYPE_CHECKING:
    from ..adc import Converter


def zigzag_imc(own: Converter, bits: Real, rows: Real, node_nm: Real, vdd_volt: Real) -> Converter:
    """`own` in the figures of ZigZag-IMC."""
    law = load_calibration("zigzag_imc")["sar"]
    shrink = node_nm / law["node"]
    cap_ff = law["cap_bit"] * bits + law["cap_level"] * 4.0**bits
    return in_figures(
        own,
        law,
        area_um2=shrink**2 * 10.0 ** (law["area_log"] + law["area_log_bit"] * bits) * 2.0**bits,
        energy_fj=shrink * cap_ff * vdd_volt**2,
        time_ns=shrink * bits * (law["time_bit"] + law["time_row"] * rows),
    )
