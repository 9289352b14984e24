"""The description of a chip: technology, device, crossbar, ADC, PE, tile, NoC, schedule; YAML in and out."""

from .adc import AdcKind, AdcRange, PercentilePer
from .anchor import AdcAnchor
from .controls import Control, controls
from .device import Device, DeviceKind
from .dram import DramKind
from .io import extension, extension_of, hardware_fields, load_hardware, parse_override, presets
from .model import Baseline, Defects, Hardware, RowMapping, SignMapping, Subtract, TapSum
from .wires import Topology

__all__ = [
    "AdcAnchor",
    "AdcKind",
    "AdcRange",
    "Baseline",
    "Control",
    "Defects",
    "Device",
    "DeviceKind",
    "DramKind",
    "Hardware",
    "PercentilePer",
    "RowMapping",
    "SignMapping",
    "Subtract",
    "TapSum",
    "Topology",
    "controls",
    "extension",
    "extension_of",
    "hardware_fields",
    "load_hardware",
    "parse_override",
    "presets",
]
