"""What training puts into a network rather than into its loss: activations, weights and layers, one file each."""

from .inflor import rectify
from .pruning import Blocks
from .qcfs import QCFS, Converted, convert, spike_train
from .s2nn import bits_per_weight, codebook, codewords, sub_bit
from .ternary import graded, ternary
from .tt import TTConv2d

__all__ = [
    "QCFS",
    "Blocks",
    "Converted",
    "TTConv2d",
    "bits_per_weight",
    "codebook",
    "codewords",
    "convert",
    "graded",
    "rectify",
    "spike_train",
    "sub_bit",
    "ternary",
]
