"""What every circuit tells."""

from __future__ import annotations

from dataclasses import dataclass

from ..._arrays import Real, where
from ..technology import Group
from ..tree import Grade

#: worst first: what is built of several circuits can be trusted as far as the weakest
_ORDER: tuple[Grade, ...] = ("assumed", "sourced", "simulator-validated", "silicon-validated")


@dataclass(frozen=True)
class Circuit:
    """One circuit: what it takes, and what one action of it costs.

    Attributes:
        area_um2, leakage_pw: of one instance.
        energy_fj, time_ns: of one action.
        grade, source: how far the numbers can be trusted, and where they come from.
    """

    area_um2: float
    leakage_pw: float
    energy_fj: float
    time_ns: float
    grade: Grade
    source: str

    def __add__(self, other: Circuit) -> Circuit:
        """Two circuits that act together, one after the other."""
        return Circuit(
            self.area_um2 + other.area_um2,
            self.leakage_pw + other.leakage_pw,
            self.energy_fj + other.energy_fj,
            self.time_ns + other.time_ns,
            weakest(self.grade, other.grade),
            self.source if self.source == other.source else f"{self.source}; {other.source}",
        )

    def only(self, condition: Real) -> Circuit:
        """Nothing where the condition does not hold."""
        parts = (self.area_um2, self.leakage_pw, self.energy_fj, self.time_ns)
        return Circuit(*(where(condition, part, 0.0) for part in parts), self.grade, self.source)

    def times(self, count: float) -> Circuit:
        """`count` of them side by side, all acting at once."""
        return Circuit(
            self.area_um2 * count,
            self.leakage_pw * count,
            self.energy_fj * count,
            self.time_ns,
            self.grade,
            self.source,
        )


def weakest(*grades: Grade) -> Grade:
    """The least trusted of several grades."""
    return min(grades, key=_ORDER.index)


def nothing(group: Group) -> Circuit:
    """No circuit at all, for what a design does not need."""
    return Circuit(0.0, 0.0, 0.0, 0.0, group.grade, group.source)
