"""Runs a network on mapped crossbars: accuracy with intervals, and measured activity."""

from .interval import accuracy_interval
from .simulation import Simulation, chip_varies, simulate

__all__ = ["Simulation", "accuracy_interval", "chip_varies", "simulate"]
