"""A part of a layer before the schedule is known: energy without leakage, area, and exposed times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from .._arrays import Real, is_array, maximum, minimum
from ..activity import LayerActivity
from ..hardware import Hardware, RowMapping
from ..mapping import LayerPlan
from ..network import Network
from .components import Circuit
from .components.base import weakest
from .technology import Technology
from .tree import CostNode, Grade, component


@dataclass(frozen=True)
class Part:
    """One component of one layer, per inference.

    Attributes:
        energy_pj: without leakage. area_um2, leakage_pw: of all instances.
        once_ns: exposed once per inference. read_ns: exposed per pass over the layer's positions.
        step_ns: exposed per time-step. hidden_ns: behind other work, all of an inference.
        beside_ns: of a pass (or, behind the layer, of a time-step) at the same time as other work; see `exposed`.

    All but name, grade and source may be arrays with one element per design.
    """

    name: str
    grade: Grade
    source: str
    energy_pj: Real = 0.0
    area_um2: Real = 0.0
    leakage_pw: Real = 0.0
    once_ns: Real = 0.0
    read_ns: Real = 0.0
    step_ns: Real = 0.0
    hidden_ns: Real = 0.0
    beside_ns: Real = 0.0

    def node(self, interval_ns: Real, counts: Counts, full: Counts) -> CostNode:
        """The leaf of the tree. `counts` are the passes and steps on the critical path, `full` all of them.

        An inference is charged the chip's leakage from its start to the start of the next one.
        """
        return component(
            self.name,
            energy_pj=self.energy_pj + self.leakage_pw * interval_ns * 1e-9,  # pW ns = 1e-9 pJ
            area_um2=self.area_um2,
            critical_ns=self.exposed_ns(counts),
            busy_ns=self.exposed_ns(full) + self.hidden_ns,
            grade=self.grade,
            source=self.source,
        )

    def exposed_ns(self, counts: Counts) -> Real:
        """Time on the critical path."""
        return self.once_ns + counts.passes * self.read_ns + counts.steps * self.step_ns


@dataclass(frozen=True)
class Counts:
    """Passes over the positions of a layer, and time-steps."""

    passes: Real
    steps: Real


@dataclass(frozen=True)
class Layer:
    """One layer on one chip: what every family of parts needs to know.

    Attributes:
        steps: T. awake: share of (row block, read) pairs that are read; below 1 if the chip skips idle ones.
        awake_conversions: share of conversions that are made.
    """

    plan: LayerPlan
    network: Network
    hardware: Hardware
    tech: Technology
    activity: LayerActivity
    awake: Real
    awake_conversions: Real

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def steps(self) -> int:
        return self.network.time_steps

    @property
    def crossbar_inputs(self) -> Real:
        """Most inputs that a crossbar of the layer takes."""
        lines = self.plan.channels if self.hardware.mapping.rows is RowMapping.SPIKEFLOW else self.plan.rows
        return minimum(lines, self.hardware.input_rows)

    @property
    def active_lines(self) -> Real:
        """Mean active word lines per read, over the crossbars that a position reads; an input may have two."""
        plan = self.plan
        return self.activity.rate * plan.groups * plan.rows * self.hardware.word_lines * plan.col_blocks

    @property
    def clock_ns(self) -> Real:
        return 1e3 / self.hardware.technology.clock_mhz


@dataclass(frozen=True)
class Staged:
    """A layer's parts with its counts."""

    name: str
    parts: tuple[Part, ...]
    full: Counts
    once: bool = field(default=False)

    @property
    def once_ns(self) -> Real:
        """What happens once per inference: all reads, where the pre-activation is buffered."""
        return sum(part.once_ns + (part.read_ns * self.full.passes if self.once else 0.0) for part in self.parts)

    @property
    def stage_ns(self) -> Real:
        """One time-step."""
        return sum(part.step_ns + (0.0 if self.once else part.read_ns) for part in self.parts)

    @property
    def total_ns(self) -> Real:
        """One inference, if nothing overlaps."""
        return self.once_ns + self.full.steps * self.stage_ns


def maps_held(network: Network, hardware: Hardware, source: str, stages: int = 1) -> int:
    """How many maps of an edge the layer that reads it holds, so many stages behind the one that makes it.

    Where stages overlap, one for each of them and one more; and those of all time-steps where a layer takes them one
    after the other.
    """
    held = 1 if hardware.schedule.pipeline == "none" else stages + 1
    every = hardware.schedule.order == "layer_first" and not network.constant(source)
    return held * network.time_steps if every else held


def placed(name: str, circuit: Circuit, count: Real, actions: Real, **times: Real) -> Part:
    """`count` instances of a circuit that act `actions` times per inference in all."""
    return Part(
        name,
        circuit.grade,
        circuit.source,
        energy_pj=actions * circuit.energy_fj * 1e-3,
        area_um2=count * circuit.area_um2,
        leakage_pw=count * circuit.leakage_pw,
        **times,
    )


def exposed(
    parts: Sequence[Part], longest: Real, times: Real, into: Literal["read_ns", "step_ns"] = "read_ns"
) -> list[Part]:
    """The parts with what their `beside_ns` adds to a pass (or a time-step), and what of it hides.

    It lasts as long as the longest of what runs at the same time; each part is charged what it adds to those before it,
    so that the sum is that maximum.

    Args:
        longest: of a pass or step without these parts, in ns. times: passes or steps per inference.
    """
    out = []
    for part in parts:
        if not is_array(part.beside_ns) and not part.beside_ns:
            out.append(part)
            continue
        over = maximum(part.beside_ns - longest, 0.0)
        longest = maximum(longest, part.beside_ns)
        hidden = part.hidden_ns + (part.beside_ns - over) * times
        out.append(replace(part, **{into: getattr(part, into) + over, "hidden_ns": hidden, "beside_ns": 0.0}))
    return out


#: what adds up when parts are joined
_QUANTITIES = ("energy_pj", "area_um2", "leakage_pw", "once_ns", "read_ns", "step_ns", "hidden_ns", "beside_ns")


def joined(name: str, parts: Sequence[Part]) -> Part:
    """Several parts under one name, graded as the weakest."""
    return Part(
        name,
        weakest(*(part.grade for part in parts)),
        "; ".join(dict.fromkeys(part.source for part in parts)),
        *(sum(getattr(part, quantity) for part in parts) for quantity in _QUANTITIES),
    )


def merged(parts: Sequence[Part]) -> list[Part]:
    """One part per name (a layer may be followed by two LIFs)."""
    groups: dict[str, list[Part]] = {}
    for part in parts:
        groups.setdefault(part.name, []).append(part)
    return [group[0] if len(group) == 1 else joined(name, group) for name, group in groups.items()]
