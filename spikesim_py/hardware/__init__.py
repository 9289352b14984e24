"""The description of a chip: technology, device, crossbar, ADC, PE, tile, NoC, schedule; YAML in and out."""

from .io import hardware_fields, load_hardware, parse_override, presets
from .model import (
    AdcKind,
    AdcRange,
    Baseline,
    Defects,
    DeviceKind,
    Hardware,
    RowMapping,
    SignMapping,
    Subtract,
    TapSum,
)

__all__ = [
    "AdcKind",
    "AdcRange",
    "Baseline",
    "Defects",
    "DeviceKind",
    "Hardware",
    "RowMapping",
    "SignMapping",
    "Subtract",
    "TapSum",
    "hardware_fields",
    "load_hardware",
    "parse_override",
    "presets",
]
