"""What the mesh of a chip carries while a network runs on it: link by link, layer by layer, time-step by time-step."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ._files import write_atomic
from .activity import resolve_activity
from .cost.mesh import FlitEnergy, MeshInputs, mesh_inputs
from .datasets import network_data
from .errors import InputError
from .evaluate import check_fits, design
from .hardware import Hardware
from .mapping import Mapping as NetworkMapping
from .mapping import map_network
from .network import Network
from .noc import Fidelity, Label, NocResult, Scheduled, Trains, all_blocks, run
from .noc.encodings import Choice
from .noc.fabric import LOCAL
from .noc.multicast import loads_by_label
from .noc.records import choice_of, train_of
from .noc.refine import drawn_trains, fabric_of, layer_waits, moved, packets_of, placed
from .noc.schedule import schedule_packets

Simulated = Literal["cycle", "event"]
DATA, SAMPLES = "digits", 4
#: what +x, -x, +y and -y add to a place
_STEP = ((1, 0), (-1, 0), (0, 1), (0, -1))


@dataclass(frozen=True)
class LinkUse:
    """One link, on average over the samples.

    Attributes:
        start, end: places (x, y). flits: per inference. load: share of all cycles in which it carries one.
        peak: the same while the layer that loads it most makes its values. pairs: transfer to its share of the flits,
            the largest first.
    """

    start: tuple[int, int]
    end: tuple[int, int]
    flits: float
    load: float
    peak: float
    pairs: tuple[tuple[Label, float], ...]


@dataclass(frozen=True)
class StepUse:
    """One time-step, in cycles.

    Attributes:
        makespan_cycles, most_makespan_cycles: until its last layer is done (mean and largest of the samples), layer
            after layer, each starting when the last packet that it needs is there; the slowest layer where the chip's
            pipeline overlaps them. compute_cycles: the same on a mesh that takes no time.
        late_cycles: what layers wait for last packets, in sum.
        p50_cycles, p99_cycles, most_cycles: latency of its packets.
    """

    step: int
    makespan_cycles: float
    most_makespan_cycles: float
    compute_cycles: float
    late_cycles: float
    p50_cycles: float
    p99_cycles: float
    most_cycles: float


@dataclass(frozen=True)
class LayerUse:
    """What a layer sends of one kind: how it is encoded, and what it costs per inference.

    Attributes:
        encoding: the code; None for partial sums and values of several bits, which are dense. rate: active share.
        break_even_rate: below it the cheapest sparse code beats the bitmap.
    """

    label: Label
    encoding: str | None
    rate: float | None
    break_even_rate: float | None
    flits: float
    flit_links: float
    energy: FlitEnergy


@dataclass(frozen=True)
class NocReport:
    """The mesh under the traffic of some samples.

    Attributes:
        network, chip: by name. fidelity: of the simulation. origin: `measured` spikes, or `drawn` at the rates of the
            activity. samples: how many.
        mesh: (width, height). tiles: place (x, y) and layer of every tile. steps, layers, links: see there; links from
            the most flits on.
        placement: of the chip. before, after: flits times links, and flits over the busiest link, on a snake (or row by
            row, whichever is better) and where annealing puts the tiles; the chip has the latter with
            `noc.placement: optimized`.
        saved_flit_links: what trees in packets of `tree_flits` flits save, or would save, of the flits times links of
            copies in the chip's packets (share).
        cycle_ns: length of a cycle.
        warnings: why numbers may be off.
    """

    network: str
    chip: str
    fidelity: Fidelity
    origin: str
    samples: int
    mesh: tuple[int, int]
    tiles: tuple[tuple[int, int, str | None], ...]
    steps: tuple[StepUse, ...]
    layers: tuple[LayerUse, ...]
    links: tuple[LinkUse, ...]
    placement: str
    before: tuple[float, float]
    after: tuple[float, float]
    tree_flits: int
    saved_flit_links: float
    cycle_ns: float
    warnings: tuple[str, ...]

    @property
    def flit_links(self) -> float:
        """Flits times links per inference."""
        return sum(link.flits for link in self.links)

    def to_dict(self) -> dict[str, Any]:
        """Plain data; what `mesh_figure` draws."""
        plain = {key: value for key, value in vars(self).items() if key not in ("tiles", "links", "layers", "steps")}
        return plain | {
            "tiles": [{"index": i, "x": x, "y": y, "layer": layer} for i, (x, y, layer) in enumerate(self.tiles)],
            "steps": [asdict(step) for step in self.steps],
            "layers": [_plain_layer(layer) for layer in self.layers],
            "links": [_plain_link(link) for link in self.links],
        }

    def to_json(self, path: str | Path) -> Path:
        """Write `to_dict`; the file is whole or not there."""
        return write_atomic(path, json.dumps(self.to_dict(), indent=1))

    def to_html(self, path: str | Path) -> Path:
        """Write a self-contained page: floor plan, links, layers and time-steps."""
        from .figures.noc_page import noc_page

        return write_atomic(path, noc_page(self.to_dict()))


def _plain_layer(layer: LayerUse) -> dict[str, Any]:
    plain = {key: value for key, value in vars(layer).items() if key not in ("label", "energy")}
    return layer.label._asdict() | plain | asdict(layer.energy) | {"total_pj": layer.energy.total_pj}


def _plain_link(link: LinkUse) -> dict[str, Any]:
    pairs = [label._asdict() | {"share": share} for label, share in link.pairs]
    used = {"flits": link.flits, "load": link.load, "peak": link.peak}
    return {"from": link.start, "to": link.end, **used, "pairs": pairs}


def noc_report(
    network: str | Path | Network,
    chip: str | Path | Hardware,
    *,
    data: str | None = None,
    split: str = "report",
    samples: int | None = None,
    seed: int = 0,
    overrides: Mapping[str, Any] | None = None,
    fidelity: Simulated | None = None,
) -> NocReport:
    """The traffic of a network's spikes on a chip's mesh.

    Args:
        network, chip, overrides: as in `evaluate`.
        data, split, samples: whose spikes are recorded on the simulated chip (4 of the digits where None). A workload
            without weights has none: spikes are drawn at the chip's `cost.assumed_activity` (or the rates that the
            network stores), one inference.
        seed: of the device instance.
        fidelity: `cycle` or `event`; the chip's `noc.fidelity` where None, `cycle` where that is `analytic` (whose
            closed form `cost` shows).

    Raises:
        InputError: an input cannot be used, or the network runs on no crossbars.
    """
    net, hardware = design(network, chip, overrides)
    if fidelity not in (None, *get_args(Simulated)):
        raise InputError(f"fidelity = {fidelity!r}: must be one of {', '.join(get_args(Simulated))}")
    if net.arithmetic == "float":
        raise InputError(f"noc: network {net.name!r} has float weights and runs on no tiles; quantize it first")
    if hardware.cost.library != "parametric":
        raise InputError(f"noc: chip {hardware.name!r} has cost.library = {hardware.cost.library!r}, which has no mesh")
    if fidelity is None:
        fidelity = "cycle" if hardware.noc.fidelity == "analytic" else hardware.noc.fidelity
    mapping = map_network(net, hardware)
    layers = tuple(node.name for node in net.layers)
    activity = resolve_activity(None, layers, net.model.activity, hardware.cost.assumed_activity)
    if net.shape_only and (data is not None or samples is not None):
        given = f"data = {data!r}" if data is not None else f"samples = {samples}"
        raise InputError(f"{given}: network {net.name!r} is a shape-only workload, which runs no images; leave it out")
    if net.shape_only:
        trains, shown, origin = drawn_trains(mapping, activity), 1, "drawn"
    else:
        from .inference import record_trains

        dataset = network_data(net, data or DATA, split, samples or SAMPLES)
        shown, origin = check_fits(net, dataset), "measured"
        trains = record_trains(net, hardware, dataset, seed=seed)
    own, better = moved(mapping, activity), placed(mapping, activity)
    inputs = mesh_inputs(mapping, activity)
    sent = [packets_of(own, inputs.timings, trains, sample) for sample in range(shown)]
    results = [run(one.packets, fabric_of(own), fidelity) for one in sent]
    loads = _loads(own, sent)
    tree_flits = min(hardware.noc.packet_flits, hardware.noc.buffer_flits - 1)  # the longest that may fork
    return NocReport(
        network=net.name,
        chip=hardware.name,
        fidelity=fidelity,
        origin=origin,
        samples=shown,
        mesh=(own.mesh.width, own.mesh.height),
        tiles=_tiles(own),
        steps=_steps(inputs, sent, results),
        layers=_layers(own, inputs, trains, loads, sent),
        links=_links(own, inputs, loads, sent, results),
        placement=hardware.noc.placement,
        before=better.before,
        after=better.after,
        tree_flits=tree_flits,
        saved_flit_links=_saved(own, inputs, trains, tree_flits),
        cycle_ns=1e3 / hardware.technology.clock_mhz,
        warnings=tuple(dict.fromkeys(warning for result in results for warning in result.warnings)),
    )


def _tiles(mapping: NetworkMapping) -> tuple[tuple[int, int, str | None], ...]:
    layer_of = dict[int, str]()
    for name, plan in mapping.layers.items():  # layers that take turns share tiles: the first is shown
        for tile in range(plan.first_tile, plan.first_tile + plan.tiles):
            layer_of.setdefault(tile, name)
    return tuple((x, y, layer_of.get(tile)) for tile, (x, y) in enumerate(mapping.mesh.places))


def _loads(mapping: NetworkMapping, sent: Sequence[Scheduled]) -> Mapping[Label, NDArray[np.float64]]:
    """Transfer to the (nodes, 5) flits that leave every router by every port, mean of the samples.

    A tree for several layers counts for each in equal parts.
    """
    found: dict[Label, NDArray[np.float64]] = {}
    for one in sent:
        loads = loads_by_label(one.packets, fabric_of(mapping), len(one.labels))
        for readers, load in zip(one.readers, loads, strict=True):
            for label in readers:
                found[label] = found.get(label, 0.0) + load / (len(sent) * len(readers))
    return found


def _steps(inputs: MeshInputs, sent: Sequence[Scheduled], results: Sequence[NocResult]) -> tuple[StepUse, ...]:
    return tuple(_step(inputs, sent, results, step) for step in range(inputs.steps))


def _step(inputs: MeshInputs, sent: Sequence[Scheduled], results: Sequence[NocResult], step: int) -> StepUse:
    turns = {layer: inputs.turn_cycles(layer, step) for layer in inputs.timings}
    whole = max if inputs.overlapped else sum
    spans, waits, latency = [], [], [np.zeros(0)]
    for one, result in zip(sent, results, strict=True):
        late = layer_waits(one, result, step)
        spans.append(whole(turn + late.get(layer, 0.0) for layer, turn in turns.items()))
        waits.append(sum(late.values()))
        latency.append(result.latency_cycles[np.repeat(one.step == step, np.diff(one.packets.first))])
    of_all = np.concatenate(latency)
    p50, p99, most = np.percentile(of_all, (50, 99, 100)).tolist() if len(of_all) else (0.0, 0.0, 0.0)
    compute = whole(turns.values())
    return StepUse(step, float(np.mean(spans)), max(spans), compute, float(np.mean(waits)), p50, p99, most)


def _layers(
    mapping: NetworkMapping,
    inputs: MeshInputs,
    trains: Trains,
    loads: Mapping[Label, NDArray[np.float64]],
    sent: Sequence[Scheduled],
) -> tuple[LayerUse, ...]:
    """Every transfer, in the order of the network's layers."""
    choices: dict[Label, Choice | None] = {}
    for blocks in all_blocks(mapping):
        seen = choice_of(mapping, blocks, None, train_of(mapping, trains, blocks.node, blocks.steps))
        choices.update(dict.fromkeys(blocks.labels, seen if blocks.bits == 1 else None))
    order = list(mapping.layers)
    found = []
    for label in sorted(loads, key=lambda label: (order.index(label.layer), order.index(label.target), label.kind)):
        load, choice = loads[label], choices.get(label)
        links, delivered = float(load[:, :LOCAL].sum()), float(load[:, LOCAL].sum())
        entered = sum(_injected(one, label) for one in sent) / len(sent)
        found.append(
            LayerUse(
                label,
                choice.encoding.name if choice else None,
                choice.rate if choice else None,
                choice.break_even_rate if choice else None,
                delivered,
                links,
                inputs.energy(entered + links, delivered + links, links),
            )
        )
    return tuple(found)


def _injected(sent: Scheduled, label: Label) -> float:
    """Flits that a transfer sends; its part of trees that it shares."""
    flits = np.bincount(sent.packets.label, sent.packets.flits, len(sent.labels))
    return sum(float(flits[n]) / len(readers) for n, readers in enumerate(sent.readers) if label in readers)


def _links(
    mapping: NetworkMapping,
    inputs: MeshInputs,
    loads: Mapping[Label, NDArray[np.float64]],
    sent: Sequence[Scheduled],
    results: Sequence[NocResult],
) -> tuple[LinkUse, ...]:
    """Every link that carries anything, the busiest first; of equal ones the first in order of place and port."""
    labels, width = list(loads), mapping.mesh.width
    by_label = np.stack([loads[label][:, :LOCAL] for label in labels]) if labels else np.zeros((0, 1, LOCAL))
    duration = float(np.mean([result.duration_cycles for result in results]))
    windows = {layer: sum(inputs.turn_cycles(layer, step) for step in range(inputs.steps)) for layer in mapping.layers}
    found = []
    for node, port in np.argwhere(by_label.sum(0) > 0).tolist():
        own = by_label[:, node, port]
        total, start = float(own.sum()), (node % width, node // width)
        by_layer: dict[str, float] = {}
        for label, flits in zip(labels, own.tolist(), strict=True):
            by_layer[label.layer] = by_layer.get(label.layer, 0.0) + flits
        order = np.argsort(-own, kind="stable").tolist()
        found.append(
            LinkUse(
                start,
                (start[0] + _STEP[port][0], start[1] + _STEP[port][1]),
                total,
                total / duration,
                max(flits / max(windows[layer], 1.0) for layer, flits in by_layer.items()),
                tuple((labels[i], float(own[i]) / total) for i in order if own[i]),
            )
        )
    return tuple(sorted(found, key=lambda link: -link.flits))


def _saved(mapping: NetworkMapping, inputs: MeshInputs, trains: Trains, tree_flits: int) -> float:
    """Share of the flits times links of the chip's copies that trees save, of the first sample's packets."""
    links = []
    for packet_flits, multicast in ((mapping.hardware.noc.packet_flits, False), (tree_flits, True)):
        sent = schedule_packets(mapping, inputs.timings, packet_flits=packet_flits, trains=trains, multicast=multicast)
        loads = loads_by_label(sent.packets, fabric_of(mapping), len(sent.labels))
        links.append(float(loads[:, :, :LOCAL].sum()))
    return 1.0 - links[1] / links[0] if links[0] else 0.0
