"""SRAM's own ways to form a column's sum: mismatched currents, a discharging bit line, shared charge.

*Current*: an on cell draws ``1 + sigma N`` of the nominal current; an off cell leaks only.

*Discharge*: on cells discharge the bit line, precharged, for a fixed time. With x of at most `full_scale` cells on, it
falls by a share ``1 - exp(-d x / full_scale)`` of the supply (RC discharge), d = `discharge_depth`. The converter's
full scale is the fall at x = full_scale, so in units of cells it sees
``full_scale (1 - exp(-d x / full_scale)) / (1 - exp(-d))``: exact at both ends, too large between.

*Charge*: every cell of a column drives one plate of a capacitor; sharing gives ``V = Vdd sum_on C_i / sum C_i``
(H. Valavi et al., IEEE JSSC 54, 2019). In levels a cell is ``C_i / mean C`` of the rows that share charge. Sampling
adds kT/C noise of the whole column.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..hardware.device import Device, ReadModel

_BOLTZMANN_J_PER_K = 1.380649e-23


@dataclass(frozen=True)
class ColumnResponse:
    """What reaches the converter when a column's sum is x, both in levels; monotone, f(0) = 0, f(full) = full.

    Attributes:
        depth: time constants of a discharge at full scale.
    """

    depth: float

    def __call__(self, x: Any, full_scale: float) -> Any:
        """What the converter sees at sums `x`."""
        return full_scale * np.expm1(-self.depth * np.asarray(x) / full_scale) / math.expm1(-self.depth)

    def inverse(self, y: Any, full_scale: float) -> Any:
        """The sums at which the converter sees `y`; infinite where no sum reaches it."""
        left = np.maximum(1 + np.asarray(y, np.float64) / full_scale * math.expm1(-self.depth), 0.0)
        with np.errstate(divide="ignore"):
            return -full_scale / self.depth * np.log(left)


def column_response(device: Device) -> ColumnResponse | None:
    """The bend between a column's sum and its converter; None where it is straight."""
    if device.ideal or device.read_model is not ReadModel.DISCHARGE:
        return None
    return ColumnResponse(device.discharge_depth)


def charge_noise_levels(device: Device, rows: int, temperature_k: float) -> float:
    """rms kT/C noise of one conversion, in levels, where `rows` cells share charge; 0 for other read models.

    ``sqrt(k T / (rows C))`` volts, and a level is Vdd / rows; Vdd is `device.read_volt`.
    """
    if device.ideal or device.read_model is not ReadModel.CHARGE:
        return 0.0
    volts = math.sqrt(_BOLTZMANN_J_PER_K * temperature_k / (rows * device.unit_cap_ff * 1e-15))
    return volts * rows / device.read_volt


def shared_charge(capacitors: NDArray[np.float64], blocks: tuple[NDArray[np.int64], ...]) -> NDArray[np.float64]:
    """Capacitors (groups, rows, outputs) over the mean of the rows that share their charge."""
    shared = np.empty_like(capacitors)
    for rows in blocks:
        shared[:, rows] = capacitors[:, rows] / capacitors[:, rows].mean(axis=1, keepdims=True)
    return shared
