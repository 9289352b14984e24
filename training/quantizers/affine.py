"""Batch norm as a chip computes it: a fixed-point multiplier and bias per channel, and one shift."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

Tensor = torch.Tensor
_MAX_SHIFT = 16
_MAX_STEP = 8  # multipliers of 8 bits are then below 2^15
#: float32 holds whole numbers exactly up to here
_EXACT = 2**24


@dataclass(frozen=True)
class Folded:
    """An affine as the network file holds it: ``(a * multiplier + bias) >> shift``.

    Multiplier and bias: (channels,), or (T, channels) where every time-step has its own. A float network's have no
    shift: `shift` is None.
    """

    multiplier: Tensor
    bias: Tensor
    shift: int | None = None


@torch.no_grad()
def fold(gain: Tensor, offset: Tensor, theta: float | Tensor, multiplier_bits: int) -> Folded:
    """``gain * a + offset``, in units of one threshold, as integers in units of ``1 / theta``.

    The shift is the largest that keeps every channel's multiplier within `multiplier_bits`, signed. A channel that none
    keeps (wide membranes behind small sums) has such a number times a power of two, at most 2^8.

    Raises:
        FloatingPointError: training has diverged, and there is no such number.
    """
    top = 2 ** (multiplier_bits - 1) - 1
    largest = float(gain.abs().max()) * float(theta)
    if not math.isfinite(largest):
        raise FloatingPointError(f"a batch norm's gain of {largest} has no fixed-point form")
    shift = min(max(math.floor(math.log2(top / max(largest, 1e-9))), 0), _MAX_SHIFT)
    unit = float(theta) * 2**shift
    step = torch.exp2(torch.ceil(torch.log2((gain * unit).abs() / top)).clamp(0, _MAX_STEP))
    return Folded(torch.round(gain * unit / step).clamp(-top, top) * step, torch.round(offset * unit), shift)


def apply_affine(a: Tensor, folded: Folded, largest: float) -> Tensor:
    """The affine of `a` (samples, steps, channels, H, W), whose values are at most `largest` in size."""
    multiplier, bias = (x[..., None, None] for x in (folded.multiplier, folded.bias))
    if folded.shift is None:
        return a * multiplier + bias
    exact = largest * float(multiplier.abs().max()) + float(bias.abs().max()) < _EXACT
    wide = torch.float32 if exact else torch.float64
    scaled = a.to(wide) * multiplier.to(wide) + bias.to(wide)
    return scaled.mul_(2.0**-folded.shift).floor_().float()
