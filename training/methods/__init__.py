"""What training puts into a network rather than into its loss: activations, weights and layers, one file each."""

from .inflor import rectify
from .pruning import Blocks
from .qcfs import START, check_convertible, clip_floor_shift, started
from .ternary import graded, ternary
from .tt import TTConv2d

__all__ = [
    "START",
    "Blocks",
    "TTConv2d",
    "check_convertible",
    "clip_floor_shift",
    "graded",
    "rectify",
    "started",
    "ternary",
]
