"""What LIF units, affines and pools of an integer network compute, by the compiled kernels."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from . import kernels
from .model import Affine, Network, Pool
from .units import Lif

Tensor = torch.Tensor


def node_output(network: Network, node: Lif | Affine | Pool, source: Tensor) -> Tensor:
    """As `reference.node_output`; sums of bytes that a byte holds stay bytes."""
    if isinstance(node, Lif):
        return _lif(network, node, source)
    if isinstance(node, Affine):
        return _affine(network, node, source)
    return _pool(network, node, source)


def _lif(network: Network, node: Lif, a: Tensor) -> Tensor:
    spikes = np.empty((len(a), network.time_steps, a[0, 0].numel()), np.uint8)
    theta = _per_unit(network, f"{node.name}.theta", a)[0]
    kernels.spikes_of(_whole(a.flatten(2)), theta, kernels.dynamics(node), spikes)
    return torch.from_numpy(spikes).reshape(len(a), network.time_steps, *a.shape[2:])


def _affine(network: Network, node: Affine, a: Tensor) -> Tensor:
    if node.per_step:
        a = a.expand(-1, network.time_steps, -1, -1, -1)
    values = _whole(a.flatten(0, 1).flatten(1))
    multiplier, bias = (_per_unit(network, f"{node.name}.{key}", a) for key in ("multiplier", "bias"))
    out = np.empty_like(values)
    kernels.scale(values, multiplier, bias, node.shift, out)
    return torch.from_numpy(out).reshape(a.shape)


def _pool(network: Network, node: Pool, x: Tensor) -> Tensor:
    edge = network.edges[node.name]
    bytes_hold = x.dtype == torch.uint8 and edge.high <= 255
    values = x.contiguous().numpy() if bytes_hold else _whole(x)
    maps = values.reshape(-1, *x.shape[3:])
    out = np.empty((len(maps), *edge.shape[1:]), maps.dtype)
    kernels.pool(maps, node.kernel, node.step, node.kind == "max", out)
    return torch.from_numpy(out).reshape(*x.shape[:3], *edge.shape[1:])


def _whole(a: Tensor) -> NDArray[np.int32]:
    """As contiguous int32: no kernel is compiled for more types than it needs."""
    values: NDArray[np.int32] = a.to(torch.int32).contiguous().numpy()
    return values


def _per_unit(network: Network, name: str, a: Tensor) -> NDArray[np.int32]:
    """An array of one element, or one per channel, for every unit of `a`: (1, units), or with T sets of them."""
    channels, height, width = a.shape[2:]
    array = np.atleast_2d(network.arrays[name].astype(np.int32))
    return np.repeat(np.broadcast_to(array, (len(array), channels)), height * width, axis=1)
