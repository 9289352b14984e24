"""A convolutional spiking network, direct coded, that trains in either arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from .neurons import Reset, lif
from .quantizers import Arithmetic, Folded

Tensor = torch.Tensor
NORM_EPSILON = 1e-5  # batch norm's usual guard against a channel that never varies
_POOL = 2
#: ``weight . x`` of a layer by its name: x (samples, steps, ...) gives (samples, steps, ...)
Product = Callable[[str, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Shape:
    """What a network looks like.

    Attributes:
        input_shape: (C, H, W) of an image.
        input_bits: bits of a pixel, unsigned.
        channels: output channels of each 3 x 3 convolution.
        pool_after: convolutions, counted from 1, whose spikes are sum-pooled 2 x 2.
        classes: outputs.
        time_steps: T.
        reset: what a spike does to the membrane.
    """

    input_shape: tuple[int, int, int]
    input_bits: int
    channels: tuple[int, ...]
    pool_after: tuple[int, ...]
    classes: int
    time_steps: int
    reset: Reset

    @property
    def features(self) -> int:
        """Lines that enter the classifier."""
        shrink = int(_POOL ** len(self.pool_after))
        _, height, width = self.input_shape
        return self.channels[-1] * (height // shrink) * (width // shrink)


@dataclass(frozen=True)
class Answer:
    """One pass.

    Attributes:
        outputs: (samples, classes), the accumulated readout in the units of the exported network.
        logits: the same in real units: averaged over time and pooled spikes.
        spikes, membranes: per convolution (samples, T, C, H, W); membranes before the reset, in thresholds.
    """

    outputs: Tensor
    logits: Tensor
    spikes: list[Tensor]
    membranes: list[Tensor]


class Norm(nn.Module):
    """Batch norm over samples, time-steps and pixels together, starting at one threshold (tdBN).

    Zheng et al. 2021 (arXiv 2011.05280), eq. 4 to 7 with alpha = 1. Sum pooling's 1/4 needs no place of its
    own: normalization takes out any constant factor. `mean` and `variance` are those of the last batch seen in
    training; `settle` makes that batch a whole split, because an average over the last few batches cost a
    1-bit network more than two points.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))

    def fold(self, arithmetic: Arithmetic) -> Folded:
        """The affine by the stored statistics: what is exported."""
        return self._fold(arithmetic, self.mean, self.variance)

    def forward(self, a: Tensor, arithmetic: Arithmetic) -> Tensor:
        if not self.training:
            return arithmetic.affine(a, self.fold(arithmetic))
        variance, mean = torch.var_mean(a, (0, 1, 3, 4), correction=0)
        self.mean.copy_(mean.detach())
        self.variance.copy_(variance.detach())
        return arithmetic.affine(a, self._fold(arithmetic, mean, variance))

    def _fold(self, arithmetic: Arithmetic, mean: Tensor, variance: Tensor) -> Folded:
        gain = self.gamma * torch.rsqrt(variance + NORM_EPSILON)
        return arithmetic.fold(gain, self.beta - mean * gain)


class Stage(nn.Module):
    """A 3 x 3 convolution and its batch norm."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
        self.norm = Norm(out_channels)

    def forward(self, x: Tensor, arithmetic: Arithmetic, product: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """What drives the LIF units, in membrane units; `x` (samples, steps, C, H, W)."""
        weight, _ = arithmetic.weights(self.conv.weight)
        driven: Tensor = self.norm(product(x, weight), arithmetic)
        return driven


class SpikingConvNet(nn.Module):
    """Convolutions 3 x 3, each with batch norm and LIF units, some sum-pooled; a linear readout over time.

    Layers are `conv1`, `conv2`, ... and `fc`, as in the exported network. Their products are exact, or those of
    `product` (a module, see `hardware_aware.Crossbars`) where it is set.
    """

    product: nn.Module | None

    def __init__(self, shape: Shape, arithmetic: Arithmetic, surrogate: str = "triangle") -> None:
        super().__init__()
        self.shape, self.arithmetic, self.surrogate = shape, arithmetic, surrogate
        widths = (shape.input_shape[0], *shape.channels)
        self._stages = nn.ModuleList(Stage(*pair) for pair in pairwise(widths))
        self.classifier = nn.Linear(shape.features, shape.classes, bias=False)
        self.product = None

    @property
    def stages(self) -> list[Stage]:
        """Convolutions with their batch norms, from the input on."""
        return [stage for stage in self._stages if isinstance(stage, Stage)]

    @torch.no_grad()
    def settle(self, images: Tensor) -> None:
        """Fix every batch norm to its exact statistics over `images`, one batch; then eval mode.

        Precise BN (Wu and Johnson 2021, arXiv 2105.07576, section 3).
        """
        self.train()
        self(images)
        self.eval()

    def forward(self, images: Tensor) -> Answer:
        """`images` (samples, C, H, W): whole numbers from 0 to 2^input_bits - 1, as float32."""
        x = images[:, None]
        product: Product = self.product or exact_product
        spikes, membranes = [], []
        for index, stage in enumerate(self.stages, start=1):
            a = stage(x, self.arithmetic, partial(product, f"conv{index}"))
            x, u = lif(a, self.shape.time_steps, self.arithmetic, self.shape.reset, self.surrogate)
            spikes.append(x)
            membranes.append(u / self.arithmetic.theta)
            if index in self.shape.pool_after:
                x = sum_pool(x)
        weight, scale = self.arithmetic.weights(self.classifier.weight)
        outputs = product("fc", x.flatten(2), weight).sum(1)
        pooled = _POOL**2 if len(spikes) in self.shape.pool_after else 1
        return Answer(outputs, outputs * scale / (self.shape.time_steps * pooled), spikes, membranes)


def exact_product(layer: str, x: Tensor, weight: Tensor) -> Tensor:
    """The plain product: of a linear layer, or of a 3 x 3 convolution that keeps the image's size."""
    flat = x.flatten(0, 1)
    a = F.linear(flat, weight) if weight.dim() == 2 else F.conv2d(flat, weight, padding=1)
    return a.reshape(*x.shape[:2], *a.shape[1:])


def sum_pool(x: Tensor) -> Tensor:
    """Sums of 2 x 2 pixels of (samples, T, C, H, W)."""
    pooled = F.avg_pool2d(x.flatten(0, 1), _POOL, divisor_override=1)
    return pooled.reshape(*x.shape[:2], *pooled.shape[1:])
