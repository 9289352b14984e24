"""Pruning by whole crossbars: a block of weights that one crossbar holds goes as one.

After Liang et al., arXiv 1807.10816 (crossbar-grain sparsity), with group lasso (Yuan and Lin 2006) to drive blocks to
zero in place of their projected gradient. Blocks are those of `spikesim_py.mapping`: rows in im2col order
(channel * taps + tap), ``unrolled`` cut after every `rows`; ``spikeflow`` apart for each kernel position, channels on
rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F

from spikesim_py.errors import InputError

Tensor = torch.Tensor
Layout = Literal["unrolled", "spikeflow"]


@dataclass(frozen=True)
class Blocks:
    """How a layer's weights fall into crossbars.

    Attributes:
        rows: input lines of a crossbar. columns: those of its columns that hold weights.
        layout: `mapping.rows` of the chip. groups: of the convolution; they share no crossbar.
        per_output: columns of one output (slices, signs). Where they do not divide a crossbar's, an output begins in
            one crossbar and ends in the next: its weights are in both, in the share of their columns.
    """

    rows: int
    columns: int
    layout: Layout = "unrolled"
    groups: int = 1
    per_output: int = 1

    def __post_init__(self) -> None:
        for name in ("rows", "columns", "groups", "per_output"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} = {getattr(self, name)}: must be at least 1")
        if self.layout not in ("unrolled", "spikeflow"):
            raise InputError(f"layout = {self.layout!r}: must be unrolled or spikeflow")
        if self.columns % self.per_output and self.columns < 2 * self.per_output:
            raise InputError(
                f"columns = {self.columns}: must be a multiple of an output's {self.per_output}, or twice that or more"
            )

    def norms(self, weight: Tensor) -> Tensor:
        """L2 norm of each block, (groups, taps or 1, row blocks, output blocks)."""
        tiny = torch.finfo(weight.dtype).tiny
        return self._squares(weight).clamp(min=tiny).sqrt()

    def group_lasso(self, weight: Tensor) -> Tensor:
        """``sum_b sqrt(n_b) ||W_b||_2`` over blocks of n_b weights, over the layer's number of weights."""
        sizes = self._squares(torch.ones_like(weight))
        return (sizes.sqrt() * self.norms(weight)).sum() / weight.numel()

    def mask(self, weight: Tensor, keep: float) -> Tensor:
        """1 for weights in the `keep` share of the blocks of largest root-mean-square weight, else 0; like `weight`.

        At least one block is kept. Of equal blocks the first are kept. A weight in two blocks goes with either, and
        counts in the strength of none: a block that holds no other goes first.
        """
        if not 0 <= keep <= 1:
            raise InputError(f"keep = {keep}: must be 0 to 1")
        whole = self._squares(torch.ones_like(weight), whole=True)
        strength = self._squares(weight.detach(), whole=True) / whole.clamp(min=1)
        count = max(1, math.ceil(keep * strength.numel()))
        chosen = torch.zeros_like(strength).flatten()
        chosen[strength.flatten().argsort(descending=True, stable=True)[:count]] = 1
        return self._spread(chosen.view_as(strength), weight)

    def _matrices(self, weight: Tensor) -> Tensor:
        """(groups, taps or 1, rows, outputs per group) of a weight (outputs, inputs per group, ...)."""
        if len(weight) % self.groups:
            raise InputError(f"groups = {self.groups}: must divide the {len(weight)} outputs")
        matrix = weight.reshape(self.groups, -1, weight.shape[1], weight[0, 0].numel())
        if self.layout == "unrolled":
            return matrix.flatten(2).transpose(1, 2)[:, None]
        return matrix.permute(0, 3, 2, 1)

    def _shares(self, weight: Tensor) -> Tensor:
        """(outputs per group, output blocks): the share of an output's columns that lies in each."""
        outputs = len(weight) // self.groups
        columns = torch.arange(outputs * self.per_output, device=weight.device)
        held = F.one_hot(columns // self.columns).to(weight.dtype)
        return held.reshape(outputs, self.per_output, -1).mean(1)

    def _squares(self, weight: Tensor, whole: bool = False) -> Tensor:
        """Sum of squares of each block; `whole`: of the weights that it holds alone."""
        squares, shares = self._matrices(weight).square(), self._shares(weight)
        padded = F.pad(squares, (0, 0, 0, -squares.shape[2] % self.rows))
        strips = padded.reshape(*padded.shape[:2], -1, self.rows, padded.shape[3]).sum(3)
        return strips @ (shares.floor() if whole else shares)

    def _spread(self, kept: Tensor, weight: Tensor) -> Tensor:
        """1 for weights all of whose blocks are kept, else 0."""
        spoilt = (1 - kept) @ self._shares(weight).ceil().T
        wide = (spoilt == 0).to(weight.dtype).repeat_interleave(self.rows, 2)[:, :, : self._matrices(weight).shape[2]]
        if self.layout == "unrolled":
            return wide[:, 0].transpose(1, 2).reshape(weight.shape)
        return wide.permute(0, 3, 2, 1).reshape(weight.shape)
