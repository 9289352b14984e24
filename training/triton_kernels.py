"""`kernels.forward` and `kernels.backward` for CUDA: one pass over memory each, where torch takes ten.

`kernels` says the same in compiled Python, and `neurons.step_by_step` in torch with autograd. Triton comes with torch's
CUDA builds; on a machine without it, `neurons.lif` takes torch's own operations.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl

from .kernels import INFLOR, RECTANGLE, SIGMOID, TRIANGLE, Rule

Tensor = torch.Tensor
_BLOCK = 1024
#: constants as the compiler takes them
_TRIANGLE, _RECTANGLE, _SIGMOID = (tl.constexpr(number) for number in (TRIANGLE, RECTANGLE, SIGMOID))
_INFLOR = tl.constexpr(INFLOR)
_PI, _REACH = tl.constexpr(3.141592653589793), tl.constexpr(0.9051482536448664)


@triton.jit
def _forward(
    a: Any, spikes: Any, membranes: Any, units: Any, leak: Any, theta: Any, keeps: Any, step: Any, low: Any, high: Any,
    drives: tl.constexpr, steps: tl.constexpr, whole: tl.constexpr, block: tl.constexpr,
) -> None:  # fmt: skip
    n = tl.program_id(1).to(tl.int64)
    at = tl.program_id(0) * block + tl.arange(0, block)
    inside = at < units
    v = tl.zeros((block,), tl.float32)
    for t in tl.static_range(steps):
        drive = tl.load(a + (n * drives + min(t, drives - 1)) * units + at, inside, 0.0)
        leaked = v * leak
        u = (tl.floor(leaked) if whole else leaked) + drive
        fired = u >= theta
        left = tl.where(fired, keeps * (u - theta), u)
        v = tl.minimum(tl.maximum(tl.floor(left / step), low), high) * step if whole else left
        out = (n * steps + t) * units + at
        tl.store(membranes + out, u, inside)
        tl.store(spikes + out, fired.to(tl.float32), inside)


@triton.jit
def _slope(x: Any, surrogate: tl.constexpr) -> Any:
    """The surrogate's derivative, in the order of `neurons.SURROGATES`."""
    if surrogate == _TRIANGLE:
        made = tl.maximum(1.0 - tl.abs(x), 0.0)
    elif surrogate == _RECTANGLE:
        made = tl.where(tl.abs(x) < 0.5, 1.0, 0.0)
    elif surrogate == _SIGMOID:
        share = 1.0 / (1.0 + tl.exp(-4.0 * x))
        made = 4.0 * share * (1.0 - share)
    elif surrogate == _INFLOR:
        bent = 2.0 / (1.0 + tl.exp(-3.0 * x)) - 1.0  # tanh(1.5 x)
        made = tl.maximum(1.0 - tl.abs(bent) / _REACH, 0.0) * 1.5 * (1.0 - bent * bent) / _REACH
    else:
        made = 1.0 / (1.0 + (_PI * x) * (_PI * x))
    return made


@triton.jit
def _backward(
    of_spikes: Any, of_membranes: Any, membranes: Any, of_drive: Any, units: Any, leak: Any, theta: Any, keeps: Any,
    step: Any, low: Any, high: Any, drives: tl.constexpr, steps: tl.constexpr, whole: tl.constexpr,
    surrogate: tl.constexpr, both: tl.constexpr, block: tl.constexpr,
) -> None:  # fmt: skip
    n = tl.program_id(1).to(tl.int64)
    at = tl.program_id(0) * block + tl.arange(0, block)
    inside = at < units
    later = tl.zeros((block,), tl.float32)
    total = tl.zeros((block,), tl.float32)
    for back in tl.static_range(steps):
        t = steps - 1 - back
        where = (n * steps + t) * units + at
        u = tl.load(membranes + where, inside, 0.0)
        fired = u >= theta
        passes = tl.where(fired, leak * keeps, leak)
        if whole:
            level = tl.floor(tl.where(fired, keeps * (u - theta), u) / step)
            passes = tl.where((level >= low) & (level <= high), passes, 0.0)
        later = later * passes + tl.load(of_spikes + where, inside, 0.0) * _slope(u / theta - 1.0, surrogate) / theta
        if both:
            later += tl.load(of_membranes + where, inside, 0.0)
        if drives == 1:
            total += later
        else:
            tl.store(of_drive + where, later, inside)
    if drives == 1:
        tl.store(of_drive + n * units + at, total, inside)


def forward(a: Tensor, rule: Rule, spikes: Tensor, membranes: Tensor) -> None:
    """See `kernels.forward`."""
    drives, steps = a.shape[1], spikes.shape[1]
    _forward[_grid(a)](
        a, spikes, membranes, a.shape[2], *_numbers(rule), drives, steps, bool(rule.step > 0), _BLOCK
    )  # fmt: skip


def backward(
    of_spikes: Tensor, of_membranes: Tensor, membranes: Tensor, rule: Rule, surrogate: int, of_drive: Tensor
) -> None:
    """See `kernels.backward`; leak and theta are not learned here."""
    drives, steps, both = of_drive.shape[1], membranes.shape[1], of_membranes.numel() > 0
    _backward[_grid(of_drive)](
        of_spikes, of_membranes, membranes, of_drive, of_drive.shape[2], *_numbers(rule),
        drives, steps, bool(rule.step > 0), surrogate, both, _BLOCK,
    )  # fmt: skip


def _grid(a: Tensor) -> tuple[int, int]:
    """Blocks of units, and samples: the second is at most 65,535."""
    return triton.cdiv(a.shape[2], _BLOCK), a.shape[0]


def _numbers(rule: Rule) -> tuple[float, ...]:
    leak, theta, keeps, step, low, high = map(float, rule)
    return leak, theta, keeps, max(step, 1.0), low, high
