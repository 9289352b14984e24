"""The network as hardware sees it: a graph of integer-weight layers, LIF units and pools, run for T steps."""

from .base import NETWORK_FIELDS
from .build import build
from .executor import Result, run
from .files import load_network, save_network, workloads, zoo
from .model import Add, Affine, Conv, Delay, Edge, Flatten, Linear, Network, NetworkModel, Pool, Product, Readout
from .post_training import quantize_network
from .precision import full_precision, split_overrides, with_precision
from .quantize import quantize, quantize_weights
from .units import Leak, Li, Lif, Membrane, Synapse

__all__ = [
    "NETWORK_FIELDS",
    "Add",
    "Affine",
    "Conv",
    "Delay",
    "Edge",
    "Flatten",
    "Leak",
    "Li",
    "Lif",
    "Linear",
    "Membrane",
    "Network",
    "NetworkModel",
    "Pool",
    "Product",
    "Readout",
    "Result",
    "Synapse",
    "build",
    "full_precision",
    "load_network",
    "quantize",
    "quantize_network",
    "quantize_weights",
    "run",
    "save_network",
    "split_overrides",
    "with_precision",
    "workloads",
    "zoo",
]
