"""How numbers are stored: weights (one method per file), membranes and batch norms.

Integers are whole numbers held in float32 (all below 2^24, so exact), in the units of the exported network; rounding
passes the gradient straight through.
"""

from __future__ import annotations

from spikesim_py.plugins import Registry

from .affine import Folded, apply_affine, fold
from .arithmetic import Arithmetic, Float, Integer
from .base import WeightQuantizer
from .dorefa import DoReFa
from .filled import Filled
from .lsq import Lsq
from .mean_step import MeanStep
from .membrane import RANGES, BatchRange, FixedRange, LearnedRange, Membrane, SharedRange, Word
from .mint import Mint
from .qsnn import QSnn
from .sigmoid_sum import SigmoidSum
from .sign import Sign
from .straight import instead, ste_floor, ste_round, ste_sign
from .sub_bit import SubBit

#: weight quantizers by the name that recipes call them; plugins add to them
WEIGHTS = Registry[type[WeightQuantizer]](
    "training.quantizers",
    {
        "sign": Sign,
        "qsnn": QSnn,
        "sub_bit": SubBit,
        "mean_step": MeanStep,
        "lsq": Lsq,
        "dorefa": DoReFa,
        "filled": Filled,
        "mint": Mint,
        "sigmoid_sum": SigmoidSum,
    },
)

__all__ = [
    "RANGES",
    "WEIGHTS",
    "Arithmetic",
    "BatchRange",
    "DoReFa",
    "Filled",
    "FixedRange",
    "Float",
    "Folded",
    "Integer",
    "LearnedRange",
    "Lsq",
    "MeanStep",
    "Membrane",
    "Mint",
    "QSnn",
    "SharedRange",
    "SigmoidSum",
    "Sign",
    "SubBit",
    "WeightQuantizer",
    "Word",
    "apply_affine",
    "fold",
    "instead",
    "ste_floor",
    "ste_round",
    "ste_sign",
]
