"""Aging: how far a cell has moved since it was programmed.

With t the age, t0 the time at which the programming error was measured, x the state meant and N standard normal
draws that belong to the cell, not to the age::

    power     g(t) = g_p (t / t0)^-nu,  nu = |nu(x) + sigma_nu(x) N|
    log_time  g(t) = g_p + m0 + m1 ln(t / t0) + (s0 + s1 ln(t / t0)) N
    table     g(t) = g_target + m_t(x) + min(s_0, s_t) N_p + sqrt(s_t^2 - min(s_0, s_t)^2) N

g_p = g_target + s_0(x) N_p is the programmed conductance, with the programming error's own draw: aging adds to it.
Power: M. Le Gallo et al., IEEE TED 65, 2018; per-cell exponents as in V. Joshi et al., Nature Communications 11, 2020.
Log time: D. F. Falcone et al., arXiv 2502.04524. Table: the total spread s_t(x) was measured at given times; m and
s are interpolated between them, in ln t, or in t where t0 = 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.polynomial.polynomial import polyval
from numpy.typing import NDArray

from ..hardware.device import Device, RetentionKind
from .laws import States, clipped_log, of_plugin, program_sigma, reference_us, spread


def ages(device: Device) -> bool:
    """Whether cells have moved since they were programmed."""
    if device.model is not None and device.model.aged is not None:
        return not device.ideal and device.age_s > 0
    kind, at_start = device.retention.kind, device.time_s <= device.retention.t0_s
    # a table starts from the programming error itself, and so does a power law; a shift in ln t does not
    moved = device.age_s > 0 and not (at_start and kind is not RetentionKind.LOG_TIME)
    return not device.ideal and moved and kind is not RetentionKind.NONE


def spreads(device: Device) -> bool:
    """Whether cells move differently from each other."""
    if device.model is not None and device.model.aged is not None:
        return ages(device)
    law = device.retention
    sigma = any(law.nu_sigma) if law.kind is RetentionKind.POWER else any(any(row) for row in law.sigma_us)
    return ages(device) and sigma


def aged(
    x: States, programmed: NDArray[np.float64], error: NDArray[np.float64], own: NDArray[np.float64], device: Device
) -> NDArray[np.float64]:
    """Conductance at the device's age, over g_on; never negative.

    Args:
        x: state meant. programmed: state reached.
        error: the standard normal draw of the programming error.
        own: a standard normal draw of the cell for its aging.
    """
    law = device.retention
    if device.model is not None and device.model.aged is not None:
        held = np.maximum(device.model.aged(x, programmed, own, device), 0.0)
        return of_plugin("aged", held, x.shape, device)
    if law.kind is RetentionKind.POWER:
        return np.asarray(programmed * (device.time_s / law.t0_s) ** -drift_exponent(x, own, device))
    mean, sigma = shift(x, device)
    if law.kind is RetentionKind.LOG_TIME:
        return np.asarray(np.maximum(programmed + mean + sigma * own, 0.0))
    kept = np.minimum(program_sigma(x, device), sigma)
    return np.asarray(np.maximum(x + mean + kept * error + np.sqrt(sigma**2 - kept**2) * own, 0.0))


def drift_exponent(x: States, own: NDArray[np.float64], device: Device) -> NDArray[np.float64]:
    """Exponent nu of each cell; never negative."""
    law = device.retention
    sigma = clipped_log(x, law.nu_sigma) if law.nu_sigma else np.zeros_like(x)
    return np.abs(clipped_log(x, law.nu) + sigma * own)


def shift(x: States, device: Device) -> tuple[States, States]:
    """Mean and standard deviation, over g_on, of log_time's shift, or of table's deviation from the state meant."""
    law, reference = device.retention, reference_us(device)
    if law.kind is RetentionKind.LOG_TIME:
        since = math.log(device.time_s / law.t0_s)
        mean, sigma = (polyval(since, rows[0]) if rows else 0.0 for rows in (law.mean_us, law.sigma_us))
        return np.full_like(x, mean / reference), np.full_like(x, max(sigma, 0.0) / reference)
    means = [np.zeros_like(x), *(_polynomial(x, row) / reference for row in law.mean_us)]
    sigmas = [program_sigma(x, device), *(spread(x, device, row) for row in law.sigma_us)]
    return _between(means, device), _between(sigmas, device)


def _polynomial(x: States, coefficients: Sequence[float]) -> States:
    return np.asarray(polyval(x, coefficients), np.float64)


def _between(rows: list[States], device: Device) -> States:
    """A table's rows at the device's age; the first holds at t0, alone at any time."""
    law, time = device.retention, device.time_s
    if len(rows) == 1:
        return rows[0]
    times = (law.t0_s, *law.times_s)
    later = int(np.searchsorted(law.times_s, time))
    start, end = times[later], times[later + 1]
    share = math.log(time / start) / math.log(end / start) if law.t0_s else (time - start) / (end - start)
    return np.asarray(rows[later] + share * (rows[later + 1] - rows[later]))
