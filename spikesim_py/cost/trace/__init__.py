"""Trace-exact energy of crossbars: what actual inputs draw through actual cells, read by read.

The parametric model multiplies means: rate x rows x mean level. Here every read of every column has its own
conductance, a product of input bits and cells, and the converter's law is applied to each.
"""

from .energy import CrossbarRead, ReadEnergy, column_energy_fj, planes, trace_energy
from .law import ConversionLaw, linear_law, neurosim_sar
from .reference import conversion_fj

__all__ = [
    "ConversionLaw",
    "CrossbarRead",
    "ReadEnergy",
    "column_energy_fj",
    "conversion_fj",
    "linear_law",
    "neurosim_sar",
    "planes",
    "trace_energy",
]
