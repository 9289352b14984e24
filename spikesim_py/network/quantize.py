"""Float networks to integer ones, after training.

Weights: ``w_int = round(w / s)`` with one scale ``s = max|w| / (2^(b-1) - 1)`` per layer; one bit keeps the
sign and ``s = mean|w|`` (XNOR-Net, Rastegari et al. 2016, eq. 6). A float affine becomes
``(a * m + b) >> shift`` in membrane units; thresholds become integers by ``ceil(theta / scale)``, because the
float network compares with >=.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import NetworkError
from .build import build
from .model import Add, Affine, Conv, Delay, Linear, Network, Pool, Product, Readout
from .units import Lif, Membrane, replaced_by_arrays

_AFFINE_SHIFT = 12
#: fraction bits of a leak that was a float
LEAK_SHIFT = 8


def quantize(network: Network, weight_bits: int, name: str | None = None) -> Network:
    """An integer network with `weight_bits`-bit weights (1 to 8) from a float one.

    Membranes keep their bits; their unit is chosen so that the range holds four thresholds. Raises
    `NetworkError` if the network is not float, adds edges whose scales differ, or has other than plain LIF units.
    """
    if network.arithmetic != "float":
        raise NetworkError(f"network {network.name!r} is {network.arithmetic}: only float networks quantize")
    if not 1 <= weight_bits <= 8:
        raise NetworkError(f"weight_bits = {weight_bits}: must be from 1 to 8")
    _check_plain(network)
    scales: dict[str, Any] = {"input": 1.0}
    arrays: dict[str, NDArray[Any]] = {}
    nodes = [_lower(network, node, weight_bits, scales, arrays) for node in network.nodes]
    model = network.model.model_dump(mode="python")
    model |= {
        "arithmetic": "integer",
        "nodes": nodes,
        "name": name or f"{network.name}-w{weight_bits}",
        "activity": {},
        "metadata": {"quantized_from": network.name, "weight_bits": weight_bits},
    }
    return build(model, arrays, f"quantize({network.name!r})")


def _check_plain(network: Network) -> None:
    """Refuses what has levels that would have to be scaled, too."""
    for node in network.nodes:
        plain = not isinstance(node, Membrane | Delay) or (isinstance(node, Lif) and node.plain)
        own = isinstance(node, Membrane) and any(
            f"{node.name}.{key}" in network.arrays for key in replaced_by_arrays(node)
        )
        if not plain or own or (isinstance(node, Pool) and node.kind == "average"):
            raise NetworkError(
                f"node {node.name!r}: quantize knows LIF units with one leak, a threshold and a reset, and sum or max "
                f"pools; this {node.op} has more"
            )


def quantize_weights(weight: NDArray[Any], bits: int) -> tuple[NDArray[np.int16], float]:
    """Integer weights and their scale: ``weight ~ scale * integers``."""
    if bits == 1:
        scale = float(np.abs(weight).mean())
        return np.where(weight >= 0, 1, -1).astype(np.int16), scale or 1.0
    top = 2 ** (bits - 1) - 1
    scale = float(np.abs(weight).max()) / top or 1.0
    return np.round(weight / scale).astype(np.int16), scale


def _lower(
    network: Network, node: Any, bits: int, scales: dict[str, Any], arrays: dict[str, NDArray[Any]]
) -> dict[str, Any]:
    """One node's integer description; fills its arrays and its output's scale (real = scale * integer)."""
    fields: dict[str, Any] = node.model_dump(mode="python")
    source = scales[node.inputs[0]]
    scales[node.name] = source
    if isinstance(node, Conv | Linear):
        integers, scale = quantize_weights(network.weight(node.name), bits)
        arrays[f"{node.name}.weight"] = integers
        scales[node.name] = source * scale
        fields["weight_bits"] = bits
    elif isinstance(node, Affine):
        unit = _membrane_unit(network, node)
        factor = 2.0**_AFFINE_SHIFT / unit
        multiplier = network.arrays[f"{node.name}.multiplier"].astype(np.float64)
        bias = network.arrays[f"{node.name}.bias"].astype(np.float64)
        arrays[f"{node.name}.multiplier"] = np.round(multiplier * source * factor).astype(np.int64)
        arrays[f"{node.name}.bias"] = np.round(bias * factor).astype(np.int64)
        scales[node.name] = unit
        fields["shift"] = _AFFINE_SHIFT
    elif isinstance(node, Lif):
        theta = network.arrays[f"{node.name}.theta"].astype(np.float64)
        arrays[f"{node.name}.theta"] = _integer_theta(node, theta, source)
        fields["leak"] = {"multiplier": round(node.leak.multiplier * 2**LEAK_SHIFT), "shift": LEAK_SHIFT}
        scales[node.name] = 1.0
    elif isinstance(node, Product):
        scales[node.name] = source * scales[node.inputs[1]]
    elif isinstance(node, Add) and len({float(scales[name]) for name in node.inputs}) > 1:
        raise NetworkError(
            f"node {node.name!r}: adds edges of different scales; put an affine before the add in each branch"
        )
    return fields


def _integer_theta(node: Lif, theta: NDArray[Any], scale: float) -> NDArray[np.int64]:
    integers: NDArray[np.int64] = np.ceil(theta / scale).astype(np.int64)
    top = node.stored[1]
    if integers.max() > top:
        raise NetworkError(
            f"node {node.name!r}: a threshold of {integers.max()} units exceeds membrane_bits = "
            f"{node.membrane_bits} (at most {top}); put an affine before it or widen the membrane"
        )
    return np.maximum(integers, 1)


def _membrane_unit(network: Network, node: Affine) -> float:
    """The real value of one membrane step behind an affine: a quarter of the range holds a threshold."""
    readers = [other for other in network.nodes if node.name in other.inputs]
    lifs = [other for other in readers if isinstance(other, Lif)]
    if lifs:
        theta = float(network.arrays[f"{lifs[0].name}.theta"].min())
        return theta / 2.0 ** (lifs[0].membrane_bits - 3)
    if all(isinstance(other, Readout | Add) for other in readers):
        return 2.0**-_AFFINE_SHIFT
    raise NetworkError(f"node {node.name!r}: an affine must be read by a LIF, an add or a readout")
