"""SpikingJelly networks: modules in memory or in pickles; state dicts, which keep no constants, by an architecture.

Semantics of spikingjelly 2.0.0, `activation_based/functional/neuron.py`: a membrane at its threshold spikes; v_reset
None subtracts the threshold; membranes start at v_reset and decay towards it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import NetworkError
from .graph import Graph, Synapse, Unit, Values, number
from .modules import Module, Parts, Reader, graph_of, module_of
from .semantics import Semantics


def read(source: Any, semantics: Semantics) -> Graph:
    """The graph of a module, or of a state dict with an architecture.

    Raises:
        NetworkError: a module is not read, or a state dict comes without an architecture.
    """
    if semantics.options.architecture is not None:
        from .state_dict import read as with_architecture

        return with_architecture(source, semantics)
    module = module_of(source)
    if module is None:
        raise NetworkError(
            f"{source if isinstance(source, str | Path) else 'state dict'}: SpikingJelly's state dicts keep neither "
            "time constants nor thresholds: give an architecture"
        )
    name = Path(source).stem if isinstance(source, str | Path) else type(source).__name__
    return graph_of(module, UNITS, semantics, name)


def _unit(module: Module, semantics: Semantics, factor: Values, gain: Values, **more: Any) -> Parts:
    theta, v_reset = number(module.number("v_threshold", 1.0)), _v_reset(module)
    options = semantics.options
    reset = options.reset or ("subtract" if v_reset is None else "zero")
    rest = number(v_reset or 0)
    fields = {"v_leak": rest, "v_init": rest} | more
    unit = Unit(
        factor,
        gain,
        theta,
        v_reset=rest if reset == "zero" else number(0),
        reset=reset,
        strict=semantics.strict,
        max_spikes=options.max_spikes or 1,
        refractory=options.refractory or 0,
        **fields,
    )
    return {"": unit}, []


def _v_reset(module: Module) -> float | None:
    """The potential after a spike; None subtracts. Where an architecture does not state it, it is SpikingJelly's 0."""
    if module.attributes.get("v_reset", 0.0) is None:
        return None
    return module.number("v_reset", 0.0)


def _if(module: Module, semantics: Semantics) -> Parts:
    return _unit(module, semantics, number(1), number(1))


def _from_zero(read: Reader) -> Reader:
    """The simple units start at 0, whatever v_reset is."""

    def simple(module: Module, semantics: Semantics) -> Parts:
        ops, edges = read(module, semantics) or ({}, [])
        return {end: replace(op, v_init=number(0)) if isinstance(op, Unit) else op for end, op in ops.items()}, edges

    return simple


def _half_threshold(module: Module, semantics: Semantics) -> Parts:
    return _unit(module, semantics, number(1), number(1), v_init=number(module.number("v_threshold", 1.0) / 2))


def _decaying(module: Module, semantics: Semantics, rate: float) -> Parts:
    """``v + (x - (v - v_reset)) rate``, or without the rate on x."""
    gain = rate if module.truth("decay_input", True) else 1.0
    return _unit(module, semantics, number(1 - rate), number(gain))


def _lif(module: Module, semantics: Semantics) -> Parts:
    tau = module.number("tau", 2.0)
    if tau < 1:
        raise module.error(f"tau = {tau:g}: must be at least 1 time-step")
    return _decaying(module, semantics, 1 / tau)


def _plif(module: Module, semantics: Semantics) -> Parts:
    return _decaying(module, semantics, float(1 / (1 + np.exp(-module.number("w")))))


def _cuba(module: Module, semantics: Semantics) -> Parts:
    synapse = Synapse(number(module.number("c_decay")))
    rest = number(_v_reset(module) or 0)
    return _unit(
        module, semantics, number(module.number("v_decay")), number(1), synapse=synapse, v_leak=number(0), v_init=rest
    )


def _silent(factor: Any) -> Reader:
    def read(module: Module, semantics: Semantics) -> Parts:
        decode = module.attributes.get("decode")
        if decode is not None and semantics.options.readout is None and "readout" not in semantics.told:
            mode = {"last_mem": "last", "last-mem": "last"}.get(decode, "accumulate")
            why = f"module {module.path!r} has decode = {decode!r}"
            semantics.tell("readout", mode, why)
            if mode != "last" and decode != "mean-mem":
                semantics.assume("readout", f"{why}, which is no readout", mode)
        rate = factor(module)
        return {"": Unit(number(1 - rate), number(rate or 1))}, []

    return read


UNITS: dict[str, Reader] = {
    "IFNode": _if,
    "SimpleIFNode": _from_zero(_if),
    "HalfThresholdIFNode": _half_threshold,
    "LIFNode": _lif,
    "SimpleLIFNode": _from_zero(_lif),
    "ParametricLIFNode": _plif,
    "CUBALIFNode": _cuba,
    "NonSpikingIFNode": _silent(lambda module: 0.0),
    "NonSpikingLIFNode": _silent(lambda module: 1 / module.number("tau", 2.0)),
}
