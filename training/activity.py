"""How busy each layer's input lines are, measured on the reference executor."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from spikesim_py.network import Conv, Network
from spikesim_py.network.executor import check_input

Tensor = torch.Tensor


def measure_activity(network: Network, images: NDArray[Any]) -> dict[str, float]:
    """Ones over (driven rows x bit planes x reads) at each layer's input; zeros of the padding count.

    Args:
        images: (samples, C, H, W); one batch holds them all, so a few hundred at most.
    """
    values = {"input": check_input(network, images)}
    network.run(images, observer=lambda name, value: values.update({name: value}), batch=len(images))
    return {
        node.name: _rate(node, values[node.inputs[0]], network.edges[node.inputs[0]].bits) for node in network.layers
    }


def _rate(node: Any, x: Tensor, planes: int) -> float:
    whole = x.flatten(0, 1).to(torch.int64)
    ones = sum(((whole >> plane) & 1 for plane in range(planes)), torch.zeros_like(whole)).double()
    if isinstance(node, Conv):
        ones = F.unfold(ones, node.kernel, padding=node.padding, stride=node.stride)
    return float(ones.mean()) / planes
