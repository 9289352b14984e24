"""TT-SNN: a 3x3 convolution as a train of four small ones, dense again for the chip.

Lee et al., DATE 2024, arXiv 2401.08001; the authors' code. Left out: its HTT, in which later time-steps skip the
middle cores, as it needs two matrices on the chip; and its choice of the rank (VBMF): the caller gives it. Where the
code max-pools behind a layer that changes channels, `stride` strides.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import nn

from spikesim_py.errors import InputError

Tensor = torch.Tensor
Mode = Literal["sequential", "parallel"]


class TTConv2d(nn.Module):
    """Cores 1x1 (inputs to rank), 3x1, 1x3 (rank to rank), 1x1 (rank to outputs), without bias, padding 1.

    ``sequential`` (STT): one after the other. ``parallel`` (PTT): 3x1 and 1x3 side by side, their mean; a cross in
    place of a square.
    """

    def __init__(self, inputs: int, outputs: int, rank: int, mode: Mode = "parallel", stride: int = 1) -> None:
        super().__init__()
        if min(inputs, outputs, rank, stride) < 1:
            raise InputError(f"inputs, outputs, rank, stride = {inputs}, {outputs}, {rank}, {stride}: at least 1 each")
        if mode not in get_args(Mode):
            raise InputError(f"mode = {mode!r}: must be sequential or parallel")
        self.mode, self.stride = mode, stride
        self.first = nn.Conv2d(inputs, rank, 1, bias=False)
        self.column = nn.Conv2d(rank, rank, (3, 1), bias=False)
        self.row = nn.Conv2d(rank, rank, (1, 3), bias=False)
        self.last = nn.Conv2d(rank, outputs, 1, bias=False)
        for core in (self.first, self.column, self.row, self.last):
            nn.init.kaiming_uniform_(core.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(samples, inputs, H, W) to (samples, outputs, H', W')."""
        column, row, s = self.column.weight, self.row.weight, self.stride
        z = F.conv2d(x, self.first.weight)
        if self.mode == "sequential":
            z = F.conv2d(F.conv2d(z, column, None, (s, 1), (1, 0)), row, None, (1, s), (0, 1))
        else:
            z = (F.conv2d(z, column, None, s, (1, 0)) + F.conv2d(z, row, None, s, (0, 1))) / 2
        return F.conv2d(z, self.last.weight)

    def dense(self) -> Tensor:
        """The kernel (outputs, inputs, 3, 3) of the one convolution, padding 1, that does the same; differentiable."""
        first, last = self.first.weight[..., 0, 0], self.last.weight[..., 0, 0]
        column, row = self.column.weight[..., 0], self.row.weight[:, :, 0]
        if self.mode == "sequential":
            return torch.einsum("os,srb,rqa,qi->oiab", last, row, column, first)
        middle = (F.pad(column[..., None], (1, 1)) + F.pad(row[:, :, None], (0, 0, 1, 1))) / 2
        return torch.einsum("or,rqab,qi->oiab", last, middle, first)
