"""Layers on crossbars: devices, wires, bit slices, converters, and the kernels that multiply."""

from .adc import Adc, is_transparent, layer_adc
from .device import background_levels, device_varies
from .effective import column_siemens, gated_siemens
from .programmed import Engine, ProgrammedLayer
from .programming import program
from .reads import Reads
from .wires import Wires, solve_transfer, transfer_matrix

__all__ = [
    "Adc",
    "Engine",
    "ProgrammedLayer",
    "Reads",
    "Wires",
    "background_levels",
    "column_siemens",
    "device_varies",
    "gated_siemens",
    "is_transparent",
    "layer_adc",
    "program",
    "solve_transfer",
    "transfer_matrix",
]
