"""The energy of one conversion as a function of the conductance of its column.

::

    E(G) = base + slope * (G / 1 S)^exponent     where the column conducts
    E(0) = dark

`base` is the converter alone, the second term the current of the column while it is connected.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...errors import ConfigError
from ...hardware import Hardware
from ..components import Converter
from ..components.array import cell_fj


@dataclass(frozen=True)
class ConversionLaw:
    """See above; energies in fJ.

    Attributes:
        base_fj: of every conversion of a column that conducts.
        slope_fj: at a column conductance of 1 S.
        exponent: 1 for a column that is connected for a fixed time.
        dark_fj: of a conversion whose column conducts nothing.
    """

    base_fj: float
    slope_fj: float
    exponent: float
    dark_fj: float

    @property
    def is_product(self) -> bool:
        """Whether energy is in proportion to conductance: then energies of disjoint inputs add up."""
        return self.exponent == 1 and self.base_fj == self.dark_fj == 0


@dataclass(frozen=True)
class SarPower:
    """NeuroSim's SAR converter at one node: ``base + bits * bit + column * exp(-decay * log10(R / ohm))``.

    Powers in W at a read voltage of 0.5 V. Grade: simulator-validated (a fit of NeuroSim's own circuits).
    """

    base_w: float
    bit_w: float
    column_w: float
    decay: float


#: NeuroSim V1.3 (388f421), SarADC of low-power cells at 300 K, run over 3 to 8 bits and column resistances
NEUROSIM_SAR_POWER = {
    32: SarPower(8.8998e-6, 1.1294e-6, 0.079449, 2.297),
    22: SarPower(4.3753e-6, 0.538e-6, 0.072341, 2.303),
}
#: the same: power of a converter whose column conducts nothing, in W, and time of a step, in ns
_NEUROSIM_DARK_W, _NEUROSIM_STEP_NS = 1e-6, 1.0
_NEUROSIM_READ_VOLT = 0.5


def neurosim_sar(node_nm: int, bits: int, read_volt: float = _NEUROSIM_READ_VOLT) -> ConversionLaw:
    """NeuroSim V1.3's SAR converter with the current of its column; simulator-validated.

    The column's resistance counts as ``R * 0.5 V / read_volt``; a conversion takes bits + 1 ns at every node; an idle
    column costs 1 uW, less than the converter (a defect of NeuroSim that its results contain).

    Raises:
        ConfigError: the node's coefficients are not known.
    """
    if node_nm not in NEUROSIM_SAR_POWER:
        raise ConfigError(f"node_nm = {node_nm}: NeuroSim's SAR law is known at 22 and 32 nm")
    power, time_ns = NEUROSIM_SAR_POWER[node_nm], (bits + 1) * _NEUROSIM_STEP_NS
    exponent = power.decay / math.log(10)
    fj = time_ns * 1e6  # W ns = 1e6 fJ
    return ConversionLaw(
        base_fj=fj * (power.base_w + bits * power.bit_w),
        slope_fj=fj * power.column_w * (read_volt / _NEUROSIM_READ_VOLT) ** exponent,
        exponent=exponent,
        dark_fj=fj * _NEUROSIM_DARK_W,
    )


def linear_law(hardware: Hardware, adc: Converter) -> ConversionLaw:
    """The parametric model's current of a column, without its converter: what `cell_fj` says, per siemens.

    In the charge domain a cell's charge counts in place of its conductance: 1 / r_on for the highest level.
    """
    return ConversionLaw(0.0, cell_fj(hardware, adc, 1.0) * hardware.device.r_on_ohm, 1.0, 0.0)
