"""What limits every layer: the resource without which it would be fastest.

Two times of a resource r in a layer (`resources.py` says which component belongs to which)::

    exposed_r   its share of the critical path; all of them sum to the layer's time
    alone_r     what it would take by itself: no layer is faster than any of its resources. The longer of
                exposed_r and of its longest component's busy time, which may hide behind others, up to the
                layer's time (what is busy for longer hides behind other layers)

    without_r = max(sum of exposed_s, largest alone_s)  over the other resources s

is the layer's time if r took none, as far as a tree can tell: what hid behind r shows. The limiter is the r with the
smallest `without_r`; where all work is in series that is the largest exposed time, where it overlaps the longest busy
one. ``headroom = time / without``: how much faster the layer would be with an infinitely fast limiter.
``slack = alone of the limiter / alone of the second``: how much slower the second may get before it limits.

Operations over `alone_r` are the roof that r sets (Williams et al., "Roofline", CACM 52(4), 2009: attained
performance is below every resource's own).

Under `pipeline: time_step` the tree shows one time-step of a layer, and all of them of the slowest; busy times are
those of as many. The chip's headroom then supposes that the slowest layer stays the slowest: it is an upper bound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._units import engineering, number
from .resources import Resource, resource_label, resource_of
from .tree import CostNode

#: columns of the table, after the layer's name
COLUMNS = ("time", "limited by", "of its time", "headroom", "then by", "slack", "TOPS", "limiter's TOPS")


@dataclass(frozen=True)
class ResourceTime:
    """One resource of a layer.

    Attributes:
        exposed_ns: on the critical path. alone_ns: what it would take by itself, at least.
        without_ns: the layer's time if it took none.
        roof_tops: operations per `alone_ns`, in TOPS; None where the layer has no operations or it takes no time.
    """

    resource: Resource
    exposed_ns: float
    alone_ns: float
    without_ns: float
    roof_tops: float | None


@dataclass(frozen=True)
class Roof:
    """One layer, or the chip.

    Attributes:
        time_ns: its part of the latency. operations: in that time (2 per multiply-accumulate, times T).
        resources: those that take time, the limiter first, then by the time that they would take alone.
    """

    name: str
    time_ns: float
    operations: float
    resources: tuple[ResourceTime, ...]

    @property
    def limiter(self) -> Resource | None:
        """None where nothing takes time."""
        return self.resources[0].resource if self.resources else None

    @property
    def share(self) -> float:
        """The limiter's time over the layer's: 1 where everything else hides behind it."""
        return self.resources[0].alone_ns / self.time_ns if self.resources else 0.0

    @property
    def headroom(self) -> float | None:
        """Times faster with an infinitely fast limiter; None without bound: nothing else takes time."""
        without = self.resources[0].without_ns if self.resources else 0.0
        return self.time_ns / without if without else None

    @property
    def second(self) -> Resource | None:
        """The resource that would limit next."""
        return self.resources[1].resource if len(self.resources) > 1 else None

    @property
    def slack(self) -> float | None:
        """Times slower that the second may get before it takes as long as the limiter; None without a second."""
        return self.resources[0].alone_ns / self.resources[1].alone_ns if len(self.resources) > 1 else None

    @property
    def tops(self) -> float | None:
        """Attained: operations over the layer's time."""
        return _tops(self.operations, self.time_ns)


@dataclass(frozen=True)
class Roofline:
    """Layers in the order of the network, and the chip as a whole."""

    layers: tuple[Roof, ...]
    chip: Roof


def roofline(tree: CostNode, operations: Mapping[str, float], overlapped_steps: int = 1) -> Roofline:
    """The roofline of a cost tree.

    Args:
        operations: layer to operations per inference; layers that are not in it have none.
        overlapped_steps: T where layers work on different time-steps at once (`pipeline: time_step`), else 1.
    """
    timed = [node for node in tree.children if node.critical_ns]
    layers = tuple(_layer(node, operations.get(node.name, 0.0), overlapped_steps) for node in timed)
    return Roofline(layers, _chip(tree, layers, sum(operations.values())))


def report_roofline(report: Mapping[str, Any]) -> Roofline:
    """The roofline of a report (takes the plain data of `Report.to_dict`)."""
    steps = report["time_steps"]
    operations = operations_of(report.get("layer_macs", {}), steps)
    pipelined = report["hardware"]["schedule"]["pipeline"] == "time_step"
    return roofline(CostNode.from_dict(report["tree"]), operations, steps if pipelined else 1)


def operations_of(macs: Mapping[str, int], time_steps: int) -> dict[str, float]:
    """Layer to its operations per inference, as TOPS count them: 2 per multiply-accumulate, times T."""
    return {layer: 2.0 * count * time_steps for layer, count in macs.items()}


def roofline_rows(found: Roofline) -> list[tuple[str, ...]]:
    """The table of layers and the chip as text, under `COLUMNS`."""
    return [
        (
            roof.name,
            engineering(roof.time_ns, "ns"),
            resource_label(roof.limiter) if roof.limiter else "-",
            f"{roof.share:.1%}",
            _times(roof.headroom),
            resource_label(roof.second) if roof.second else "-",
            _times(roof.slack),
            _shown(roof.tops),
            _shown(roof.resources[0].roof_tops if roof.resources else None),
        )
        for roof in (*found.layers, found.chip)
    ]


def _times(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}x"


def _shown(value: float | None) -> str:
    return "-" if value is None else number(value, 3)


def _layer(layer: CostNode, operations: float, overlapped_steps: int) -> Roof:
    leaves, time_ns = layer.components().values(), layer.critical_ns
    first = max(leaves, key=lambda leaf: leaf.critical_ns)
    # where the most exposed component is busy for T times what is seen of it, the tree shows one of T time-steps
    steps = overlapped_steps if first.busy_ns >= first.critical_ns * overlapped_steps * (1 - 1e-9) else 1
    exposed: dict[Resource, float] = {}
    alone: dict[Resource, float] = {}
    for leaf in leaves:
        resource = resource_of(leaf.name)
        exposed[resource] = exposed.get(resource, 0.0) + leaf.critical_ns
        alone[resource] = max(alone.get(resource, 0.0), exposed[resource], min(leaf.busy_ns / steps, time_ns))
    found = []
    for resource in (name for name, time in alone.items() if time):
        others = [name for name in alone if name != resource]
        without = max(sum(exposed[name] for name in others), *(alone[name] for name in others), 0.0)
        roof = _tops(operations / steps, alone[resource])
        found.append(ResourceTime(resource, exposed[resource], alone[resource], without, roof))
    return Roof(layer.name, time_ns, operations / steps, _ranked(found))


def _ranked(found: Sequence[ResourceTime]) -> tuple[ResourceTime, ...]:
    if not found:
        return ()
    limiter = min(found, key=lambda r: (r.without_ns, -r.exposed_ns))
    rest = sorted((r for r in found if r is not limiter), key=lambda r: (-r.alone_ns, r.resource))
    return (limiter, *rest)


def _chip(tree: CostNode, layers: Sequence[Roof], operations: float) -> Roof:
    """All layers together: a resource that is infinitely fast is so in every layer."""
    total, found = tree.critical_ns, []
    for resource in dict.fromkeys(r.resource for layer in layers for r in layer.resources):
        here = {layer.name: r for layer in layers for r in layer.resources if r.resource == resource}
        without = sum(here[layer.name].without_ns if layer.name in here else layer.time_ns for layer in layers)
        exposed, alone = sum(r.exposed_ns for r in here.values()), sum(r.alone_ns for r in here.values())
        found.append(ResourceTime(resource, exposed, alone, min(without, total), _tops(operations, alone)))
    return Roof(tree.name, total, operations, _ranked(found))


def _tops(operations: float, time_ns: float) -> float | None:
    return operations / time_ns * 1e-3 if operations and time_ns else None
