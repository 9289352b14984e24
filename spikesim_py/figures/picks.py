"""Which designs a reader wants to see first."""

from __future__ import annotations

import numpy as np

from .columns import Frame


def best_designs(frame: Frame, front: np.ndarray) -> dict[str, int]:
    """Why a design is worth a look -> its row; each row once.

    The most accurate; the one of least EDAP whose accuracy interval reaches the best accuracy's; the least EDAP.
    """
    rows = np.flatnonzero(front)
    edap = np.asarray(frame["edap"], float)
    picks: dict[str, int] = {}
    accuracy = np.asarray(frame["accuracy"], float) if "accuracy" in frame else np.array([])
    if accuracy.size and np.isfinite(accuracy[rows]).any():
        best = int(rows[np.nanargmax(accuracy[rows])])
        picks["Most accurate"] = best
        if "accuracy_low" in frame:
            low, high = (np.asarray(frame[f"accuracy_{end}"], float) for end in ("low", "high"))
            low, high = (np.where(np.isfinite(end), end, accuracy) for end in (low, high))  # others state no interval
            tied = rows[high[rows] >= low[best]]
            picks["Cheapest whose accuracy interval overlaps the best"] = int(tied[np.argmin(edap[tied])])
    picks["Smallest EDAP"] = int(rows[np.argmin(edap[rows])])
    first: dict[int, str] = {}
    for reason, row in picks.items():
        first.setdefault(row, reason)
    return {reason: row for row, reason in first.items()}
