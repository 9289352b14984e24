"""Read noise: how two reads of the same cell differ.

*White*: independent Gaussian draws per read, of variance::

    (sigma g_on)^2 + (sigma_relative g)^2 + (g q(x))^2 ln((t + tr) / (2 tr))

q(x) is `device.read.law` at the state x as programmed, and the logarithm integrates 1/f noise from the read's own
length tr to the time since programming (V. Joshi et al., Nature Communications 11, 2020, methods; S. Nandakumar
et al., ICECS 2019). It is 1 where `pulse_s` is 0.

*Telegraph*: one trap per cell switches the conductance between ``g (1 + a (1 - p))`` and ``g (1 - a p)``, with p the
share of time in the high state, so that g stays the mean. Dwell times are exponential (S. Machlup, J. Appl. Phys. 25,
1954): a continuous-time Markov chain with relaxation rate ``r = 1/tau_high + 1/tau_low``, sampled once per time-step::

    P(high at t + dt | high at t) = p + (1 - p) exp(-r dt)       P(high at t + dt | low at t) = p (1 - exp(-r dt))

It starts stationary. Autocovariance is ``a^2 p (1 - p) exp(-r dt)``. The step a is a constant share of g: measured
steps are larger at low conductance (PytorX's fit, after He et al., DAC 2019, gives 20 % at 1 uS and 1.8 % at 10 uS),
but that fit diverges near 0.17 uS, so a is a field of the device instead.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..hardware.device import Device, ReadLaw, ReadNoise
from . import laws
from .draws import stream, uniforms

#: time-steps that a path may have: its draws lie this far from those of the next cell
_LONGEST_PATH = 2**16


def fluctuates(device: Device) -> bool:
    """Whether two reads of one chip can differ."""
    read = device.read
    if device.ideal or read.noise is ReadNoise.NONE:
        return False
    if read.noise is ReadNoise.TELEGRAPH:
        return read.telegraph_amplitude > 0
    by_state = read.law is not ReadLaw.NONE and any(read.coefficients)
    by_state = by_state or (device.model is not None and device.model.read_law is not None)
    return bool(read.sigma or read.sigma_relative or by_state)


def white_sigma(g: NDArray[np.float64], programmed: NDArray[np.float64], device: Device) -> NDArray[np.float64]:
    """Standard deviation of one read, over g_on, of cells that hold `g` and held `programmed` (both over g_on)."""
    read = device.read
    q = laws.read_sigma(programmed, device)
    if read.pulse_s:
        q = q * math.sqrt(math.log((device.time_s + read.pulse_s) / (2 * read.pulse_s)))
    return np.sqrt(read.sigma**2 + (read.sigma_relative**2 + q**2) * g**2)


def telegraph_law(device: Device) -> tuple[float, float]:
    """Share p of time in the high state, and what is left of a state after one time-step: ``exp(-r dt)``."""
    read = device.read
    share = read.tau_high_s / (read.tau_high_s + read.tau_low_s)
    return share, math.exp(-read.interval_s * (1 / read.tau_high_s + 1 / read.tau_low_s))


def telegraph_steps(device: Device) -> tuple[float, float]:
    """What a cell's conductance gains in the high and in the low state, over its mean."""
    share, _ = telegraph_law(device)
    amplitude = device.read.telegraph_amplitude
    return amplitude * (1 - share), -amplitude * share


def telegraph_states(
    cells: NDArray[np.uint64], device: Device, *, seed: int, chip: int, layer: str, sample: int, steps: int
) -> NDArray[np.bool_]:
    """Which cells are in the state of high conductance: (steps, *cells.shape).

    Args:
        cells: numbers of the cells in their layer. sample: number of the sample; each sees a path of its own.
        steps: time-steps, `device.read.interval_s` apart.
    """
    share, memory = telegraph_law(device)
    state = stream(seed, chip, layer, f"telegraph of sample {sample}")
    counters = cells * np.uint64(_LONGEST_PATH)
    high = np.empty((steps, *cells.shape), np.bool_)
    for step in range(steps):
        drawn = uniforms(state, counters + np.uint64(step))
        before: NDArray[np.bool_] | float = high[step - 1] if step else share
        high[step] = drawn < share + (before - share) * memory
    return high
