"""The network as hardware sees it: a graph of integer-weight layers, LIF units and pools, run for T steps."""

from .build import build
from .executor import Result, run
from .files import load_network, save_network, workloads, zoo
from .model import Add, Affine, Conv, Edge, Flatten, Leak, Lif, Linear, Network, NetworkModel, Pool, Readout
from .quantize import quantize, quantize_weights

__all__ = [
    "Add",
    "Affine",
    "Conv",
    "Edge",
    "Flatten",
    "Leak",
    "Lif",
    "Linear",
    "Network",
    "NetworkModel",
    "Pool",
    "Readout",
    "Result",
    "build",
    "load_network",
    "quantize",
    "quantize_weights",
    "run",
    "save_network",
    "workloads",
    "zoo",
]
