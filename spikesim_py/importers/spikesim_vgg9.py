"""SpikeSim's VGG9 checkpoints (Moitra et al. 2023, `VGG9_Direct`, released code of SNN_train_infer_quantization_ela).

What is saved are the weights that training goes on with. What the network ran with are those of its quantizer, two
roundings to b bits (`train.py`, BinOp)::

    y = 2 (round((x + 1) / 2 (2^b - 1)) / (2^b - 1) - 1 / 2);      w = round(y 2^(b-1)) / 2^(b-1)

At b = 4 these are -8/8 .. -1/8 and 1/8 .. 8/8: there is no zero. Convolutions are quantized, the two last layers not.
Units (`model.py`): u = (1 - l) u + l a, spike where u > 1, then u - 1; l is 0.5 in training. Pools average. Images come
normalized by CIFAR-10's means and deviations; that is an affine on the input, so that padding stays zero behind it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import NetworkError
from .graph import Flatten, Graph, Op, Pool, Scale, Unit, Values, Weights, chain, number
from .semantics import Semantics
from .state_dict import arrays_of

#: name, and whether a pool follows; `model.py`
_CONVOLUTIONS = (("conv1", 0), ("conv2", 1), ("conv3", 0), ("conv4", 1), ("conv5", 0), ("conv6", 0), ("conv7", 1))
_LEAK = 0.5
_TIME_STEPS = 5
_BITS = 4
#: CIFAR-10, red, green, blue, of pixels from 0 to 1; `train.py`
_MEAN = (0.4914, 0.4822, 0.4465)
_DEVIATION = (0.2023, 0.1994, 0.2010)


def quantized(weight: Values, bits: int) -> Values:
    """What SpikeSim's quantizer makes of weights; it neither clips nor has a zero."""
    levels = 2**bits - 1
    stepped = 2 * (np.round((weight + 1) / 2 * levels) / levels - 0.5)
    return np.asarray(np.round(stepped * 2 ** (bits - 1)) / 2 ** (bits - 1), np.float64)


def read(source: Any, semantics: Semantics) -> Graph:
    """The graph of a checkpoint, or of a state dict.

    Raises:
        NetworkError: it is not a VGG9 of SpikeSim's.
    """
    arrays = {name.removeprefix("module."): array for name, array in arrays_of(source).items()}
    label = str(source) if isinstance(source, str | Path) else "state dict"
    bits = semantics.options.quantizer_bits
    if bits is None:
        bits = _BITS
        semantics.assume("quantizer_bits", "a checkpoint has the weights before SpikeSim's quantizer", bits)
    kept = semantics.options.beta
    if kept is None:
        kept = 1 - _LEAK
        semantics.assume("beta", "a checkpoint does not keep the leak; training's is 0.5, hw_inference.py's 0.99", kept)
    semantics.told |= {"coding": "direct", "input_bits": 8, "readout": "accumulate"}
    semantics.told |= {"reset": "subtract", "strict": True}
    semantics.told.setdefault("time_steps", _TIME_STEPS)
    ops: dict[str, Op] = {}
    weights = {name: _weight(arrays, name, label, 4) for name, _ in _CONVOLUTIONS}
    channels = weights["conv1"].shape[1]
    if channels == len(_MEAN):
        mean, deviation = (np.array(values).reshape(-1, 1, 1) for values in (_MEAN, _DEVIATION))
        ops["normalize"] = Scale(1 / (255 * deviation), -mean / deviation)
    for name, pools in _CONVOLUTIONS:
        ops[name] = Weights(quantized(weights[name], bits), padding=(1, 1))
        ops[f"lif_{name}"] = _unit(kept)
        if pools:
            ops[f"pool_{name}"] = Pool("average", (2, 2), (2, 2))
    first = _weight(arrays, "fc1", label, 2)
    ops |= {
        "flatten": Flatten(),
        "fc1": Weights(first),
        "lif_fc1": _unit(kept),
        "fc2": Weights(_weight(arrays, "fc2", label, 2)),
    }
    side = 8 * round(np.sqrt(first.shape[1] / weights["conv7"].shape[0]))
    name = Path(source).stem if isinstance(source, str | Path) else "vgg9"
    return chain(name, ops, (channels, side, side))


def _weight(arrays: dict[str, Any], name: str, label: str, dims: int) -> Values:
    weight = arrays.get(f"{name}.weight")
    if weight is None or weight.ndim != dims:
        raise NetworkError(
            f"{label}: {name}.weight: is missing, or has not {dims} dimensions: is no VGG9 of SpikeSim's"
        )
    return np.asarray(weight, np.float64)


def _unit(kept: float) -> Unit:
    return Unit(number(kept), number(1 - kept), number(1), reset="subtract", strict=True)
