"""Rounding that passes the gradient straight through (Bengio et al. 2013, arXiv 1308.3432)."""

from __future__ import annotations

from typing import Any

import torch

Tensor = torch.Tensor


class _Round(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.round(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad


class _Floor(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.floor(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad


class _Sign(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.where(x >= 0, 1.0, -1.0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad


class _Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return x.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad * ctx.factor, None


class _Instead(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, smooth: Tensor, exact: Tensor) -> Tensor:
        return exact.view_as(exact)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad, None


def ste_round(x: Tensor) -> Tensor:
    """Nearest whole number, halves to even as numpy does; the gradient passes unchanged."""
    return _Round.apply(x)  # type: ignore[no-any-return, no-untyped-call]


def ste_floor(x: Tensor) -> Tensor:
    """Largest whole number below; the gradient passes unchanged."""
    return _Floor.apply(x)  # type: ignore[no-any-return, no-untyped-call]


def ste_sign(x: Tensor) -> Tensor:
    """+1 where x >= 0, else -1; the gradient passes unchanged."""
    return _Sign.apply(x)  # type: ignore[no-any-return, no-untyped-call]


def power_of_two(x: Tensor) -> Tensor:
    """The nearest power of two by its exponent; the gradient passes unchanged."""
    return instead(x, torch.exp2(torch.round(torch.log2(x.detach()))))


def scaled_gradient(x: Tensor, factor: float) -> Tensor:
    """`x` itself, whose gradient is `factor` times as large."""
    return _Scaled.apply(x, factor)  # type: ignore[no-any-return, no-untyped-call]


def instead(smooth: Tensor, exact: Tensor) -> Tensor:
    """`exact`, with the gradient of `smooth`."""
    return _Instead.apply(smooth, exact)  # type: ignore[no-any-return, no-untyped-call]
