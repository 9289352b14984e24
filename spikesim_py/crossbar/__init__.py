"""Layers on crossbars: device errors, bit slices, converters, and the kernels that multiply."""

from .adc import Adc, is_transparent, layer_adc
from .device import background_levels, device_varies
from .programmed import ProgrammedLayer, Reads, program

__all__ = [
    "Adc",
    "ProgrammedLayer",
    "Reads",
    "background_levels",
    "device_varies",
    "is_transparent",
    "layer_adc",
    "program",
]
