"""Weights to crossbars, layers to PEs and tiles, tiles to places on the mesh."""

from .cells import Cells
from .converters import lossless_adc
from .plan import (
    LayerPlan,
    Mapping,
    Mesh,
    code_bits,
    largest_sum,
    lossless_bits,
    map_network,
    partial_sum_bits,
    place_tiles,
    plan_layer,
)
from .rounds import round_indices
from .signs import Columns, SignedCodes, encode

__all__ = [
    "Cells",
    "Columns",
    "LayerPlan",
    "Mapping",
    "Mesh",
    "SignedCodes",
    "code_bits",
    "encode",
    "largest_sum",
    "lossless_adc",
    "lossless_bits",
    "map_network",
    "partial_sum_bits",
    "place_tiles",
    "plan_layer",
    "round_indices",
]
