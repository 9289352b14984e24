"""The energy of one conversion as a function of the conductance of its column.

::

    E(G) = base + slope * (G / 1 S)^exponent     where the column conducts
    E(0) = dark

`base` is the converter alone, the second term the current of the column while it is connected.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...hardware import Hardware
from ..components.adc import Converter, sar
from ..components.array import cell_fj
from ..technology import Technology


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


#: NeuroSim V1.3 (388f421), SarADC: power of a converter whose column conducts nothing, in uW, and the read voltage
#: that its resistances are of
_NEUROSIM_DARK_UW, _NEUROSIM_READ_VOLT = 1.0, 0.5


def neurosim_sar(tech: Technology, bits: int, read_volt: float = _NEUROSIM_READ_VOLT) -> ConversionLaw:
    """NeuroSim V1.3's SAR converter with the current of its column, of the node's fitted circuits (`sar`).

    The column's resistance counts as ``R * 0.5 V / read_volt``; an idle column costs 1 uW, less than the converter (a
    defect of NeuroSim that its results contain).
    """
    adc = sar(tech, bits)
    return ConversionLaw(
        base_fj=adc.energy_fj,
        slope_fj=adc.column_fj(_NEUROSIM_READ_VOLT, 1.0) * (read_volt / _NEUROSIM_READ_VOLT) ** adc.column_power,
        exponent=adc.column_power,
        dark_fj=_NEUROSIM_DARK_UW * adc.time_ns,  # uW ns = fJ
    )


def linear_law(hardware: Hardware, adc: Converter) -> ConversionLaw:
    """The parametric model's current of a column, without its converter: what `cell_fj` says, per siemens.

    In the charge domain a cell's charge counts in place of its conductance: 1 / r_on for the highest level.
    """
    return ConversionLaw(0.0, cell_fj(hardware, adc, 1.0) * hardware.device.r_on_ohm, 1.0, 0.0)
