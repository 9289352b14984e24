"""The mesh in the tree: what a layer's traffic costs, and the routers and links that all layers share.

A flit is written into a buffer of every router that it enters, with one clock (idle routers are clock-gated); every
copy that leaves is read, arbitrated and switched, and pays for its link, which is one tile pitch long. Unless the chip
states its routers' leakage they leak as flip-flops of the node's low-power library do: DSENT's own figure
(low-threshold cells at 340 K) is thousands of times higher and fits no part of this chip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .._arrays import Real, maximum, sqrt
from ..hardware import Hardware
from ..mapping import Mapping, Mesh
from ..noc import Flow, late
from .components import Memory
from .neuron_parts import most_membrane_bits, shared_membranes
from .parts import Part
from .technology import Router, Technology


def router_of(tech: Technology, hardware: Hardware) -> Router:
    noc = hardware.noc
    return tech.noc.routers[noc.flit_bits, noc.vcs, noc.buffer_flits]


@dataclass(frozen=True)
class FlitEnergy:
    """Energy of transfers by what takes it, in pJ."""

    buffers_pj: Real
    crossbars_pj: Real
    arbiters_pj: Real
    clock_pj: Real
    links_pj: Real

    @property
    def total_pj(self) -> Real:
        return sum(vars(self).values())


def flit_energy(
    tech: Technology, hardware: Hardware, entered: Real, left: Real, links: Real, pitch_mm: Real
) -> FlitEnergy:
    """Energy of flits.

    Args:
        entered: flits times the routers that they enter. left: flits times the ports by which they leave routers.
        links: flits times the links that they pass. pitch_mm: length of a link.
    """
    router, link = router_of(tech, hardware), tech.noc.link
    wire = (link.base_pj + link.per_mm_pj * pitch_mm) * hardware.noc.flit_bits / link.bits
    return FlitEnergy(
        entered * router.write_pj + left * router.read_pj,
        left * router.crossbar_pj,
        left * router.arbiter_pj,
        entered * router.clock_pj,
        links * wire,
    )


@dataclass(frozen=True)
class Window:
    """In which a layer makes what it sends, per time-step: one pass over its positions.

    Attributes:
        sums_ns: of its crossbars. values_ns: until its neurons have them. apart: whether these are two different times.
    """

    sums_ns: Real
    values_ns: Real
    apart: bool

    def of(self, flow: Flow) -> Real:
        return self.sums_ns if flow.kind == "partial_sums" else self.values_ns


def traffic_part(
    tech: Technology, hardware: Hardware, sent: Sequence[Flow], pitch_mm: Real, window: Window, steps: int
) -> Part:
    """Transfers of one layer. What it makes streams out in the meantime."""
    clock_ns, busy, energy = 1e3 / hardware.technology.clock_mhz, 0.0, 0.0
    for flow in sent:
        entered, left = flow.injected + flow.flit_links, flow.flits + flow.flit_links
        taken = flit_energy(tech, hardware, entered, left, flow.flit_links, pitch_mm)
        energy = energy + flow.steps * taken.total_pj
        busy = busy + flow.steps * flow.cycles * clock_ns
    shown = late(sent, clock_ns, window.sums_ns, window.values_ns, steps, window.apart)
    passes = max((flow.steps for flow in sent if flow.kind == "partial_sums"), default=0)
    seen = shown.once_ns + passes * shown.pass_ns + steps * shown.step_ns
    return Part(
        "noc",
        tech.noc.grade,
        tech.noc.source,
        energy_pj=energy,
        once_ns=shown.once_ns,
        read_ns=shown.pass_ns,
        step_ns=shown.step_ns,
        hidden_ns=maximum(busy - seen, 0.0),
    )


def shared_parts(tech: Technology, mapping: Mapping) -> list[Part]:
    """Routers and links of the whole mesh, and the buffer that holds the chip's input."""
    hardware, network, mesh = mapping.hardware, mapping.network, mapping.mesh
    router, link, law = router_of(tech, hardware), tech.noc.link, tech["digital"]
    density = law["register_leakage"] / law["register_area"]
    count = mesh.width * mesh.height
    area = count * router.area_um2
    wires = mesh_links(mesh) * link.repeater_um2 * hardware.noc.flit_bits / link.bits
    spec = network.model.input
    steps = network.time_steps if spec.coding == "events" else 1
    bits = network.edges["input"].size * spec.bits
    memory = Memory(tech, bits)
    parts = []
    if shared_membranes(hardware):
        held = Memory(tech, most_membrane_bits(network))
        parts.append(
            Part("membrane_memory", held.grade, held.source, area_um2=held.area_um2, leakage_pw=held.leakage_pw)
        )
    return [
        *parts,
        Part("noc_routers", tech.noc.grade, tech.noc.source, area_um2=area),
        Part("noc_links", tech.noc.grade, tech.noc.source, area_um2=wires),
        _leakage(hardware, count, area * density, wires * density, f"as flip-flops, area for area: {law.source}"),
        Part(
            "global_buffer",
            memory.grade,
            memory.source,
            energy_pj=steps * bits * (memory.read_fj + memory.write_fj) * 1e-3,
            area_um2=memory.area_um2,
            leakage_pw=memory.leakage_pw,
        ),
    ]


def _leakage(hardware: Hardware, routers: Real, own_pw: Real, links_pw: Real, source: str) -> Part:
    """Routers leak what the chip states, else `own_pw`."""
    stated = hardware.noc.router_leakage_mw
    if stated is not None:
        own_pw, source = routers * stated * 1e9, f"routers: noc.router_leakage_mw; links: {source}"
    return Part("noc_leakage", "assumed", source, leakage_pw=own_pw + links_pw)


def mesh_links(mesh: Mesh) -> Real:
    """Directed links between neighbours."""
    return 2 * (mesh.width * (mesh.height - 1) + mesh.height * (mesh.width - 1))


def pitch_mm(tile_um2: Real) -> Real:
    """Distance of neighbouring tiles: the side of the mean tile."""
    return sqrt(tile_um2) * 1e-3
