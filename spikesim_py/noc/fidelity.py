"""One door to three fidelities."""

from __future__ import annotations

from typing import get_args

from ..errors import InputError, did_you_mean
from .fabric import Fabric, Fidelity, NocResult, Packets


def run(packets: Packets, fabric: Fabric, fidelity: Fidelity = "cycle") -> NocResult:
    """Send packets over a mesh: in closed form (`analytic`), packet by packet (`event`) or cycle by cycle (`cycle`).

    All three are exact on an empty mesh; docs/noc_models.csv has their differences under load.
    """
    if fidelity == "analytic":
        from .queueing import estimate

        return estimate(packets, fabric)
    if fidelity == "event":
        from .event import simulate_events

        return simulate_events(packets, fabric)
    if fidelity == "cycle":
        from .router import simulate

        return simulate(packets, fabric)
    known = get_args(Fidelity)
    raise InputError(f"fidelity {fidelity!r}: must be one of {', '.join(known)}{did_you_mean(str(fidelity), known)}")
