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
    """One circuit: what it takes, and what one action of it costs (numbers, or arrays with one per design).

    Attributes:
        area_um2, leakage_pw: of one instance.
        energy_fj, time_ns: of one action.
        grade, source: how far the numbers can be trusted, and where they come from.
    """

    area_um2: Real
    leakage_pw: Real
    energy_fj: Real
    time_ns: Real
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
        return Circuit(
            where(condition, self.area_um2, 0.0),
            where(condition, self.leakage_pw, 0.0),
            where(condition, self.energy_fj, 0.0),
            where(condition, self.time_ns, 0.0),
            self.grade,
            self.source,
        )

    def times(self, count: Real) -> Circuit:
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
