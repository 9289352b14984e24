"""Architectures: functions that write down the nodes of a `Network`, which `SpikingNetwork` then trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spikesim_py.errors import InputError, did_you_mean
from spikesim_py.network import Network

from .graph import Graph
from .msresnet import msresnet
from .plain import convnet, vgg
from .resnet import resnet
from .sei import sei_convnet
from .spikformer import sei_spikformer, spikformer

#: architectures by the name that recipes call them
ARCHITECTURES: dict[str, Callable[..., Network]] = {
    "convnet": convnet,
    "sei_convnet": sei_convnet,
    "vgg5": vgg,
    "vgg9": vgg,
    "vgg11": vgg,
    "vgg16": vgg,
    "resnet19": resnet,
    "resnet20": resnet,
    "msresnet18": msresnet,
    "msresnet34": msresnet,
    "spikformer": spikformer,
    "sei_spikformer": sei_spikformer,
}


def architecture(name: str, options: dict[str, Any] | None = None, **graph: Any) -> Network:
    """A float network without weights: the nodes of an architecture.

    Args:
        name: one of `ARCHITECTURES`.
        options: of the architecture itself (`convnet` and `sei_convnet`: channels, pool_after, hidden).
        graph: what all architectures ask for: see `Graph`.

    Raises:
        InputError: an unknown name, or an input that is too small.
    """
    if name not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise InputError(f"architecture {name!r}: unknown{did_you_mean(name, ARCHITECTURES)} (known: {known})")
    return ARCHITECTURES[name](Graph(name, **graph), **options or {})


__all__ = ["ARCHITECTURES", "Graph", "architecture"]
