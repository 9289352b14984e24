"""What integer nodes without a matrix compute, compiled: units, affines and pools.

`reference.py` says the same in torch. All arithmetic is int64, in which nothing overflows that `build` accepts;
what leaves is cut to its own width, as torch does. One thread: a unit-step takes a quarter of a nanosecond.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np

from .units import Leak, Lif, Membrane

Array = Any  # numpy arrays of the element types named in the docstrings
_Function = TypeVar("_Function", bound=Callable[..., Any])
#: units whose membranes are kept in the first cache at once
_TILE = 1024
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


def _kernel(function: _Function) -> _Function:
    return cast(_Function, numba.njit(cache=True, nogil=True)(function))


class Dynamics(NamedTuple):
    """A LIF node without branches: every choice is a number.

    ``s = (v << store) * multiplier; s += always + (negative if s < 0 else 0); u = (s >> shift) + a``;
    where ``u >= theta`` the unit spikes and ``u = (u - theta) & kept``;
    ``v = clip(u >> store, low, high)``, of which `bits` bits are kept.
    """

    store: int
    multiplier: int
    always: int
    negative: int
    shift: int
    kept: int
    low: int
    high: int
    bits: int


def dynamics(node: Lif) -> Dynamics:
    """The numbers of a node of an integer network."""
    shift, rounding = node.leak.shift, node.leak.rounding
    saturates = node.overflow == "saturate"
    return Dynamics(
        store=node.store_shift,
        multiplier=int(node.leak.multiplier),
        always=(1 << shift) >> 1 if rounding == "nearest" else 0,
        negative=(1 << shift) - 1 if rounding == "toward_zero" else 0,
        shift=shift,
        kept=0 if node.reset == "zero" else -1,
        low=node.stored[0] if saturates else _LOWEST,
        high=node.stored[1] if saturates else _HIGHEST,
        bits=64 if saturates else node.membrane_bits,
    )


@_kernel
def spikes_of(a: Array, theta: Array, node: Dynamics, spikes: Array) -> None:
    """Run LIF units through time.

    Args:
        a: (samples, 1 or T, units) int32, contiguous: what drives them; one step stands for all.
        theta: (units,) int32.
        node: their dynamics.
        spikes: (samples, T, units) uint8, filled.
    """
    store, multiplier, always, negative, shift, kept, low, high, bits = node
    unused = 64 - bits
    units, last = a.shape[2], a.shape[1] - 1
    membranes = np.empty(_TILE, np.int64)
    for n in range(a.shape[0]):
        for first in range(0, units, _TILE):
            end = min(first + _TILE, units)
            v, level = membranes[: end - first], theta[first:end]
            v[:] = 0
            for t in range(spikes.shape[1]):
                drive, out = a[n, min(t, last), first:end], spikes[n, t, first:end]
                for i in range(v.size):
                    scaled = (v[i] << store) * multiplier
                    scaled += always + ((scaled >> 63) & negative)
                    u = (scaled >> shift) + drive[i]
                    fired = u >= level[i]
                    u = (u - level[i]) & kept if fired else u
                    v[i] = (min(max(u >> store, low), high) << unused) >> unused
                    out[i] = fired


class Decay(NamedTuple):
    """``z m``, plus `always`, plus `negative` if that is below 0, shifted right by `shift`."""

    always: int
    negative: int
    shift: int


class Word(NamedTuple):
    """A stored number: cut off at `low` and `high`, or the last `bits` bits of it."""

    low: int
    high: int
    bits: int


class Rules(NamedTuple):
    """Any units; `units.py` has the equations, and what every field means."""

    store: int
    leak: Decay
    stored: Word
    leak_first: bool
    synapse: bool
    current_leak: Decay
    current: Word
    current_leak_first: bool
    previous: bool
    empties: bool
    fires: bool
    subtract: bool
    zero: bool
    late: bool
    strict: int
    most: int
    refractory: int


def rules(node: Membrane) -> Rules:
    """The numbers of any units of an integer network."""
    synapse, fires = node.synapse, isinstance(node, Lif)
    half = 1 << ((synapse.bits if synapse else 2) - 1)
    wraps = synapse is not None and synapse.overflow == "wrap"
    return Rules(
        store=node.store_shift,
        leak=_decay(node.leak),
        stored=_word(*node.stored, node.membrane_bits, node.overflow == "wrap"),
        leak_first=node.order == "leak_first",
        synapse=synapse is not None,
        current_leak=_decay(synapse.leak if synapse else Leak()),
        current=_word(-half, half - 1, synapse.bits if synapse else 2, wraps),
        current_leak_first=synapse is not None and synapse.order == "leak_first",
        previous=synapse is not None and synapse.reads == "previous",
        empties=synapse is not None and synapse.resets,
        fires=fires,
        subtract=isinstance(node, Lif) and node.reset == "subtract",
        zero=isinstance(node, Lif) and node.reset == "zero",
        late=isinstance(node, Lif) and node.reset_delay,
        strict=int(isinstance(node, Lif) and node.strict),
        most=node.max_spikes if isinstance(node, Lif) else 0,
        refractory=node.refractory if isinstance(node, Lif) else 0,
    )


def _decay(leak: Leak) -> Decay:
    always = (1 << leak.shift) >> 1 if leak.rounding == "nearest" else 0
    return Decay(always, (1 << leak.shift) - 1 if leak.rounding == "toward_zero" else 0, leak.shift)


def _word(low: int, high: int, bits: int, wraps: bool) -> Word:
    return Word(_LOWEST, _HIGHEST, bits) if wraps else Word(low, high, 64)


class Levels(NamedTuple):
    """Parameters of units, (units,) int64 each; `least` is the lowest int64 where there is no `v_min`."""

    theta: Array
    leak: Array
    synapse: Array
    rest: Array
    reset: Array
    least: Array


class State(NamedTuple):
    """What units remember, (samples, units) int64 each: stored membranes and currents, waits, and their last spikes."""

    membrane: Array
    current: Array
    wait: Array
    emitted: Array


@_kernel
def _decayed(value: int, multiplier: int, decay: Decay) -> int:
    scaled = value * multiplier
    scaled += decay.always + ((scaled >> 63) & decay.negative)
    return scaled >> decay.shift


@_kernel
def _held(value: int, word: Word) -> int:
    unused = 64 - word.bits
    return (min(max(value, word.low), word.high) << unused) >> unused


@_kernel
def advance(a: Array, levels: Levels, rules: Rules, state: State, out: Array) -> None:
    """Run any units on from a state.

    Args:
        a: (samples, 1 or steps, units) int32, contiguous: what drives them; one step stands for all.
        levels, rules: their dynamics.
        state: where they are; updated.
        out: (samples, steps, units) uint8 or int32, filled: spikes, or stored membranes where nothing fires.
    """
    last = a.shape[1] - 1
    for n in range(a.shape[0]):
        for t in range(out.shape[1]):
            drive, emits = a[n, min(t, last)], out[n, t]
            for i in range(drive.size):
                x: Any = np.int64(drive[i])
                v: Any = state.membrane[n, i]
                if rules.synapse:
                    before = state.current[n, i]
                    after = before if rules.current_leak_first else before + x
                    after = _decayed(after, levels.synapse[i], rules.current_leak)
                    after = _held(after + x if rules.current_leak_first else after, rules.current)
                    state.current[n, i] = after
                    x = before if rules.previous else after
                u = (v << rules.store) - levels.rest[i]
                u = _decayed(u if rules.leak_first else u + x, levels.leak[i], rules.leak) + levels.rest[i]
                u = u + x if rules.leak_first else u
                count: Any = np.int64(0)
                if rules.fires:
                    if state.wait[n, i] > 0:
                        state.wait[n, i] -= 1
                        emits[i] = 0
                        continue
                    theta, emitted = levels.theta[i], state.emitted[n, i]
                    if emitted > 0:  # of the time-step before, where resets are late
                        u = u - emitted * theta if rules.subtract else levels.reset[i]
                    if u >= theta + rules.strict:
                        count = min((u - rules.strict) // theta, rules.most)
                        state.wait[n, i] = rules.refractory
                    if rules.empties and (emitted if rules.late else count) > 0:
                        state.current[n, i] = 0
                    if rules.late:
                        state.emitted[n, i] = count
                    elif count > 0 and rules.subtract:
                        u -= count * theta
                    elif count > 0 and rules.zero:
                        u = levels.reset[i]
                v = _held(max(u, levels.least[i]) >> rules.store, rules.stored)
                state.membrane[n, i] = v
                emits[i] = count if rules.fires else v


@_kernel
def scale(a: Array, multiplier: Array, bias: Array, shift: int, out: Array) -> None:
    """``out[n, i] = (a[n, i] * multiplier[s, i] + bias[s, i]) >> shift``, s = n modulo their sets.

    All int32 and contiguous; a: (n, values), multiplier and bias: (sets, values).
    """
    for n in range(a.shape[0]):
        line, into, gain, offset = a[n], out[n], multiplier[n % len(multiplier)], bias[n % len(bias)]
        for i in range(line.size):
            into[i] = (np.int64(line[i]) * gain[i] + offset[i]) >> shift


@_kernel
def pool(x: Array, kernel: tuple[int, int], step: tuple[int, int], largest: bool, out: Array) -> None:
    """Sum or maximum of windows.

    Args:
        x: (maps, H, W) uint8 or int32, contiguous.
        kernel, step: rows and columns of a window, and between windows.
        largest: whether to take the maximum.
        out: (maps, h, w) of the same type, filled.
    """
    line = np.empty(x.shape[2], np.int64)
    for n in range(x.shape[0]):
        for y in range(out.shape[1]):
            for row in range(kernel[0]):
                more = x[n, y * step[0] + row]
                for i in range(line.size):
                    value = np.int64(more[i])
                    if row > 0:
                        value = max(value, line[i]) if largest else value + line[i]
                    line[i] = value
            for j in range(out.shape[2]):
                total = line[j * step[1]]
                for i in range(j * step[1] + 1, j * step[1] + kernel[1]):
                    total = max(total, line[i]) if largest else total + line[i]
                out[n, y, j] = total
