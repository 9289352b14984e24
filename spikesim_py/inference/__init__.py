"""Runs a network on mapped crossbars: accuracy with intervals, measured activity, how exact each layer is."""

from .interval import accuracy_interval
from .paired import PairedDifference, paired_difference, reported_difference
from .precision import BitChoice, choose_adc_bits
from .simulation import Simulation, chip_varies, simulate
from .trains import record_trains

__all__ = [
    "BitChoice",
    "PairedDifference",
    "Simulation",
    "accuracy_interval",
    "chip_varies",
    "choose_adc_bits",
    "paired_difference",
    "record_trains",
    "reported_difference",
    "simulate",
]
