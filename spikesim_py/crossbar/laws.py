"""Functions of a cell's state ``x = g / g_on`` that devices' errors, drift and noise follow.

The coefficients are fields of the chip (`spikesim_py.hardware.device`); the presets cite where each set comes from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.polynomial.polynomial import polyval
from numpy.typing import NDArray

from ..errors import ConfigError
from ..hardware.device import Device, ProgramLaw, ReadLaw

States = NDArray[np.float64]
#: states below are taken as this one, where a law takes a logarithm or a negative power
_LOWEST_STATE = 1e-12


def reference_us(device: Device) -> float:
    """g_on of the device to which the coefficients in uS belong."""
    return device.reference_us or 1e6 / device.r_on_ohm


def saturating(g: States, sigma: float, scale: float) -> States:
    """``sigma (1 - exp(-g / scale))``."""
    return np.asarray(-sigma * np.expm1(-np.maximum(g, 0.0) / scale))


def clipped_log(x: States, coefficients: Sequence[float]) -> States:
    """A constant [c0]; or ``clip(c0 ln x + c1, c2, c3)`` below x = c4 and ``c5 + c6 x + ...`` from there on."""
    if len(coefficients) == 1:
        return np.full_like(x, coefficients[0])
    slope, intercept, low, high = coefficients[:4]
    curve = np.clip(slope * np.log(np.maximum(x, _LOWEST_STATE)) + intercept, low, high)
    if len(coefficients) > 4:
        curve = np.where(x < coefficients[4], curve, polyval(x, coefficients[5:]))
    return np.asarray(curve)


def of_plugin(law: str, found: Any, shape: tuple[int, ...], device: Device) -> States:
    """What a plugin's law gives for states of `shape`.

    Raises:
        ConfigError: it is of another shape, not finite, or below 0.
    """
    made = np.asarray(found, np.float64)
    if made.shape not in ((), shape):
        wrong = f"of shape {made.shape}: must be {shape}"
    elif not (np.isfinite(made) & (made >= 0)).all():
        wrong = "not finite or below 0"
    else:
        return np.broadcast_to(made, shape)
    raise ConfigError(f"device.kind = {device.kind.value!r}: what its {law} gives is {wrong}")


def program_sigma(x: States, device: Device) -> States:
    """Standard deviation of the programming error of cells meant to hold x, over g_on."""
    if device.model is not None and device.model.program_sigma is not None:
        return of_plugin("program_sigma", device.model.program_sigma(x, device), x.shape, device)
    if device.program.law is ProgramLaw.CONSTANT:
        return np.full_like(x, device.program_sigma)
    return spread(x, device, device.program.coefficients_us)


def spread(x: States, device: Device, coefficients_us: Sequence[float]) -> States:
    """A standard deviation of the form of `device.program` with other coefficients, over g_on; never negative."""
    reference = reference_us(device)
    if device.program.law is ProgramLaw.SATURATING:
        return saturating(x * reference, *coefficients_us) / reference
    return np.asarray(np.maximum(polyval(x, coefficients_us), 0.0)) / reference


def read_sigma(x: States, device: Device) -> States:
    """Standard deviation of one read of cells programmed to x by `device.read.law`, over the cell's g.

    The laws in uS are divided by the g at which they were fitted, that of the programmed cell.
    """
    if device.model is not None and device.model.read_law is not None:
        return of_plugin("read_law", device.model.read_law(x, device), x.shape, device)
    law, coefficients = device.read.law, device.read.coefficients
    held = np.maximum(x, _LOWEST_STATE)
    if law is ReadLaw.POWER:
        scale, power, cap = coefficients
        return np.asarray(np.minimum(scale * held**-power, cap))
    if law is ReadLaw.LOG:
        return np.maximum(clipped_log(x, coefficients), 0.0)
    g_us = held * reference_us(device)
    if law is ReadLaw.LOG_US:
        return np.asarray(np.maximum(coefficients[0] * np.log(held) + coefficients[1], 0.0)) / g_us
    if law is ReadLaw.SATURATING:
        return saturating(g_us, *coefficients) / g_us
    return np.zeros_like(x)
