"""From a trained module to a `Network`, and from a float `Network` back to a module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spikesim_py.errors import InputError
from spikesim_py.network import Network, build

from .networks import NORM_EPSILON, Norm, SpikingConvNet
from .quantizers import Arithmetic, Float, Integer

Arrays = dict[str, NDArray[Any]]


def export(
    module: SpikingConvNet,
    name: str,
    metadata: Mapping[str, Any] | None = None,
    activity: Mapping[str, float] | None = None,
) -> Network:
    """The network that `module` in eval mode is.

    An integer network gives the module's spikes bit for bit, on any machine. A float network does so for the
    same batches on the same machine and library; elsewhere a float32 sum may be taken in another order, so
    that a membrane within rounding of its threshold may differ.
    """
    arrays: Arrays = {}
    nodes = _nodes(module, arrays)
    description = {
        "name": name,
        "arithmetic": "integer" if isinstance(module.arithmetic, Integer) else "float",
        "time_steps": module.shape.time_steps,
        "input": {
            "shape": module.shape.input_shape,
            "bits": module.shape.input_bits,
            "coding": "direct",
            "encoder": "once",
        },
        "nodes": nodes,
        "activity": dict(activity or {}),
        "metadata": dict(metadata or {}),
    }
    return build(description, arrays, f"export({name!r})")


@torch.no_grad()
def _nodes(module: SpikingConvNet, arrays: Arrays) -> list[dict[str, Any]]:
    shape, arithmetic = module.shape, module.arithmetic
    nodes: list[dict[str, Any]] = []
    last = "input"
    for index, stage in enumerate(module.stages, start=1):
        size = {"in_channels": stage.conv.in_channels, "out_channels": stage.conv.out_channels}
        geometry = {"kernel": (3, 3), "padding": (1, 1)}
        nodes += [
            {"op": "conv", "name": f"conv{index}", "inputs": (last,), **size, **geometry},
            {"op": "affine", "name": f"norm{index}", "inputs": (f"conv{index}",)},
            {"op": "lif", "name": f"lif{index}", "inputs": (f"norm{index}",), "reset": shape.reset},
        ]
        nodes[-3] |= _weight(arithmetic, f"conv{index}", stage.conv.weight, arrays)
        nodes[-2] |= _affine(arithmetic, f"norm{index}", stage.norm, arrays)
        nodes[-1] |= _lif(arithmetic, f"lif{index}", arrays)
        last = f"lif{index}"
        if index in shape.pool_after:
            last = f"pool{index}"
            nodes.append({"op": "pool", "name": last, "inputs": (f"lif{index}",), "kind": "sum"})
    classifier = {"in_features": shape.features, "out_features": shape.classes}
    classifier |= _weight(arithmetic, "fc", module.classifier.weight, arrays)
    return [
        *nodes,
        {"op": "flatten", "name": "flatten", "inputs": (last,)},
        {"op": "linear", "name": "fc", "inputs": ("flatten",), **classifier},
        {"op": "readout", "name": "readout", "inputs": ("fc",), "mode": "accumulate"},
    ]


def _weight(arithmetic: Arithmetic, name: str, latent: torch.Tensor, arrays: Arrays) -> dict[str, Any]:
    stored = arithmetic.weights(latent)[0].numpy()
    if isinstance(arithmetic, Integer):
        arrays[f"{name}.weight"] = stored.astype(np.int8)
        return {"weight_bits": arithmetic.weight_bits}
    arrays[f"{name}.weight"] = stored.astype(np.float32)
    return {}


def _affine(arithmetic: Arithmetic, name: str, norm: Norm, arrays: Arrays) -> dict[str, Any]:
    folded = norm.fold(arithmetic)
    dtype = np.int32 if isinstance(arithmetic, Integer) else np.float32
    arrays[f"{name}.multiplier"] = folded.multiplier.numpy().astype(dtype)
    arrays[f"{name}.bias"] = folded.bias.numpy().astype(dtype)
    return {"shift": folded.shift}


def _lif(arithmetic: Arithmetic, name: str, arrays: Arrays) -> dict[str, Any]:
    if isinstance(arithmetic, Integer):
        arrays[f"{name}.theta"] = np.array([arithmetic.theta], dtype=np.int32)
        return {"leak": {"multiplier": 1, "shift": 1}, "membrane_bits": arithmetic.membrane_bits}
    arrays[f"{name}.theta"] = np.array([arithmetic.theta], dtype=np.float32)
    return {"leak": {"multiplier": 0.5}, "membrane_bits": 32}


@torch.no_grad()
def adopt(module: SpikingConvNet, teacher: Network, images: NDArray[Any]) -> None:
    """Put a float network's weights and batch norms into `module`.

    The file holds folded affines; each channel's mean and variance, needed to unfold them, are measured on
    `images`. Raises `InputError` if the teacher is not a float network of the module's shape.
    """
    if teacher.arithmetic != "float":
        raise InputError(f"teacher {teacher.name!r} is {teacher.arithmetic}: a teacher is a float network")
    reference = export(SpikingConvNet(module.shape, Float()), teacher.name)
    if reference.nodes != teacher.nodes or reference.model.input != teacher.model.input:
        raise InputError(f"teacher {teacher.name!r} has another architecture than the student")
    sums: dict[str, NDArray[Any]] = {}
    teacher.run(images, observer=lambda name, value: sums.update({name: value.numpy()}), batch=len(images))
    for index, stage in enumerate(module.stages, start=1):
        stage.conv.weight.copy_(torch.from_numpy(teacher.weight(f"conv{index}").copy()))
        scale = float(module.arithmetic.weights(stage.conv.weight)[1])
        multiplier, bias = (teacher.arrays[f"norm{index}.{key}"] for key in ("multiplier", "bias"))
        _unfold(stage.norm, multiplier, bias, sums[f"conv{index}"], scale)
    module.classifier.weight.copy_(torch.from_numpy(teacher.weight("fc").copy()))


def _unfold(norm: Norm, multiplier: NDArray[Any], bias: NDArray[Any], sums: NDArray[Any], scale: float) -> None:
    """A batch norm whose fold is the given affine, on sums that the module counts in units of `scale`."""
    axes = (0, 1, 3, 4)
    mean, variance = sums.mean(axes, dtype=np.float64), sums.var(axes, dtype=np.float64)
    norm.gamma.copy_(torch.from_numpy(multiplier * np.sqrt(variance + NORM_EPSILON)))
    norm.beta.copy_(torch.from_numpy(bias + multiplier * mean))
    norm.mean.copy_(torch.from_numpy(mean / scale))
    norm.variance.copy_(torch.from_numpy(variance / scale**2))
