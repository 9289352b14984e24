"""Steps whose slope is given: forward a staircase, backward a rectangle."""

from __future__ import annotations

from typing import Any

import torch

Tensor = torch.Tensor


class _Staircase(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, low: float, high: float, slope: float, steps: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        ctx.low, ctx.high, ctx.slope = low, high, slope
        return steps.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None, None]:
        (x,) = ctx.saved_tensors
        inside = (x >= ctx.low) & (x <= ctx.high)
        return grad * ctx.slope * inside.to(grad.dtype), None, None, None, None


def staircase(x: Tensor, steps: Tensor, low: float, high: float, slope: float) -> Tensor:
    """`steps`, with the gradient `slope` towards `x` where `low` <= x <= `high`, and none elsewhere."""
    return _Staircase.apply(x, low, high, slope, steps)  # type: ignore[no-any-return, no-untyped-call]
