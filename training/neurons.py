"""Leaky integrate-and-fire units over several time-steps, with a surrogate gradient for the spike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch

from .quantizers import Arithmetic

Tensor = torch.Tensor
Reset = Literal["zero", "subtract"]


def triangle(x: Tensor) -> Tensor:
    """``max(0, 1 - |x|)``, x = u / theta - 1 (Bellec et al. 2018; MINT, arXiv 2305.09850)."""
    return (1 - x.abs()).clamp(min=0)


def rectangle(x: Tensor) -> Tensor:
    """1 where ``|x| < 1/2``, x = u / theta - 1 (STBP, Wu et al. 2018, eq. 24 with a = 1)."""
    return (x.abs() < 0.5).to(x.dtype)


SURROGATES: dict[str, Callable[[Tensor], Tensor]] = {"triangle": triangle, "rectangle": rectangle}


class _Spike(torch.autograd.Function):
    """1 where u >= theta; backward, the surrogate's slope over theta."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, theta: float, surrogate: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.save_for_backward(u)
        ctx.theta, ctx.surrogate = theta, surrogate
        return (u >= theta).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (u,) = ctx.saved_tensors
        return grad * ctx.surrogate(u / ctx.theta - 1) / ctx.theta, None, None


def spike(u: Tensor, theta: float, surrogate: str = "triangle") -> Tensor:
    """Spikes (0 or 1) of membranes `u` at threshold `theta`."""
    return _Spike.apply(u, theta, SURROGATES[surrogate])  # type: ignore[no-any-return, no-untyped-call]


def lif(a: Tensor, time_steps: int, arithmetic: Arithmetic, reset: Reset, surrogate: str) -> tuple[Tensor, Tensor]:
    """Spikes and membranes of units driven by `a`, in the order of the reference executor.

    ``u = leak(v) + a``, spike where ``u >= theta``, reset, store. The reset takes no part in the gradient
    (Zenke and Vogels 2021 find it helps).

    Args:
        a: (samples, 1 or `time_steps`, channels, H, W) in membrane units; one step is presented at all.

    Returns:
        Spikes and membranes before the reset, each (samples, `time_steps`, channels, H, W).
    """
    v = torch.zeros_like(a[:, 0])
    spikes, membranes = [], []
    for t in range(time_steps):
        u = arithmetic.leak(v) + a[:, min(t, a.shape[1] - 1)]
        fired = spike(u, arithmetic.theta, surrogate)
        held = fired.detach()
        v = arithmetic.store(u * (1 - held) if reset == "zero" else u - arithmetic.theta * held)
        spikes.append(fired)
        membranes.append(u)
    return torch.stack(spikes, 1), torch.stack(membranes, 1)
