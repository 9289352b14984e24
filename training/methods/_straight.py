"""One value forward, the gradient of another backward."""

from __future__ import annotations

from typing import Any

import torch

Tensor = torch.Tensor


class _Instead(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, smooth: Tensor, exact: Tensor) -> Tensor:
        return exact.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad, None


def instead(smooth: Tensor, exact: Tensor) -> Tensor:
    """`exact`, to the bit, with the gradient of `smooth`."""
    return _Instead.apply(smooth, exact)  # type: ignore[no-any-return, no-untyped-call]
