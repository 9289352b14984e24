"""snnTorch networks: modules, and the state dicts that keep each unit's threshold, decay and reset.

Semantics of snntorch 1.0.0, `_neurons/leaky.py`, `synaptic.py`, `alpha.py`, `rleaky.py`, `lapicque.py`: a membrane that
exceeds its threshold spikes; the reset of a spike comes one step later, after the decay, unless `reset_delay` is false.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import NetworkError
from .graph import Graph, Identity, Op, Scale, Synapse, Unit, Values, Weights, number
from .modules import Module, Parts, Reader, graph_of, module_of
from .semantics import Semantics
from .tensors import Arrays

_RESETS = ("subtract", "zero", "none")


def read(source: Any, semantics: Semantics) -> Graph:
    """The graph of a module, a state dict, or a file of either.

    Raises:
        NetworkError: a module is not read, or the state dict has layers whose strides only an architecture tells.
    """
    if semantics.options.architecture is not None:
        from .state_dict import read as with_architecture

        return with_architecture(source, semantics)
    module = module_of(source)
    name = Path(source).stem if isinstance(source, str | Path) else type(source).__name__
    if module is None:
        from .state_dict import arrays_of

        module = _module_of_arrays(arrays_of(source), semantics)
    return graph_of(module, UNITS, semantics, name)


def _module_of_arrays(arrays: Arrays, semantics: Semantics) -> Module:
    """A module tree of a state dict: linear layers and units, in the order of the dictionary."""
    groups: dict[str, dict[str, Any]] = {}
    for name, array in arrays.items():
        prefix, _, last = name.rpartition(".")
        prefix, last = (
            (prefix[: -len(".recurrent")], f"recurrent.{last}") if prefix.endswith(".recurrent") else (prefix, last)
        )
        groups.setdefault(prefix, {})[last] = array
    return Module("Sequential", "", children={path: _leaf(path, held, semantics) for path, held in groups.items()})


def _leaf(path: str, held: Mapping[str, Any], semantics: Semantics) -> Module:
    if "threshold" in held and "beta" in held:
        recurrent = {key[10:]: value for key, value in held.items() if key.startswith("recurrent.")}
        kind = ("R" if recurrent else "") + ("Synaptic" if "alpha" in held else "Leaky")
        if kind == "Synaptic" and np.max(held["alpha"], initial=0) > np.max(held["beta"], initial=0):
            why = f"the arrays of {path!r} may be an Alpha's, too, and are read as a Synaptic's"
            semantics.assume("architecture", why, "none")
        kind = "Lapicque" if {"R", "C", "time_step"} <= set(held) else kind
        children = {"recurrent": Module("Linear", f"{path}.recurrent", arrays=recurrent)} if recurrent else {}
        return Module(kind, path, arrays=held, children=children)
    if "running_mean" in held:
        return Module("BatchNorm1d", path, arrays=held)
    weight = held.get("weight")
    if weight is None or np.ndim(weight) != 2:
        raise NetworkError(
            f"state dict: {path!r}: a state dict does not keep strides and shapes of such a layer: give an architecture"
        )
    return Module("Linear", path, arrays=held)


def _reset(module: Module, semantics: Semantics) -> tuple[str, bool]:
    """What a spike leaves, and whether it does so a step late."""
    said, held = semantics.options.reset, module.optional("reset_mechanism_val")
    known = module.attributes.get("_reset_mechanism", module.attributes.get("reset_mechanism"))
    index = 0 if held is None else int(held.reshape(-1)[0])
    if not 0 <= index < len(_RESETS):
        raise module.error(f"reset_mechanism_val = {index}: must be 0, 1 or 2")
    default = "zero" if module.kind == "Alpha" else semantics.reset
    reset = said or (_RESETS[index] if held is not None else str(known or default))
    late = semantics.options.reset_delay
    if late is None:
        late = bool(module.attributes.get("reset_delay", True))
        if "reset_delay" not in module.attributes and module.kind != "Alpha" and _may_be_late(module, reset):
            semantics.assume("reset_delay", "a state dict does not keep it, and this is snnTorch's default", late)
    if not late and reset == "subtract":
        semantics.assume(
            "reset_delay",
            "one threshold per spike; where a membrane exceeds twice its threshold, snnTorch undoes and repeats resets",
            False,
        )
    return reset, late and _may_be_late(module, reset)


def _may_be_late(module: Module, reset: str) -> bool:
    """Whether it matters when a reset comes: `Leaky` empties its membrane before the next input, so that it does not;
    its siblings empty theirs after it, and lose the input."""
    return reset != "none" and not (reset == "zero" and module.kind == "Leaky")


def _threshold(module: Module) -> Values:
    for name in ("inhibition", "state_quant"):
        if module.truth(name):
            raise module.error(f"{name}: is not supported")
    return module.array("threshold")


def _clipped(module: Module, name: str) -> Values:
    return np.clip(module.array(name), 0, 1)


def _alike(module: Module, *names: str) -> list[Values]:
    """Numbers that are computed with: of one shape, or single ones."""
    values = [module.array(name) for name in names]
    if len({value.shape for value in values if value.size > 1}) > 1:
        shapes = ", ".join(str(value.shape) for value in values)
        raise module.error(f"{', '.join(names)}: have shapes {shapes}: must be one")
    return [value.reshape(()) if value.size == 1 else value for value in values]


def _graded(module: Module, unit: Unit) -> Parts:
    factor = module.optional("graded_spikes_factor")
    if factor is None or (factor == 1).all():
        return {"": unit}, []
    return {"spikes": unit, "": Scale(factor)}, [("spikes", "")]


def _unit(module: Module, semantics: Semantics, factor: Values, gain: Values, synapse: Synapse | None) -> Unit:
    reset, late = _reset(module, semantics)
    return Unit(
        factor,
        gain,
        _threshold(module),
        synapse=synapse,
        reset=reset,
        reset_delay=late,
        strict=semantics.strict,
        max_spikes=semantics.options.max_spikes or 1,
        refractory=semantics.options.refractory or 0,
    )


def _leaky(module: Module, semantics: Semantics) -> Parts:
    return _graded(module, _unit(module, semantics, _clipped(module, "beta"), number(1), None))


def _synaptic(module: Module, semantics: Semantics) -> Parts:
    synapse = Synapse(_clipped(module, "alpha"))
    return _graded(module, _unit(module, semantics, _clipped(module, "beta"), number(1), synapse))


def _alpha(module: Module, semantics: Semantics) -> Parts:
    """A membrane ``U = tau (E + H)`` of two currents, ``E' = alpha E + x`` and ``H' = beta H - x``.

    Together they are ``U' = beta U + tau (alpha - beta) E``: one current that the membrane reads a step late. A reset
    to zero empties all of it; by subtraction E loses a threshold and H all it has, which is no reset of U.
    """
    alpha, beta = (np.clip(values, 0, 1) for values in _alike(module, "alpha", "beta"))
    if (alpha == beta).any() or not alpha.all():
        raise module.error("alpha: must exceed 0, and differ from beta")
    with np.errstate(divide="ignore"):  # beta = 0 leaves tau = 1
        gain = (np.log(alpha) / (np.log(beta) - np.log(alpha)) + 1) * (alpha - beta)
    unit = _unit(module, semantics, beta, gain, Synapse(alpha, reads="previous", resets=True))
    if unit.reset == "subtract":
        raise module.error(
            "reset_mechanism = 'subtract' of an Alpha takes a threshold from one of its two currents and all of the "
            "other: no unit here does; must be 'zero' or 'none', or the unit a Synaptic"
        )
    return _graded(module, unit)


def _lapicque(module: Module, semantics: Semantics) -> Parts:
    step, r, c = _alike(module, "time_step", "R", "C")
    if (r * c == 0).any():
        raise module.error("R and C: must not be 0")
    return _graded(module, _unit(module, semantics, 1 - step / (r * c), r * (1 / (r * c)) * step, None))


def _recurrent(inner: Any) -> Reader:
    """The unit, a matrix that reads its last spikes, and their sum with what comes in."""

    def read(module: Module, semantics: Semantics) -> Parts:
        ops, _ = inner(module, semantics)
        if len(ops) > 1:
            raise module.error("graded_spikes_factor: must be 1 in a recurrent unit")
        made: dict[str, Op] = {"sum": Identity(), "recurrent": _recurrence(module), **ops}
        return made, [("sum", ""), ("", "recurrent"), ("recurrent", "sum")]

    return read


def _recurrence(module: Module) -> Op:
    child = module.children.get("recurrent")
    if child is None:
        raise module.error("recurrent: is missing")
    if child.optional("weight") is not None:
        weight = child.array("weight")
        padding: Any = "same" if weight.ndim == 4 else ()
        return Weights(weight, child.optional("bias"), padding=padding)
    return Scale(child.array("V"))


UNITS: dict[str, Reader] = {
    "Leaky": _leaky,
    "Synaptic": _synaptic,
    "Alpha": _alpha,
    "Lapicque": _lapicque,
    "RLeaky": _recurrent(_leaky),
    "RSynaptic": _recurrent(_synaptic),
}
