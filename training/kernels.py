"""LIF units through time and back, compiled: one pass over memory each, where torch takes ten.

`neurons.step_by_step` says the same in torch, with autograd. All values are float32; one thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np

Array = Any  # float32 arrays, unless a docstring says otherwise
_Function = TypeVar("_Function", bound=Callable[..., Any])
#: units whose state is kept in the first cache at once
_TILE = 1024
_ZERO, _HALF, _ONE, _FOUR, _PI = (np.float32(value) for value in (0, 0.5, 1, 4, np.pi))
#: of the rectifier between 0 and 2 thresholds: ``tanh(1.5 x) / tanh(1.5)``, see `methods.inflor`
_RATE, _REACH = np.float32(1.5), np.float32(np.tanh(1.5))
#: surrogates by number, in the order of `neurons.SURROGATES`
TRIANGLE, RECTANGLE, ATAN, SIGMOID, INFLOR = range(5)


def _kernel(function: _Function) -> _Function:
    return cast(_Function, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


class Rule(NamedTuple):
    """LIF units without branches on names: ``u = leak * v + a``; where ``u >= theta`` a spike; what is left is stored.

    Attributes:
        keeps: 1 where a spike subtracts theta, 0 where it clears.
        step: units per level of what is stored; 0 where floats are stored as they are. Else `leak * v` is floored,
            and ``v = clip(floor(left / step), low, high) * step``.
    """

    leak: np.float32
    theta: np.float32
    keeps: np.float32
    step: np.float32
    low: np.float32
    high: np.float32


@_kernel
def forward(a: Array, rule: Rule, spikes: Array, membranes: Array) -> None:
    """Fill `spikes` and `membranes` before the reset, (samples, T, units), from `a` (samples, 1 or T, units)."""
    leak, theta, keeps, step, low, high = rule
    units, last = a.shape[2], a.shape[1] - 1
    state = np.empty(_TILE, np.float32)
    whole, unit = step > _ZERO, _ONE / max(step, _ONE)  # a power of two: dividing and multiplying are exact
    for n in range(a.shape[0]):
        for first in range(0, units, _TILE):
            end = min(first + _TILE, units)
            v = state[: end - first]
            v[:] = _ZERO
            for t in range(spikes.shape[1]):
                drive, out, u = a[n, min(t, last), first:end], spikes[n, t, first:end], membranes[n, t, first:end]
                if whole:
                    for i in range(v.size):
                        value = np.floor(v[i] * leak) + drive[i]
                        left = keeps * (value - theta) if value >= theta else value
                        v[i] = min(max(np.floor(left * unit), low), high) * step
                        u[i] = value
                        out[i] = _ONE if value >= theta else _ZERO
                else:
                    for i in range(v.size):
                        value = v[i] * leak + drive[i]
                        v[i] = keeps * (value - theta) if value >= theta else value
                        u[i] = value
                        out[i] = _ONE if value >= theta else _ZERO


@_kernel
def _slopes(u: Array, inverse: Any, surrogate: int, out: Array) -> None:
    """Fill `out` with the surrogate's derivative at ``x = u / theta - 1``, over theta; see `neurons`.

    One loop per surrogate: each takes several units at once, which a choice inside would forbid.
    """
    if surrogate == TRIANGLE:
        for i in range(u.size):
            out[i] = max(_ZERO, _ONE - abs(u[i] * inverse - _ONE)) * inverse
    elif surrogate == RECTANGLE:
        for i in range(u.size):
            out[i] = inverse if abs(u[i] * inverse - _ONE) < _HALF else _ZERO
    elif surrogate == ATAN:
        for i in range(u.size):
            scaled = _PI * (u[i] * inverse - _ONE)
            out[i] = inverse / (_ONE + scaled * scaled)
    elif surrogate == SIGMOID:
        for i in range(u.size):
            value = _ONE / (_ONE + np.exp(_FOUR * (_ONE - u[i] * inverse)))
            out[i] = _FOUR * value * (_ONE - value) * inverse
    else:
        for i in range(u.size):
            bent = np.tanh(_RATE * (u[i] * inverse - _ONE))
            out[i] = max(_ZERO, _ONE - abs(bent) / _REACH) * _RATE * (_ONE - bent * bent) / _REACH * inverse


@_kernel
def _leaks(u: Array, rule: Rule, later: Array) -> None:
    """The gradient of the next step's membranes, `later`, as it arrives at these: leaked, reset, within the word."""
    leak, theta, keeps, step, low, high = rule
    reset, unit = leak * keeps, _ONE / max(step, _ONE)
    if step == _ZERO:
        for i in range(u.size):
            later[i] *= reset if u[i] >= theta else leak
    else:
        for i in range(u.size):
            fired = u[i] >= theta
            level = np.floor((keeps * (u[i] - theta) if fired else u[i]) * unit)
            passes = reset if fired else leak
            later[i] *= passes if level == min(max(level, low), high) else _ZERO


@_kernel
def _learned(u: Array, slopes: Array, gs: Array, later: Array, rule: Rule) -> tuple[float, float]:
    """What a step adds to the gradients of leak and theta."""
    leak, theta, keeps, step, low, high = rule
    unit, inverse = _ONE / max(step, _ONE), _ONE / theta
    of_leak, of_theta = 0.0, 0.0
    for i in range(u.size):
        fired = u[i] >= theta
        left, inside = keeps * (u[i] - theta) if fired else u[i], True
        if step > _ZERO:
            level = np.floor(left * unit)
            left = min(max(level, low), high) * step
            inside = level * step == left
        of_leak += later[i] * left
        of_theta -= gs[i] * slopes[i] * u[i] * inverse
        of_theta -= later[i] * leak * keeps if fired and inside else _ZERO
    return of_leak, of_theta


@_kernel
def backward(
    of_spikes: Array, of_membranes: Array, membranes: Array, rule: Rule, surrogate: int, learns: bool, of_drive: Array
) -> tuple[float, float]:
    """Fill `of_drive`, the gradient of `a`; returns the gradients of leak and theta where the units learn them.

    Args:
        of_spikes: gradient of the spikes, (samples, T, units).
        of_membranes: gradient of the membranes; of length 0 where there is none.
        membranes: what `forward` filled.
        learns: whether leak or theta are learned.
        of_drive: (samples, 1 or T, units).
    """
    units, steps, last = membranes.shape[2], membranes.shape[1], of_drive.shape[1] - 1
    state, slope, both = np.empty(_TILE, np.float32), np.empty(_TILE, np.float32), of_membranes.size > 0
    inverse = _ONE / rule.theta
    of_leak, of_theta = 0.0, 0.0
    for n in range(membranes.shape[0]):
        for first in range(0, units, _TILE):
            end = min(first + _TILE, units)
            later = state[: end - first]  # gradient of the membrane in the following step, before its leak
            later[:] = _ZERO
            slopes = slope[: end - first]
            for t in range(steps - 1, -1, -1):
                u, gs = membranes[n, t, first:end], of_spikes[n, t, first:end]
                out, adds = of_drive[n, min(t, last), first:end], last == 0 and t < steps - 1
                _slopes(u, inverse, surrogate, slopes)
                if learns:
                    more_leak, more_theta = _learned(u, slopes, gs, later, rule)
                    of_leak += more_leak
                    of_theta += more_theta
                _leaks(u, rule, later)
                if both:
                    more = of_membranes[n, t, first:end]
                    for i in range(later.size):
                        later[i] += more[i]
                for i in range(later.size):
                    later[i] += gs[i] * slopes[i]
                if adds:
                    for i in range(later.size):
                        out[i] += later[i]
                else:
                    out[:] = later
    return of_leak, of_theta
