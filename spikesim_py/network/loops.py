"""Running a loop: its nodes together, time-step by time-step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import torch

from . import reference
from .model import Affine, AnyNode, Conv, Delay, Linear, Network
from .states import units_of
from .units import Membrane

if TYPE_CHECKING:
    from .executor import Product

Tensor = torch.Tensor
#: what a node makes of its inputs of one time-step, (samples, 1, C, H, W) each
Step = Callable[[int, Sequence[Tensor]], Tensor]


def run_loop(
    network: Network, loop: Sequence[AnyNode], values: Mapping[str, Tensor], multiply: Product
) -> dict[str, Tensor]:
    """All outputs of the nodes of a loop, (samples, T, C, H, W).

    Args:
        loop: its nodes, in the order of the list.
        values: what the nodes before it have made.
        multiply: called with one time-step after the other, (samples, 1, C, H, W).
    """
    samples = len(next(iter(values.values())))
    made: dict[str, list[Tensor]] = {node.name: [] for node in loop}
    act = {node.name: _step_of(network, node, samples, multiply, made) for node in loop}
    for t in range(network.time_steps):
        for node in loop:
            sources = [] if isinstance(node, Delay) else [_at(made, values, name, t) for name in node.inputs]
            made[node.name].append(act[node.name](t, sources))
    return {name: torch.cat(steps, dim=1) for name, steps in made.items()}


def _at(made: Mapping[str, list[Tensor]], values: Mapping[str, Tensor], name: str, t: int) -> Tensor:
    if name in made:
        return made[name][t]
    step = min(t, values[name].shape[1] - 1)  # what is the same at every step has one
    return values[name][:, step : step + 1]


def _step_of(
    network: Network, node: AnyNode, samples: int, multiply: Product, made: Mapping[str, list[Tensor]]
) -> Step:
    if isinstance(node, Conv | Linear):
        return lambda t, sources: multiply(node, sources[0])
    if isinstance(node, Delay):
        return _delay(network, node, samples, made[node.inputs[0]])
    if isinstance(node, Membrane):
        units = units_of(network, node, samples)
        return lambda t, sources: units.run(sources[0], 1)
    if isinstance(node, Affine) and node.per_step:
        of_step = _affine(network.arithmetic == "integer")
        return lambda t, sources: of_step(network, node, sources[0], t)
    from .executor import node_output  # it imports this module

    return lambda t, sources: node_output(network, node, sources)


def _affine(integer: bool) -> Callable[[Network, Affine, Tensor, int], Tensor]:
    if not integer:
        return reference.affine
    from .integer import affine

    return affine


def _delay(network: Network, node: Delay, samples: int, past: list[Tensor]) -> Step:
    nothing, taps = reference.zeros(network, node.name, samples, 1), reference.taps(network, node)

    def step(t: int, sources: Sequence[Tensor]) -> Tensor:
        value = nothing
        for k, units in taps:
            seen = past[t - k].to(nothing.dtype) if t >= k else nothing
            value = seen if units is None else torch.where(units, seen, value)
        return value

    return step
