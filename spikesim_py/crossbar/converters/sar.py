"""Successive approximation: a binary-weighted capacitor array and one comparator.

Capacitor i of ``bits`` has 2^i units, ``C_i = 2^i (1 + sigma z_i / sqrt(2^i))``: mismatch of equal units adds in
quadrature (Pelgrom, Duinmaijer and Welbers, IEEE JSSC 24(5), 1989), and one more unit ends the array. With the
bits D set, the array makes ``W(D) = 2^bits sum_{i in D} C_i / C_total`` LSBs (McCreary and Gray, IEEE JSSC 10(6),
1975). From the highest bit down, a bit is kept where the input is at or above the level with it, less the half
LSB that makes the converter round.

The outcome is monotone even where W is not: of two inputs, the larger one keeps the first bit in which they
differ. So it is at or above code d exactly where the input is at or above ``T(d)``, found from the lowest set bit
of d upwards: a set bit must be kept, ``T = max(T, level)``; keeping a bit that d lacks is enough,
``T = min(T, level)``. Where the array is monotone ``T(d) = W(d) - 1/2``, and the deviation at p = d / 2^bits is
that of a Brownian bridge, ``sigma sqrt(2^bits p (1 - p))``.
"""

from __future__ import annotations

import numpy as np

from ...hardware.adc import Adc
from .base import Circuit, Floats


class Sar(Circuit):
    """Reads `capacitor_sigma`, `comparator_sigma_lsb` and `gain_sigma`."""

    def draws(self, bits: int) -> int:
        return 3 + bits  # reference, comparator, the array's last unit, its capacitors

    def thresholds(self, low: int, bits: int, errors: Adc, drawn: Floats) -> Floats:
        levels = array_levels(bits, errors.capacitor_sigma, drawn[:, 2:])
        table = np.full_like(levels, -np.inf)  # of every code, the first included
        for i in range(bits):
            # axes: converters, bits above i, bit i, bits below i
            split, level = table.reshape(-1, 2 ** (bits - 1 - i), 2, 2**i), levels[:, 2**i :: 2 ** (i + 1), None]
            np.maximum(split[:, :, 1], level, out=split[:, :, 1])
            np.minimum(split[:, :, 0, 1:], level, out=split[:, :, 0, 1:])
        gain = 1 + errors.gain_sigma * drawn[:, :1]
        return np.asarray(gain * (low + table[:, 1:] - 0.5) + errors.comparator_sigma_lsb * drawn[:, 1:2])


def array_levels(bits: int, sigma: float, drawn: Floats) -> Floats:
    """(converters, 2^bits) W(D) of every set of bits in LSBs, from (converters, 1 + bits) draws."""
    units = 2.0 ** np.arange(bits)
    capacitors = units + sigma * np.sqrt(units) * drawn[:, 1:]
    weights = 2**bits * capacitors / (capacitors.sum(1) + 1 + sigma * drawn[:, 0])[:, None]
    levels = np.zeros((len(drawn), 1))
    for i in reversed(range(bits)):  # as the search adds them, so that rounding is the same
        levels = np.stack([levels, levels + weights[:, i, None]], axis=2).reshape(len(drawn), -1)
    return levels
