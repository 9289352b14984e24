"""What a layer sends, in sum, and by how much its last flit is late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from .._arrays import Real, maximum, minimum, sqrt
from .edges import Kind


@dataclass(frozen=True)
class Flow:
    """What one layer sends per time-step, or per inference where all its time-steps are sent at once.

    Attributes:
        layer, target, kind: as of a `Transfer`. steps: how often it happens per inference.
        flits: that reach a tile, in all. injected: that leave their tile; fewer where packets fork.
        flit_links: flits times the links that they pass.
        head_cycles: until the farthest packet's head is out. serial_cycles: flits that follow it through the busiest
            port or link. tail_cycles: those of them that the last packets of all sources are.
        passes: of the layer (see `late`) during which the values are made, and sent as they are; 0 if all are there
            from the start.
        late_cycles: from the last value made to the last flit out, where that was simulated.
    """

    layer: str
    target: str
    kind: Kind
    steps: int
    flits: Real
    injected: Real
    flit_links: Real
    head_cycles: Real
    serial_cycles: Real
    tail_cycles: Real
    passes: Real
    late_cycles: float | None = None

    @property
    def cycles(self) -> Real:
        """Until the last flit is out, if all are sent at once."""
        return self.head_cycles + self.serial_cycles


@dataclass(frozen=True)
class Late:
    """What the transfers of a layer add to its time: once per inference, per pass over its positions, per time-step."""

    once_ns: Real
    pass_ns: Real
    step_ns: Real


def late(sent: Sequence[Flow], clock_ns: Real, sums_ns: Real, values_ns: Real, steps: int, apart: bool) -> Late:
    """From the last value that a layer makes to the last flit out.

    Its transfers share the time in which the values are made. With s flits through the busiest port or link, w cycles
    of that time and t flits of the last packets, these are out after t + ((s - w) + sqrt((s - w)^2 + 2 t s)) / 2, but
    not more than s: for s below w that is t times the wait of a queue with load r = s / w, 1 + r / (2 (1 - r)) (M/D/1;
    Kleinrock, Queueing Systems I, 1975, eq. 5.71), and for s above w what the time leaves over. More time never ends
    sooner. What is there from the start waits for nothing, and what was simulated is as late as it was.

    Args:
        sent: by one layer. sums_ns, values_ns: one pass of its crossbars, and one of what makes its values.
        steps: T. apart: whether sums and values are made at different times.
    """
    once, per_pass, per_step = 0.0, 0.0, 0.0
    streams = [flow for flow in sent if flow.passes and flow.late_cycles is None]
    for flow in sent:
        if flow not in streams:
            own_ns = (flow.cycles if flow.late_cycles is None else flow.late_cycles) * clock_ns
            if flow.kind == "partial_sums":
                per_pass = per_pass + own_ns
            elif flow.steps == steps:
                per_step = per_step + own_ns
            else:
                once = once + own_ns
    sums = [flow for flow in streams if flow.kind == "partial_sums"]
    values = [flow for flow in streams if flow.kind != "partial_sums"]
    per_pass = per_pass + sum(flow.head_cycles for flow in sums) * clock_ns
    for group, each_ns in ((sums, sums_ns), (values, values_ns)) if apart else ((streams, values_ns),):
        if not group:
            continue
        turns = min(flow.steps for flow in group)
        serial_ns = sum(flow.serial_cycles * (flow.steps / turns) for flow in group) * clock_ns
        over_ns = serial_ns - each_ns * group[0].passes * (group[0].steps / turns)
        tail_ns = sum(flow.tail_cycles for flow in group) * clock_ns
        wait_ns = (over_ns + sqrt(over_ns * over_ns + 2.0 * tail_ns * serial_ns)) / 2.0
        wait_ns = minimum(tail_ns + wait_ns, serial_ns)
        heads = [flow.head_cycles for flow in group if flow.kind != "partial_sums"]
        if not heads:
            per_pass = per_pass + wait_ns
            continue
        wait_ns = wait_ns + reduce(maximum, heads) * clock_ns
        if turns == steps:
            per_step = per_step + wait_ns
        else:
            once = once + wait_ns
    return Late(once, per_pass, per_step)
