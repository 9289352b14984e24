"""What a node without a matrix computes, readably, in torch, integers and floats in the same order of operations.

Float networks run on it; `kernels.py` says the same of an integer network's neurons, affines and pools, faster.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from .model import Affine, AnyNode, Flatten, Network, Pool, Readout
from .units import Lif

Tensor = torch.Tensor


def node_output(network: Network, node: AnyNode, sources: Sequence[Tensor]) -> Tensor:
    """What a node without a matrix makes of its inputs, (samples, steps, C, H, W) each."""
    if isinstance(node, Lif):
        return lif(network, node, sources[0])
    if isinstance(node, Affine):
        return _affine(network, node, sources[0])
    if isinstance(node, Pool):
        return _pool(node, sources[0])
    if isinstance(node, Flatten):
        return sources[0].flatten(2)[..., None, None]
    if isinstance(node, Readout):
        return readout(node, sources[0], network.time_steps)
    total = sources[0] if sources[0].is_floating_point() else sources[0].to(torch.int32)  # spikes are bytes
    for other in sources[1:]:
        total = total + other
    return total


def _per_channel(network: Network, name: str) -> Tensor:
    return torch.from_numpy(np.array(network.arrays[name])).reshape(-1, 1, 1)


def _affine(network: Network, node: Affine, a: Tensor) -> Tensor:
    multiplier, bias = (_per_channel(network, f"{node.name}.{key}") for key in ("multiplier", "bias"))
    if node.per_step:
        a = a.expand(-1, network.time_steps, -1, -1, -1)
        multiplier, bias = (x.reshape(network.time_steps, -1, 1, 1) for x in (multiplier, bias))
    if network.arithmetic == "float":
        return a * multiplier + bias
    return ((a.to(torch.int64) * multiplier.to(torch.int64) + bias.to(torch.int64)) >> node.shift).to(torch.int32)


def lif(network: Network, node: Lif, a: Tensor) -> Tensor:
    """Spikes (samples, T, C, H, W) of a LIF layer driven by `a` (samples, 1 or T, C, H, W)."""
    theta = _per_channel(network, f"{node.name}.theta")
    integer = network.arithmetic == "integer"
    theta = theta.to(torch.int64 if integer else torch.float32)
    a = a.to(torch.int64) if integer else a
    v = torch.zeros_like(a[:, 0])
    spikes = []
    for t in range(network.time_steps):
        u = _leak(node, v << node.store_shift if integer else v, integer) + a[:, min(t, a.shape[1] - 1)]
        fired = u >= theta
        u = torch.where(fired, torch.zeros_like(u) if node.reset == "zero" else u - theta, u)
        v = _store(node, u >> node.store_shift) if integer else u
        spikes.append(fired.to(torch.uint8))
    return torch.stack(spikes, dim=1)


def _leak(node: Lif, u: Tensor, integer: bool) -> Tensor:
    if not integer:
        return u * node.leak.multiplier
    scaled, shift = u * int(node.leak.multiplier), node.leak.shift
    if shift == 0:
        return scaled
    if node.leak.rounding == "nearest":
        scaled = scaled + (1 << (shift - 1))
    elif node.leak.rounding == "toward_zero":
        scaled = torch.where(scaled < 0, scaled + (1 << shift) - 1, scaled)
    return scaled >> shift


def _store(node: Lif, v: Tensor) -> Tensor:
    low, high = node.stored
    if node.overflow == "saturate":
        return v.clamp(low, high)
    return ((v - low) & (high - low)) + low


def _pool(node: Pool, x: Tensor) -> Tensor:
    flat, kernel, step = x.flatten(0, 1), node.kernel, node.step
    windows = flat.unfold(2, kernel[0], step[0]).unfold(3, kernel[1], step[1])
    dtype = flat.dtype if flat.is_floating_point() else torch.int32
    pooled = windows.amax((4, 5)) if node.kind == "max" else windows.sum((4, 5), dtype=dtype)
    return pooled.reshape(*x.shape[:3], *pooled.shape[2:])


def readout(node: Readout, x: Tensor, steps: int) -> Tensor:
    """The answer (samples, C, H, W) to `x` (samples, 1 or steps, C, H, W) after `steps` time-steps."""
    if node.mode == "last":
        return x[:, -1]
    dtype = torch.float32 if x.is_floating_point() else torch.int64
    constant = steps if x.shape[1] == 1 else 1  # a value that is the same at every step
    return x.sum(1, dtype=dtype) * constant
