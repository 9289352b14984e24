"""Whether a run is as good as the committed one: by ratios to a peer in the same run, not by seconds.

`baseline.json` holds, for every ratio that is guarded, its value, which way is better, and by what share it may be
worse. A ratio that is missing fails too: a benchmark that no longer runs guards nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BASELINE = Path(__file__).with_name("baseline.json")


@dataclass(frozen=True)
class Guard:
    """One guarded ratio.

    Attributes:
        value: of the committed run. better: `higher` or `lower`.
        tolerance: share by which it may be worse before the gate closes.
    """

    value: float
    better: str
    tolerance: float

    def __post_init__(self) -> None:
        if self.better not in ("higher", "lower"):
            raise ValueError(f"better = {self.better!r}: must be 'higher' or 'lower'")
        if not (self.value > 0 and 0 <= self.tolerance < 1):
            raise ValueError(f"value = {self.value}, tolerance = {self.tolerance}: must be above 0, and from 0 to 1")

    @property
    def limit(self) -> float:
        """The worst that passes."""
        return self.value * (1 - self.tolerance) if self.better == "higher" else self.value / (1 - self.tolerance)

    def holds(self, found: float) -> bool:
        return found >= self.limit if self.better == "higher" else found <= self.limit


def load(path: Path = BASELINE) -> dict[str, Guard]:
    """The guards by `section: name`."""
    return {name: Guard(**about) for name, about in json.loads(path.read_text(encoding="utf-8")).items()}


def failures(baseline: Mapping[str, Guard], found: Mapping[str, float]) -> list[str]:
    """What closes the gate, one line for each ratio that is missing or worse than it may be."""
    lines = []
    for name, guard in baseline.items():
        if name not in found:
            lines.append(f"{name}: is missing; the baseline has {guard.value:g}x")
        elif not guard.holds(found[name]):
            word = "fell to" if guard.better == "higher" else "rose to"
            lines.append(
                f"{name}: {word} {found[name]:g}x from {guard.value:g}x; at "
                f"{'least' if guard.better == 'higher' else 'most'} {guard.limit:.3g}x passes"
            )
    return lines


def rebased(baseline: Mapping[str, Guard], found: Mapping[str, float]) -> dict[str, Any]:
    """The same guards with the values of a run, as the file holds them.

    Raises:
        KeyError: a guarded ratio is missing.
    """
    return {
        name: {"value": found[name], "better": guard.better, "tolerance": guard.tolerance}
        for name, guard in baseline.items()
    }
