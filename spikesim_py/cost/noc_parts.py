"""The mesh in the tree: what a layer's traffic costs, and the routers and links that all layers share.

A flit is written into a buffer of every router that it enters, with one clock (idle routers are clock-gated); every
copy that leaves is read, arbitrated and switched, and pays for its link, which is one tile pitch long. Unless the chip
states its routers' leakage they leak as flip-flops of the node's low-power library do: DSENT's own figure
(low-threshold cells at 340 K) is a thousand times higher and fits no part of this chip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .._arrays import Real, sqrt
from ..hardware import Hardware
from ..mapping import Mapping, Mesh
from ..noc import Flow
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
        sums_ns: of its crossbars. values_ns: until its neurons have them.
    """

    sums_ns: Real
    values_ns: Real

    def of(self, flow: Flow) -> Real:
        return self.sums_ns if flow.kind == "partial_sums" else self.values_ns


def traffic_part(
    tech: Technology, hardware: Hardware, sent: Sequence[Flow], pitch_mm: Real, window: Window, steps: Real
) -> Part:
    """Transfers of one layer. What it makes streams out in the meantime."""
    clock_ns = 1e3 / hardware.technology.clock_mhz
    once = read = step = hidden = energy = 0.0
    for flow in sent:
        entered, left = flow.injected + flow.flit_links, flow.flits + flow.flit_links
        taken = flit_energy(tech, hardware, entered, left, flow.flit_links, pitch_mm)
        energy += flow.steps * taken.total_pj
        late = flow.late_ns(clock_ns, window.of(flow))
        hidden += (flow.cycles * clock_ns - late) * flow.steps
        if flow.kind == "partial_sums":
            read += late
        elif flow.steps == steps:
            step += late
        else:
            once += late
    return Part(
        "noc",
        tech.noc.grade,
        tech.noc.source,
        energy_pj=energy,
        once_ns=once,
        read_ns=read,
        step_ns=step,
        hidden_ns=hidden,
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
