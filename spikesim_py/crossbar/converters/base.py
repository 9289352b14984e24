"""What every circuit of a converter is, and what a table of thresholds means."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...hardware.adc import Adc

Floats = NDArray[np.float64]


class Circuit(ABC):
    """The circuit of a converter: its errors move the thresholds between codes."""

    @abstractmethod
    def draws(self, bits: int) -> int:
        """Standard normal draws that one converter of `bits` bits takes."""

    @abstractmethod
    def thresholds(self, low: int, bits: int, errors: Adc, drawn: Floats) -> Floats:
        """The inputs at which the code goes up, in LSBs.

        Args:
            low: first code; the last is low + 2^bits - 1.
            errors: the chip's converter, whose error fields are read.
            drawn: (converters, draws(bits)) standard normal; the first is the reference's, the second the
                comparator's (or the first comparator's).

        Returns:
            (converters, 2^bits - 1), ascending.
        """


def ideal_thresholds(low: int, bits: int) -> Floats:
    """(2^bits - 1,) thresholds without errors: halfway between codes."""
    return low + 0.5 + np.arange(2**bits - 1)


def convert(x_lsb: Any, thresholds: Floats, low: int) -> NDArray[np.int64]:
    """Codes of inputs in LSBs by one converter's (codes - 1,) thresholds: ``low + #(thresholds <= x)``."""
    return low + np.asarray(np.searchsorted(thresholds, x_lsb, side="right"), np.int64)


def beyond(x_lsb: Any, thresholds: Floats) -> NDArray[np.bool_]:
    """Whether a conversion is clipped: the input lies an LSB or more outside the first or the last threshold."""
    x = np.asarray(x_lsb)
    return np.asarray((x < thresholds[0] - 1) | (x >= thresholds[-1] + 1))
