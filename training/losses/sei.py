"""SEI-BWSNN: distillation for one-bit weights, every time-step a member of an ensemble.

Meng et al., arXiv 2508.12609. Its abstract states that a feed-forward spiking network trains like a self-ensemble of
a binary-activation network with injected noise, and that multiple shortcuts and distillation make binary weights
work; the loss could not be read. *Reconstruction*: the T answers are the members, and each of them learns the
teacher's answer. The shortcuts are the network's, the binary weights the quantizer's.
"""

from __future__ import annotations

import torch

from spikesim_py.errors import InputError

from .logits import softened_kl

Tensor = torch.Tensor


def sei_distillation(logits: Tensor, teacher: Tensor, temperature: float = 1.0) -> Tensor:
    """``mean_t tau^2 KL(softmax(teacher / tau) || softmax(logits[t] / tau))``, mean over samples (reconstruction).

    Never below the distillation of the mean logits (log-sum-exp is convex): members must agree with the teacher one
    by one. Temperature 1 is common for binary networks (assumed).

    Args:
        logits: (samples, T, classes). teacher: (samples, classes), its answer averaged over time.
    """
    if logits.ndim != 3 or teacher.ndim != 2:
        shapes = f"{tuple(logits.shape)} and {tuple(teacher.shape)}"
        raise InputError(f"logits: shapes {shapes}: must be (samples, T, classes) and (samples, classes)")
    members = teacher[:, None].expand(-1, logits.shape[1], -1)
    return softened_kl(logits, members, temperature).mean()
