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
        rows: input lines of a crossbar. outputs: outputs of a crossbar: its usable columns over those of one output
            (slices, signs). Where that leaves a rest, the chip starts an output in one crossbar and ends it in the
            next, and blocks and crossbars part by a column or two: choose sizes that divide.
        layout: `mapping.rows` of the chip. groups: of the convolution; they share no crossbar.
    """

    rows: int
    outputs: int
    layout: Layout = "unrolled"
    groups: int = 1

    def __post_init__(self) -> None:
        for name in ("rows", "outputs", "groups"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} = {getattr(self, name)}: must be at least 1")
        if self.layout not in ("unrolled", "spikeflow"):
            raise InputError(f"layout = {self.layout!r}: must be unrolled or spikeflow")

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

        At least one block is kept. Of equal blocks the first are kept.
        """
        if not 0 <= keep <= 1:
            raise InputError(f"keep = {keep}: must be 0 to 1")
        sizes = self._squares(torch.ones_like(weight))
        strength = self._squares(weight.detach()) / sizes
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

    def _squares(self, weight: Tensor) -> Tensor:
        """Sum of squares of each block."""
        squares = self._matrices(weight).square()
        rows, outputs = squares.shape[2:]
        padded = F.pad(squares, (0, -outputs % self.outputs, 0, -rows % self.rows))
        high, wide = padded.shape[2] // self.rows, padded.shape[3] // self.outputs
        return padded.reshape(*padded.shape[:2], high, self.rows, wide, self.outputs).sum((3, 5))

    def _spread(self, blocks: Tensor, weight: Tensor) -> Tensor:
        """Every block's value at all of its weights."""
        rows, outputs = self._matrices(weight).shape[2:]
        wide = blocks.repeat_interleave(self.rows, 2)[:, :, :rows]
        wide = wide.repeat_interleave(self.outputs, 3)[..., :outputs]
        if self.layout == "unrolled":
            return wide[:, 0].transpose(1, 2).reshape(weight.shape)
        return wide.permute(0, 3, 2, 1).reshape(weight.shape)
