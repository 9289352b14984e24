"""What an operation of a graph reads: sums of what others emit, some of it a time-step late, some not emitted yet."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np

from .arrays import compact, is_number
from .emit import ZERO, Emitter, Shape, Value
from .graph import Delay, Flatten, Graph, Identity, Input, Pool, Unit, Weights
from .order import Schedule, schedule
from .semantics import Semantics

#: nodes of a loop that are searched for a shape
_MAX_LOOP = 200


class Reading(Emitter):
    """An emitter that knows the graph, its order, and what is emitted already (`values`)."""

    def __init__(self, graph: Graph, semantics: Semantics, origin: str) -> None:
        self.graph, self.semantics = graph, semantics
        self.plan: Schedule = schedule(graph, origin)
        uses = Counter(source for sources in self.plan.reads.values() for source in sources)
        super().__init__(self.plan.names, uses, semantics.options.fold, origin)
        self.values: dict[str, Value] = {}
        self.delays: dict[str, str] = {}
        self.awaited: dict[str, list[dict[str, Any]]] = {}
        self.readers: dict[str, list[str]] = {}
        for target, sources in self.plan.reads.items():
            for source in sources:
                self.readers.setdefault(source, []).append(target)

    def _read(self, name: str) -> Value:
        """The sum of what a node reads."""
        sources = [self._arriving(source, name) for source in self.plan.reads[name]]
        if len(sources) == 1:
            return sources[0]
        shapes = {value.shape for value in sources}
        if len(shapes) > 1:
            raise self.error(name, f"sums values of shapes {sorted(shapes)}: must be equal")
        if len({value.factor.tobytes() + bytes(value.factor.ndim) for value in sources}) > 1:
            sources = [self.settle(value) for value in sources]
        total = self.emit(f"{self.names[name]}_sum", "add", [value.node for value in sources])
        offset = compact(sum((value.offset for value in sources), ZERO), sources[0].shape)
        return Value(total, sources[0].shape, sources[0].factor, offset)

    def _arriving(self, source: str, target: str) -> Value:
        if (source, target) not in self.plan.late:
            return self.values[source]
        value = self.settle(self.values[source]) if source in self.values else self._later(source, target)
        if source not in self.delays:
            self.delays[source] = self._before(f"{self.names[source]}_before", source, value, 1)
        return replace(value, node=self.delays[source])

    def _later(self, source: str, target: str) -> Value:
        """What a node emits that comes later in the order; its name is put right when it is there (`_arrived`)."""
        return Value(self.names[source], self._shape_of(source, target), spikes=self._is_spiking(source))

    def _before(self, wanted: str, source: str, value: Value, steps: int) -> str:
        """A delay of a value that may come later."""
        made = self.emit(wanted, "delay", [value.node], steps=steps)
        if source not in self.values:
            self.awaited.setdefault(source, []).append(self.nodes[-1])
        return made

    def _arrived(self, name: str) -> None:
        """Delays that came first read what an operation emits now."""
        delays = self.awaited.pop(name, ())
        if not delays:
            return
        value = self.values[name] = self.settle(self.values[name])
        op = self.graph.nodes[name]
        if isinstance(op, Weights) and op.bias is not None and not is_number(op.bias, 0):
            self.semantics.note(
                f"node {name!r}: is delayed in its loop: nothing of it, no bias either, comes in step 0"
            )
        for delay in delays:
            delay["inputs"] = [value.node]

    def _is_spiking(self, name: str) -> bool:
        op = self.graph.nodes[name]
        return isinstance(op, Unit) and op.theta is not None

    def _shape_of(self, name: str, target: str) -> Shape:
        """The shape of a node in a loop that is not lowered yet: of what drives it, or `target`, from the front."""
        shape = self._front(name, set())
        if shape is None and not isinstance(self.graph.nodes[target], Weights | Pool | Flatten):
            shape = self._front(target, {name})
        if shape is None:
            raise self.error(name, "its shape cannot be told from what is before it in the loop")
        return shape

    def _front(self, name: str, seen: set[str]) -> Shape | None:
        if name in self.values:
            return self.values[name].shape
        op = self.graph.nodes[name]
        if isinstance(op, Weights):
            return (op.weight.shape[0], 1, 1) if op.dims == 0 else None
        if isinstance(op, Pool | Flatten) or len(seen) > _MAX_LOOP:
            return None
        seen.add(name)
        for source in self.plan.reads[name]:
            shape = None if source in seen else self._front(source, seen)
            if shape is not None:
                return shape
        return _own_shape(op)

    def _never_negative(self, name: str) -> bool:
        """Whether all that a node reads is inputs and spikes, so that a zero is never more than what is there."""
        stack, seen = [name], {name}
        while stack:
            for source in self.plan.reads[stack.pop()]:
                op = self.graph.nodes[source]
                if isinstance(op, Pool | Flatten | Identity | Delay):
                    stack += [source] if source not in seen else []
                    seen.add(source)
                elif not (isinstance(op, Input) or self._is_spiking(source)):
                    return False
        return True


def _own_shape(op: Any) -> Shape | None:
    """The shape that a unit's or a delay's own parameters have."""
    sizes = [op.factor.shape, op.theta.shape] if isinstance(op, Unit) and op.theta is not None else []
    sizes += [op.steps.shape] if isinstance(op, Delay) else []
    shapes = [as_chw(shape) for shape in sizes if len(shape) in (1, 2, 3) and np.prod(shape) > 1]
    return shapes[0] if shapes else None


def as_chw(shape: tuple[int, ...]) -> Shape:
    """(N,), (C, L) or (C, H, W) as (C, H, W)."""
    sizes = tuple(int(n) for n in shape)
    if len(sizes) == 1:
        return (sizes[0], 1, 1)
    return (sizes[0], 1, sizes[1]) if len(sizes) == 2 else (sizes[0], sizes[1], sizes[2])
