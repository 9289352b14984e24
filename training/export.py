"""From a trained module to a `Network`, and from a float `Network` back to a module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spikesim_py.errors import InputError
from spikesim_py.network import Affine, Conv, Lif, Linear, Network, build

from .methods.qcfs import START
from .module import SpikingNetwork
from .norms import NORM_EPSILON, TdBn
from .quantizers import Arithmetic, Float, Integer, SubBit

Arrays = dict[str, NDArray[Any]]
_ALL_BUT_CHANNELS = (0, 1, 3, 4)
_INT32 = 2**31


@torch.no_grad()
def export(
    module: SpikingNetwork,
    name: str,
    metadata: Mapping[str, Any] | None = None,
    activity: Mapping[str, float] | None = None,
) -> Network:
    """The network that `module` in eval mode is.

    `metadata` gains `stored_bits_per_weight`, of layers whose kernels are words of a codebook.

    An integer network gives the module's spikes bit for bit, on any machine. A float network does so for the
    same batches on the same machine and library; elsewhere a float32 sum may be taken in another order, so
    that a membrane within rounding of its threshold may differ.

    Raises:
        InputError: the module does what no chip can.
    """
    if module.quantized:
        check_exportable(module.arithmetic)
    arrays: Arrays = {}
    training = module.training
    module.eval()
    nodes = [_node(module, node, arrays) for node in module.blueprint.nodes]
    module.train(training)
    description = module.blueprint.model.model_dump(mode="python") | {
        "name": name,
        "arithmetic": "integer" if module.quantized else "float",
        "nodes": nodes,
        "activity": dict(activity or {}),
        "metadata": dict(metadata or {}) | _sub_bit(module),
    }
    return build(description, arrays, f"export({name!r})")


def check_exportable(arithmetic: Arithmetic) -> None:
    """Raise `InputError` where a network trains in what no chip can do."""
    if isinstance(arithmetic, Integer) and arithmetic.membranes == "batch":
        raise InputError(
            "membranes = 'batch': a range that is taken from the current batch cannot be exported: a chip sees one "
            "sample at a time; use 'fixed' or 'learned'"
        )


def _node(module: SpikingNetwork, node: Any, arrays: Arrays) -> dict[str, Any]:
    fields: dict[str, Any] = node.model_dump(mode="python")
    if isinstance(node, Conv | Linear):
        return fields | _weight(module, node.name, arrays)
    if isinstance(node, Affine):
        return fields | _affine(module, node.name, arrays)
    return fields | _lif(module, node.name, arrays) if isinstance(node, Lif) else fields


def _weight(module: SpikingNetwork, name: str, arrays: Arrays) -> dict[str, Any]:
    stored, quantizer = module.stored(name)[0].numpy(), module.layer(name).quantizer
    arrays[f"{name}.weight"] = stored.astype(np.int8 if module.quantized else np.float32)
    return {"weight_bits": quantizer.bits} if quantizer is not None and module.quantized else {}


def _affine(module: SpikingNetwork, name: str, arrays: Arrays) -> dict[str, Any]:
    folded = module.folded(name)
    dtype = np.float32 if folded.shift is None else np.int32
    largest = float(folded.bias.abs().max())
    if folded.shift is not None and largest >= _INT32:
        raise InputError(f"node {name!r}: a bias of {largest:.3g} does not fit 32 bits: has training diverged?")
    arrays[f"{name}.multiplier"] = folded.multiplier.numpy().astype(dtype)
    arrays[f"{name}.bias"] = folded.bias.numpy().astype(dtype)
    return {"shift": folded.shift or 0, "per_step": folded.multiplier.dim() == 2}


def _lif(module: SpikingNetwork, name: str, arrays: Arrays) -> dict[str, Any]:
    theta, leak, word = float(module.thresholds(name)), float(module.leak(name)), module.word()
    if word is None:
        arrays[f"{name}.theta"] = np.array([theta], dtype=np.float32)
        starts = {} if module.neuron.levels is None else {"v_init": START}
        return {"leak": {"multiplier": leak}, "membrane_bits": 32, **starts}
    arrays[f"{name}.theta"] = np.array([theta], dtype=np.int32)
    numerator, denominator = leak.as_integer_ratio()
    return {
        "leak": {"multiplier": numerator, "shift": denominator.bit_length() - 1},
        "membrane_bits": word.bits,
        "store_shift": word.fraction,
        "signed": word.signed,
    }


def _sub_bit(module: SpikingNetwork) -> dict[str, Any]:
    layers = {name: module.layer(name) for name in module.weights} if module.quantized else {}
    found = {
        name: how.stored_bits(layer.latent)
        for name, layer in layers.items()
        if isinstance(how := layer.quantizer, SubBit)
    }
    return {"stored_bits_per_weight": found} if found else {}


@torch.no_grad()
def adopt(module: SpikingNetwork, teacher: Network, images: NDArray[Any]) -> None:
    """Put a float network's weights, batch norms and leaks into `module`.

    The file holds folded affines; each channel's mean and variance, needed to unfold them, are measured on
    `images`. Thresholds are the module's: affines are scaled to them. The teacher may have more or fewer time-steps.
    Raises `InputError` if it is not a float network of the module's nodes, has batch norms with parameters per
    time-step, which do not unfold, or units that share a drive and differ in thresholds.
    """
    if teacher.arithmetic != "float":
        raise InputError(f"teacher {teacher.name!r} is {teacher.arithmetic}: a teacher is a float network")
    if not same_architecture(module.blueprint, teacher):
        raise InputError(f"teacher {teacher.name!r} has another architecture than the student")
    if any(not isinstance(norm, TdBn) or norm.per_step for norm in module.norms.values()):
        raise InputError(f"teacher {teacher.name!r}: only batch norms of kind 'tdbn' can start from a file")
    measured = {module.blueprint.by_name[name].inputs[0] for name in module.norms}
    seen: dict[str, tuple[NDArray[Any], NDArray[Any]]] = {}

    def observe(name: str, sums: Any) -> None:
        if name in measured:
            a = sums.numpy()
            seen[name] = a.mean(_ALL_BUT_CHANNELS, dtype=np.float64), a.var(_ALL_BUT_CHANNELS, dtype=np.float64)

    teacher.run(images, observer=observe, batch=len(images))
    for name in module.weights:
        module.layer(name).latent.copy_(torch.from_numpy(teacher.weight(name).copy()))
        module.layer(name).start()
    for name in module.norms:
        layer, norm = module.blueprint.by_name[name].inputs[0], module.norm(name)
        assert isinstance(norm, TdBn)
        unit = _threshold_of(module, teacher, name)
        multiplier, bias = (teacher.arrays[f"{name}.{key}"] / unit for key in ("multiplier", "bias"))
        scale = module.stored(layer)[1].flatten().numpy() if layer in module.weights else np.ones(1)
        _unfold(norm, multiplier, bias, *seen[layer], scale)
    for name, units in module.units.items():
        node, logit = teacher.by_name[name], getattr(units, "logit", None)
        if isinstance(node, Lif) and logit is not None:
            logit.copy_(torch.logit(torch.tensor(float(node.leak.multiplier)), eps=1e-3))


def float_module(network: Network, images: NDArray[Any]) -> SpikingNetwork:
    """A float network as a module, in eval mode and fixed: a teacher. `images` are for `adopt`.

    Raises `InputError` as `adopt` does, and where an affine makes of a spike something else than one threshold.
    """
    module = SpikingNetwork(network, Float())
    adopt(module, network, images)
    for node in network.nodes:
        if isinstance(node, Affine) and node.name not in module.norms:
            height, bias = (network.arrays[f"{node.name}.{key}"] for key in ("multiplier", "bias"))
            if not np.allclose(height, _threshold_of(module, network, node.name)) or bias.any():
                raise InputError(
                    f"teacher {network.name!r}: node {node.name!r}: multiplier from {height.min():g} to "
                    f"{height.max():g}, bias from {bias.min():g} to {bias.max():g}: a spike must weigh one threshold"
                )
    return module.eval().requires_grad_(False)


def same_architecture(student: Network, teacher: Network) -> bool:
    """Whether both have the same nodes and input, but for what training may change and the bits of event counts."""
    ours, theirs = student.model.input, teacher.model.input
    if ours.coding == "events":
        ours = ours.model_copy(update={"bits": theirs.bits})
    return ours == theirs and _wiring(student) == _wiring(teacher)


def _wiring(network: Network) -> list[dict[str, Any]]:
    return [node.model_dump(exclude={"leak", "per_step"}) for node in network.nodes]


def _threshold_of(module: SpikingNetwork, teacher: Network, affine: str) -> NDArray[Any]:
    """The file's threshold of the units that an affine drives, over the module's (its own unit apart); 1 without."""
    units = [name for name in module.units if module.together(name, affine)]
    found = [
        teacher.arrays[f"{name}.theta"] / float(module.thresholds(name) / torch.as_tensor(module.theta(name)))
        for name in units
    ]
    if any(not np.array_equal(found[0], other) for other in found[1:]):
        raise InputError(f"teacher {teacher.name!r}: {', '.join(units)}: share a drive and differ in thresholds")
    return found[0] if found else np.ones(1)


def _unfold(
    norm: TdBn,
    multiplier: NDArray[Any],
    bias: NDArray[Any],
    mean: NDArray[Any],
    variance: NDArray[Any],
    scale: NDArray[Any],
) -> None:
    """A batch norm whose fold is the given affine, on sums that the module counts in units of `scale`."""
    norm.gamma.copy_(torch.from_numpy(multiplier * np.sqrt(variance + NORM_EPSILON)))
    norm.beta.copy_(torch.from_numpy(bias + multiplier * mean))
    norm.mean.copy_(torch.from_numpy(mean / scale))
    norm.variance.copy_(torch.from_numpy(variance / scale**2))
