"""S2NN: less than one bit per weight, by a small codebook of binary kernels for each layer.

Wei et al., NeurIPS 2025, arXiv 2509.24266. Known from its abstract and summaries: kernels of trained binary networks
cluster, so that a layer needs few of the 2^9 patterns of a 3x3 kernel; a scale for each output channel; large single
weights bias the choice of the codeword, and OS-Quant scales such outliers. How the codebook is found and which weights
are outliers could not be read: *reconstruction*.
"""

from __future__ import annotations

import torch

from spikesim_py.errors import InputError

from ..quantizers.straight import instead

Tensor = torch.Tensor


def codebook(weight: Tensor, bits: int) -> Tensor:
    """The 2^`bits` sign patterns that a layer uses most, (2^bits, k h * k w) of -1 and 1 (reconstruction).

    Ties, and patterns that no kernel has, are taken in the order of their number, whose highest bit is the first
    position.

    Args:
        weight: (outputs, inputs, k h, k w).

    Raises:
        InputError: more bits than a kernel has positions, or a kernel of more than 16.
    """
    positions = weight[0, 0].numel()
    if positions > 16 or not 1 <= bits <= positions:
        raise InputError(f"bits = {bits}: must be 1 to the kernel's positions, {positions}, of which 16 are allowed")
    place = 2 ** torch.arange(positions - 1, -1, -1, device=weight.device)
    number = ((weight.detach().flatten(2).flatten(0, 1) >= 0).long() * place).sum(1)
    used = torch.bincount(number, minlength=2**positions)
    chosen = used.argsort(descending=True, stable=True)[: 2**bits].sort().values
    return ((chosen[:, None] // place % 2) * 2 - 1).to(weight.dtype)


def codewords(weight: Tensor, book: Tensor, outlier: float | None = None) -> Tensor:
    """Index of the nearest codeword of each kernel, (outputs, inputs).

    All codewords are of one length, so that the nearest is that of the largest inner product.

    Args:
        outlier: weights beyond this many times their kernel's mean magnitude count as that much and no more, so that
            one of them does not outvote the others (OS-Quant, reconstruction; 2 is sensible). None: all as they are.
    """
    kernels = weight.detach().flatten(2)
    if outlier is not None:
        limit = outlier * kernels.abs().mean(2, keepdim=True)
        kernels = kernels.clamp(-limit, limit)
    return torch.einsum("oip,cp->oic", kernels, book).argmax(2)


def sub_bit(weight: Tensor, book: Tensor, outlier: float | None = None) -> tuple[Tensor, Tensor]:
    """Signs of the nearest codewords (outputs, inputs, k h, k w), straight through, and the scale, ``mean|w|`` of each
    output channel (outputs, 1, 1, 1)."""
    signs = book[codewords(weight, book, outlier)].view_as(weight)
    return instead(weight, signs), weight.abs().mean((1, 2, 3), keepdim=True)


def bits_per_weight(book: Tensor) -> float:
    """``log2(codewords) / positions``: what an index costs, without the codebook."""
    return float(torch.log2(torch.tensor(float(len(book))))) / book.shape[1]
