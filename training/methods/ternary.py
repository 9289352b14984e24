"""Spikes that say more than 0 or 1: ternary and graded.

Membranes are in units of one threshold, as everywhere; a rectangle whose area is the height of the steps stands for
the slope of the staircase.
"""

from __future__ import annotations

import torch

from spikesim_py.errors import InputError

from ..quantizers.straight import instead

Tensor = torch.Tensor


def ternary(u: Tensor) -> Tensor:
    """+1 where u >= 1, -1 where u <= -1, else 0; backward, 1/2 where |u| <= 2.

    Guo et al., AAAI 2024, arXiv 2312.06372; from the authors' code, where x = u / 2 fires at |x| > 1/2 and has the
    slope 1 for |x| <= 1. A unit resets to 0 after either spike there.
    """
    return instead(u.clamp(-2, 2) / 2, (u >= 1).to(u.dtype) - (u <= -1).to(u.dtype))


def graded(u: Tensor, levels: int) -> Tensor:
    """``floor(clamp(u, 0, levels))`` spikes at once; backward, 1 where 0 <= u <= levels.

    Several spikes of one step as one number, of bit_length(`levels`) bits: the integer training of I-LIF (Luo et al.,
    ECCV 2024, arXiv 2407.20708), which rounds; here a unit fires at its threshold, so that one level is the binary
    spike. A unit that resets by subtraction loses as many thresholds.
    """
    if levels < 1:
        raise InputError(f"levels = {levels}: must be at least 1")
    ramp = u.clamp(0, levels)
    return instead(ramp, ramp.detach().floor())
