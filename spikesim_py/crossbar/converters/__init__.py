"""Circuits of converters as tables of thresholds: one circuit per file, one interface.

Every circuit here is a monotone step function of its input, so a table says all of it: the code is the lowest
one plus the number of thresholds at or below the input. Inputs and thresholds are in LSBs; the ideal table is
``low + 1/2, low + 3/2, ..., high - 1/2``. CrossSim (Sandia, SAND2022-16222) models SAR and ramp converters with
the same errors by carrying out every decision; here they are carried out once, for the table.
"""

from ...hardware import AdcKind
from ...hardware.adc import Adc
from .base import Circuit, beyond, convert, ideal_thresholds
from .flash import Flash
from .ramp import Ramp
from .sar import Sar

#: the circuit of every kind of converter (a digital crossbar has none)
CIRCUITS: dict[AdcKind, Circuit] = {AdcKind.SAR: Sar(), AdcKind.FLASH: Flash(), AdcKind.RAMP: Ramp()}


def circuit_of(adc: Adc) -> Circuit:
    """The circuit of a chip's converters, a plugin's too."""
    return adc.model or CIRCUITS[adc.kind]


__all__ = ["CIRCUITS", "Circuit", "Flash", "Ramp", "Sar", "beyond", "circuit_of", "convert", "ideal_thresholds"]
