"""Write-verify: a cell is programmed and read, again and again, until it lies within a tolerance or tries run out.

Every try makes a programming error of its own, ``g = max(x + sigma(x) N, 0)`` with x the state meant, both over g_on;
the first one with ``|g - x| <= tolerance`` stays, else the last. If verifying reads are noisy, it is the read g that is
compared. The law `device.program` is then that of one try: one fitted to cells that were verified when they were
measured must not be verified again. A stuck cell takes all tries, unless it happens to lie where it should.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from ..hardware import Device, Hardware
from ..hardware.mitigation import MOST_TRIES, Mitigation
from .draws import normals
from .fluctuation import white_sigma
from .laws import program_sigma

States = NDArray[np.float64]
#: points of the distribution of one try over which noisy verdicts are averaged
_QUANTILES = 4096


def verified(
    x: States,
    first: States,
    cells: NDArray[np.uint64],
    hardware: Hardware,
    writing: int,
    reading: int,
) -> States:
    """The standard normal draws of the tries that stay.

    Args:
        x: state meant. first: draws of the first tries. cells: numbers of the cells in their layer; all of one shape.
        writing, reading: states of the streams of later tries and of verifying reads.
    """
    device, rule = hardware.device, hardware.mitigation
    error, sigma = first.copy(), program_sigma(x, device)
    pending = np.ones(x.shape, np.bool_)
    for attempt in range(rule.write_verify_tries):
        numbers = cells[pending] * np.uint64(MOST_TRIES) + np.uint64(attempt)
        if attempt:
            error[pending] = normals(writing, numbers)
        reached = np.maximum(x[pending] + sigma[pending] * error[pending], 0.0)
        seen = reached
        if rule.write_verify_noise:
            seen = reached + _read_sigma(reached, device) * normals(reading, numbers)
        pending[pending] = np.abs(seen - x[pending]) > _tolerance(rule)
    return error


def pending_share(levels: States, held: States, hardware: Hardware) -> States:
    """Share of cells that need more than j tries, j = 0, 1, ..., (tries,), the first of them 1; [1] without verifying.

    Args:
        levels: g / g_on of each level. held: share of the cells that are meant to hold it.
    """
    device, rule = hardware.device, hardware.mitigation
    if rule.write_verify_tolerance is None or device.ideal:
        return np.ones(1)
    on, off = device.stuck_on_rate, device.stuck_off_rate
    tries = np.arange(rule.write_verify_tries)[:, None]
    lost = (
        share * (1 - accepted) ** tries
        for share, accepted in (
            (1 - on - off, acceptance(levels, device, rule)),
            (on, _verdict(np.ones_like(levels), levels, device, rule)),
            (off, _verdict(np.full_like(levels, levels[0]), levels, device, rule)),
        )
    )
    return np.asarray(sum(lost) @ held)


def acceptance(x: States, device: Device, rule: Mitigation) -> States:
    """Probability that a try ends within the tolerance, or reads so, for each state meant."""
    sigma, tolerance = program_sigma(x, device), _tolerance(rule)
    if not rule.write_verify_noise:
        far = np.divide(tolerance, sigma, out=np.full_like(x, np.inf), where=sigma > 0)
        return np.asarray(ndtr(far) - np.where(x > tolerance, ndtr(-far), 0.0))
    drawn = ndtri((np.arange(_QUANTILES) + 0.5) / _QUANTILES)
    return np.asarray(_verdict(np.maximum(x + sigma * drawn[:, None], 0.0), x, device, rule).mean(0))


def _verdict(g: States, x: States, device: Device, rule: Mitigation) -> States:
    """Probability that a cell at `g` reads as within the tolerance of `x`."""
    tolerance = _tolerance(rule)
    if not rule.write_verify_noise:
        return np.asarray(np.abs(g - x) <= tolerance, np.float64)
    sigma = np.maximum(_read_sigma(g, device), 1e-300)
    return np.asarray(ndtr((x - g + tolerance) / sigma) - ndtr((x - g - tolerance) / sigma))


def _tolerance(rule: Mitigation) -> float:
    assert rule.write_verify_tolerance is not None
    return rule.write_verify_tolerance


def _read_sigma(g: States, device: Device) -> Any:
    """Of a read right after programming."""
    fresh = device.model_copy(update={"age_s": 0.0})
    return white_sigma(g, g, fresh)
