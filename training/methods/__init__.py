"""What training puts into a network rather than into its loss: activations, weights and layers, one file each."""

from .inflor import rectify
from .pruning import Blocks
from .qcfs import QCFS, Converted, convert, spike_train
from .ternary import graded, ternary
from .tt import TTConv2d

__all__ = [
    "QCFS",
    "Blocks",
    "Converted",
    "TTConv2d",
    "convert",
    "graded",
    "rectify",
    "spike_train",
    "ternary",
]
