"""Less than one bit: a layer's binary kernels are words of a small codebook."""

from __future__ import annotations

import torch

from spikesim_py.errors import InputError

from .sign import Sign
from .straight import instead

Tensor = torch.Tensor
#: bits of a codeword's index where none are asked for: 0.56 a weight of 3x3 kernels
_USUAL = 5
#: in mean magnitudes of its kernel: larger weights choose the codeword as if they were as large (ours)
_OUTLIER = 2.0
#: positions of the largest kernel whose patterns are counted
_LARGEST = 16


class SubBit(Sign):
    """S2NN: of a layer's sign patterns, the ``2^kernel_bits`` used most; each kernel is the nearest of them.

    Wei et al., NeurIPS 2025, arXiv 2509.24266. Known from its abstract and summaries: kernels of trained binary
    networks cluster, so that a layer needs few of the 2^9 patterns of a 3x3 kernel; large single weights bias the
    choice of the codeword, and OS-Quant scales such outliers. How the codebook is found and which weights are outliers
    could not be read: *reconstruction*. Here it is taken anew from the latent weights in every pass, so that it is
    learned with them; the gradient is that of `Sign`. Kernels of no more positions than `kernel_bits` (linear layers,
    1x1 convolutions) are plain signs.

    Args:
        kernel_bits: of the index that is stored for a kernel; None: 5.
    """

    def __init__(
        self, bits: int, per_channel: bool = False, power_of_two: bool = False, kernel_bits: int | None = None
    ) -> None:
        super().__init__(bits, per_channel, power_of_two)
        self.kernel_bits = _USUAL if kernel_bits is None else kernel_bits

    def codes(self, values: Tensor, scale: Tensor) -> Tensor:
        if values[0, 0].numel() <= self.kernel_bits:
            return super().codes(values, scale)
        book = codebook(values, self.kernel_bits)
        return instead(values / scale, book[codewords(values, book)].view_as(values))

    def stored_bits(self, latent: Tensor) -> float:
        """Of a weight, where an index is stored for each kernel, and the codebook; at most 1, its sign."""
        positions = latent[0, 0].numel()
        if positions <= self.kernel_bits:
            return 1.0
        return min(1.0, self.kernel_bits / positions + float(2**self.kernel_bits) * positions / latent.numel())


def codebook(weight: Tensor, bits: int) -> Tensor:
    """The 2^`bits` sign patterns that a layer uses most, (2^bits, k h * k w) of -1 and 1.

    Ties, and patterns that no kernel has, are taken in the order of their number, whose highest bit is the first
    position.

    Args:
        weight: (outputs, inputs, k h, k w).

    Raises:
        InputError: more bits than a kernel has positions, or a kernel of more than 16.
    """
    positions = weight[0, 0].numel()
    if positions > _LARGEST or not 1 <= bits <= positions:
        raise InputError(
            f"kernel_bits = {bits}: must be 1 to the kernel's positions, {positions}, of which {_LARGEST} are allowed"
        )
    place = 2 ** torch.arange(positions - 1, -1, -1, device=weight.device)
    number = ((weight.detach().flatten(2).flatten(0, 1) >= 0).long() * place).sum(1)
    used = torch.bincount(number, minlength=2**positions)
    chosen = used.argsort(descending=True, stable=True)[: 2**bits].sort().values
    return ((chosen[:, None] // place % 2) * 2 - 1).to(weight.dtype)


def codewords(weight: Tensor, book: Tensor, outlier: float = _OUTLIER) -> Tensor:
    """Index of the nearest codeword of each kernel, (outputs, inputs).

    All codewords are of one length, so that the nearest is that of the largest inner product.

    Args:
        outlier: weights beyond this many times their kernel's mean magnitude count as that much and no more, so that
            one of them does not outvote the others.
    """
    kernels = weight.detach().flatten(2)
    limit = outlier * kernels.abs().mean(2, keepdim=True)
    return torch.einsum("oip,cp->oic", kernels.clamp(-limit, limit), book).argmax(2)
