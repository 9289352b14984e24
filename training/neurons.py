"""Leaky integrate-and-fire units over several time-steps, with a surrogate gradient for the spike."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
import torch

from . import kernels
from .methods.inflor import rectify
from .quantizers.membrane import Word
from .quantizers.straight import ste_floor

Tensor = torch.Tensor
Reset = Literal["zero", "subtract"]
_HAS_TRITON = find_spec("triton") is not None


@dataclass(frozen=True)
class Neuron:
    """What a network's LIF units are beyond their leak and reset, which its nodes state.

    Attributes:
        surrogate: a name in `SURROGATES`: what takes the place of the spike's derivative.
        learn_leak: whether every LIF node learns its leak, from its node's on: ``leak = sigmoid(w)`` (PLIF, Fang et
            al. 2021, arXiv 2007.05785), exported as a multiplier of 8 bits and a shift.
        decay_input: whether a drive counts ``1 - leak`` of itself, ``u = leak * v + (1 - leak) * a``. The same spikes
            come of ``u = leak * v + a`` with thresholds ``1 / (1 - leak)`` as high: so it is computed and exported.
        levels: L of the activation that units stand for while they train, see `methods.qcfs`; None: they spike.
    """

    surrogate: str = "triangle"
    learn_leak: bool = False
    decay_input: bool = False
    levels: int | None = None


@dataclass(frozen=True)
class Surrogate:
    """A step's smooth stand-in at ``x = u / theta - 1``: `primitive` rises from 0 to 1, `slope` is its derivative."""

    primitive: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]


def _triangle(x: Tensor) -> Tensor:
    near = x.clamp(-1, 1)
    return (1 + near) - (1 + near.abs() * near) / 2


def _inflor_slope(x: Tensor) -> Tensor:
    bent, reach = torch.tanh(1.5 * x), math.tanh(1.5)
    return (1 - bent.abs() / reach).clamp(min=0) * 1.5 * (1 - bent.square()) / reach


#: triangle: Bellec et al. 2018 (arXiv 1803.09574), MINT (arXiv 2305.09850); rectangle: STBP (Wu et al. 2018,
#: arXiv 1706.02609, eq. 24 with a = 1); atan: Fang et al. 2021 (arXiv 2007.05785, alpha = 2); sigmoid: STBP's too
#: (a = 1/4), SpikingJelly's default alpha = 4; inflor: the triangle of the rectified membrane (`methods.inflor`)
SURROGATES: dict[str, Surrogate] = {
    "triangle": Surrogate(_triangle, lambda x: (1 - x.abs()).clamp(min=0)),
    "rectangle": Surrogate(lambda x: (x + 0.5).clamp(0, 1), lambda x: (x.abs() < 0.5).to(x.dtype)),
    "atan": Surrogate(lambda x: torch.atan(math.pi * x) / math.pi + 0.5, lambda x: 1 / (1 + (math.pi * x) ** 2)),
    "sigmoid": Surrogate(
        lambda x: torch.sigmoid(4 * x), lambda x: 4 * torch.sigmoid(4 * x) * (1 - torch.sigmoid(4 * x))
    ),
    "inflor": Surrogate(lambda x: _triangle(rectify(x + 1) - 1), _inflor_slope),
}


class _Spike(torch.autograd.Function):
    """1 where u >= theta; backward, the surrogate's slope over theta."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, theta: Tensor, slope: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.save_for_backward(u, theta)
        ctx.slope = slope
        return (u >= theta).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        u, theta = ctx.saved_tensors
        passed = grad * ctx.slope(u / theta - 1) / theta
        return passed, -(passed * u).sum() / theta, None


class _Units(torch.autograd.Function):
    """`kernels.forward` and `kernels.backward`, or `triton_kernels`' on a CUDA device."""

    @staticmethod
    def forward(
        ctx: Any, a: Tensor, steps: int, leak: Tensor, theta: Tensor, reset: Reset, surrogate: str, word: Word | None
    ) -> tuple[Tensor, Tensor]:
        drive, order = _in_memory_order(a)
        rule = _rule(float(leak), float(theta), reset, word)
        spikes, membranes = (drive.new_empty(len(a), steps, drive.shape[2]) for _ in range(2))
        if drive.is_cuda:
            from . import triton_kernels

            triton_kernels.forward(drive, rule, spikes, membranes)
        else:
            kernels.forward(drive.numpy(), rule, spikes.numpy(), membranes.numpy())
        ctx.save_for_backward(membranes)
        ctx.rule, ctx.order, ctx.surrogate, ctx.shape = rule, order, surrogate, a.shape
        ctx.set_materialize_grads(False)
        return _reordered(spikes, a.shape, order), _reordered(membranes, a.shape, order)

    @staticmethod
    def backward(ctx: Any, of_spikes: Tensor | None, of_membranes: Tensor | None) -> tuple[Tensor | None, ...]:
        (membranes,) = ctx.saved_tensors
        none = membranes.new_empty(0, 0, 0)
        gs = torch.zeros_like(membranes) if of_spikes is None else _in_order(of_spikes, ctx.order)
        gu = none if of_membranes is None else _in_order(of_membranes, ctx.order)
        of_drive = membranes.new_empty(len(membranes), ctx.shape[1], membranes.shape[2])
        number, learns = list(SURROGATES).index(ctx.surrogate), any(ctx.needs_input_grad[2:4])
        a = _reordered(of_drive, ctx.shape, ctx.order)
        if membranes.is_cuda:
            from . import triton_kernels

            triton_kernels.backward(gs, gu, membranes, ctx.rule, number, of_drive)
            return a, None, None, None, None, None, None
        of_leak, of_theta = kernels.backward(
            gs.numpy(), gu.numpy(), membranes.numpy(), ctx.rule, number, learns, of_drive.numpy()
        )
        return a, None, membranes.new_tensor(of_leak), membranes.new_tensor(of_theta), None, None, None


#: the two orders in which a layer's units may lie in memory: channels first, channels last
_FIRST, _LAST = (0, 1, 2, 3, 4), (0, 1, 3, 4, 2)


def _in_memory_order(a: Tensor) -> tuple[Tensor, tuple[int, ...]]:
    """(samples, steps, units) as they lie in memory, copied if they lie otherwise; and their order."""
    order = _LAST if not a.is_contiguous() and a.permute(_LAST).is_contiguous() else _FIRST
    return _in_order(a, order), order


def _in_order(a: Tensor, order: tuple[int, ...]) -> Tensor:
    return a.detach().to(torch.float32).permute(order).contiguous().flatten(2)


def _reordered(flat: Tensor, shape: torch.Size, order: tuple[int, ...]) -> Tensor:
    """(samples, steps, units) as (samples, steps, C, H, W) of the given order in memory."""
    _, _, channels, height, width = shape
    if order == _FIRST:
        return flat.reshape(*flat.shape[:2], channels, height, width)
    return flat.reshape(*flat.shape[:2], height, width, channels).permute(0, 1, 4, 2, 3)


def _rule(leak: float, theta: float, reset: Reset, word: Word | None) -> kernels.Rule:
    keeps = float(reset == "subtract")
    stored = (word.step, word.low, word.high) if word else (0, 0, 0)
    return kernels.Rule(*map(np.float32, (leak, theta, keeps, *stored)))


def lif(
    a: Tensor,
    time_steps: int,
    leak: Tensor,
    theta: Tensor,
    reset: Reset = "zero",
    surrogate: str = "triangle",
    word: Word | None = None,
) -> tuple[Tensor, Tensor]:
    """Spikes and membranes of units driven by `a`, in the order of the reference executor.

    ``u = leak * v + a``, a spike where ``u >= theta``, reset, store. The reset takes no part in the gradient (Zenke
    and Vogels 2021 find it helps).

    Args:
        a: (samples, 1 or `time_steps`, channels, H, W); one step is presented at all.
        leak, theta: () tensors; theta in the units of `a`.
        word: how membranes are stored; None as floats.

    Returns:
        Spikes and membranes before the reset, each (samples, `time_steps`, channels, H, W).
    """
    learns = torch.is_grad_enabled() and (leak.requires_grad or theta.requires_grad)
    compiled = a.device.type == "cpu" or (a.is_cuda and _HAS_TRITON and not learns)
    if not compiled or a.dtype == torch.float64:
        return step_by_step(a, time_steps, leak, theta, reset, surrogate, _storing(word))
    return _Units.apply(a, time_steps, leak, theta, reset, surrogate, word)  # type: ignore[no-any-return, no-untyped-call]


@dataclass(frozen=True)
class Memory:
    """What becomes of a membrane between two steps: `leaked` at the start of one, `stored` at the end."""

    leaked: Callable[[Tensor, Tensor], Tensor]
    stored: Callable[[Tensor], Tensor]


def _storing(word: Word | None) -> Memory:
    if word is None:
        return Memory(lambda v, leak: v * leak, lambda u: u)
    return Memory(
        lambda v, leak: ste_floor(v * leak), lambda u: ste_floor(u / word.step).clamp(word.low, word.high) * word.step
    )


def step_by_step(
    a: Tensor, time_steps: int, leak: Tensor, theta: Tensor, reset: Reset, surrogate: str, memory: Memory
) -> tuple[Tensor, Tensor]:
    """`lif` readably, on any device and in any precision, with any `memory`."""
    slope = SURROGATES[surrogate].slope
    v = torch.zeros_like(a[:, 0])
    spikes, membranes = [], []
    for t in range(time_steps):
        u = memory.leaked(v, leak) + a[:, min(t, a.shape[1] - 1)]
        fired: Tensor = _Spike.apply(u, theta, slope)  # type: ignore[no-untyped-call]
        held = fired.detach()
        v = memory.stored(u * (1 - held) if reset == "zero" else u - theta * held)
        spikes.append(fired)
        membranes.append(u)
    return torch.stack(spikes, 1), torch.stack(membranes, 1)
