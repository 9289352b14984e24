"""The focal loss: samples that are already right count less.

``-(1 - p)^gamma ln p`` with p the probability of the right class (T.-Y. Lin et al., ICCV 2017, arXiv 1708.02002, eq. 4
without its class weights; gamma = 2 served them best). At gamma = 0 it is the cross-entropy.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import nn

from training.terms import Seen, Term


class Focal(Term):
    """The focal loss of the logits' mean over time, instead of the cross-entropy."""

    is_task = True
    gamma: Annotated[float, Field(ge=0)] = 2.0

    def loss(self, seen: Seen, learned: nn.Module | None) -> torch.Tensor:
        right = torch.log_softmax(seen.ours.logits, 1).gather(1, seen.labels[:, None])[:, 0]
        return -((1 - right.exp()) ** self.gamma * right).mean()
