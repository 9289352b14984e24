"""A part of a layer before the schedule is known: energy without leakage, area, and exposed times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

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
    """

    name: str
    grade: Grade
    source: str
    energy_pj: float = 0.0
    area_um2: float = 0.0
    leakage_pw: float = 0.0
    once_ns: float = 0.0
    read_ns: float = 0.0
    step_ns: float = 0.0
    hidden_ns: float = 0.0

    def node(self, interval_ns: float, counts: Counts, full: Counts) -> CostNode:
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

    def exposed_ns(self, counts: Counts) -> float:
        return self.once_ns + counts.passes * self.read_ns + counts.steps * self.step_ns


@dataclass(frozen=True)
class Counts:
    """Passes over the positions of a layer, and time-steps."""

    passes: int
    steps: int


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
    awake: float
    awake_conversions: float

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def steps(self) -> int:
        return self.network.time_steps

    @property
    def crossbar_inputs(self) -> int:
        """Most inputs that a crossbar of the layer takes."""
        lines = self.plan.channels if self.hardware.mapping.rows is RowMapping.SPIKEFLOW else self.plan.rows
        return min(lines, self.hardware.input_rows)

    @property
    def active_lines(self) -> float:
        """Mean active word lines per read, over all crossbars of the layer; an input may have two."""
        plan = self.plan
        return self.activity.rate * plan.groups * plan.rows * self.hardware.word_lines * plan.col_blocks

    @property
    def clock_ns(self) -> float:
        return 1e3 / self.hardware.technology.clock_mhz


@dataclass(frozen=True)
class Staged:
    """A layer's parts with its counts."""

    name: str
    parts: tuple[Part, ...]
    full: Counts
    once: bool = field(default=False)

    @property
    def once_ns(self) -> float:
        """What happens once per inference: all reads, where the pre-activation is buffered."""
        return sum(part.once_ns + (part.read_ns * self.full.passes if self.once else 0.0) for part in self.parts)

    @property
    def stage_ns(self) -> float:
        """One time-step."""
        return sum(part.step_ns + (0.0 if self.once else part.read_ns) for part in self.parts)

    @property
    def total_ns(self) -> float:
        """One inference, if nothing overlaps."""
        return self.once_ns + self.full.steps * self.stage_ns


def placed(name: str, circuit: Circuit, count: float, actions: float, **times: float) -> Part:
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


def joined(name: str, parts: Sequence[Part]) -> Part:
    """Several parts under one name, graded as the weakest."""
    return Part(
        name,
        weakest(*(part.grade for part in parts)),
        "; ".join(dict.fromkeys(part.source for part in parts)),
        *(
            sum(getattr(part, quantity) for part in parts)
            for quantity in (
                "energy_pj",
                "area_um2",
                "leakage_pw",
                "once_ns",
                "read_ns",
                "step_ns",
                "hidden_ns",
            )
        ),
    )
