"""The mesh in the tree: what a layer's traffic costs, and the routers and links that all layers share.

A flit costs every router that it passes one traversal and one clock (idle routers are clock-gated), and every
link its length, which is one tile pitch. Routers leak as flip-flops of the node's low-power library do: DSENT's
own figure (low-threshold cells at 340 K) is a thousand times higher and fits no part of this chip.
"""

from __future__ import annotations

from collections.abc import Sequence

from .._arrays import Real, maximum, sqrt
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


def flit_pj(tech: Technology, hardware: Hardware, flow: Flow, pitch_mm: Real) -> Real:
    """Energy of a transfer, once."""
    router, link = router_of(tech, hardware), tech.noc.link
    wire = (link.base_pj + link.per_mm_pj * pitch_mm) * hardware.noc.flit_bits / link.bits
    return (flow.flit_links + flow.flits) * (router.flit_pj + router.clock_pj) + flow.flit_links * wire


def traffic_part(
    tech: Technology, hardware: Hardware, sent: Sequence[Flow], pitch_mm: Real, pass_ns: Real, steps: Real
) -> Part:
    """Transfers of one layer. Partial sums stream while the crossbars are read (for `pass_ns`)."""
    clock_ns = 1e3 / hardware.technology.clock_mhz
    once = read = step = hidden = energy = 0.0
    for flow in sent:
        energy += flow.steps * flit_pj(tech, hardware, flow, pitch_mm)
        if flow.kind == "partial_sums":
            late = flow.head_cycles * clock_ns + maximum(flow.serial_cycles * clock_ns - pass_ns, 0.0)
            read += late
            hidden += (flow.cycles * clock_ns - late) * flow.steps
        elif flow.steps == steps:
            step += flow.cycles * clock_ns
        else:
            once += flow.cycles * clock_ns
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
    area = mesh.width * mesh.height * router.area_um2
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
        Part(
            "noc_leakage", "assumed", f"as flip-flops, area for area: {law.source}", leakage_pw=(area + wires) * density
        ),
        Part(
            "global_buffer",
            memory.grade,
            memory.source,
            energy_pj=steps * bits * (memory.read_fj + memory.write_fj) * 1e-3,
            area_um2=memory.area_um2,
            leakage_pw=memory.leakage_pw,
        ),
    ]


def mesh_links(mesh: Mesh) -> Real:
    """Directed links between neighbours."""
    return 2 * (mesh.width * (mesh.height - 1) + mesh.height * (mesh.width - 1))


def pitch_mm(tile_um2: Real) -> Real:
    """Distance of neighbouring tiles: the side of the mean tile."""
    return sqrt(tile_um2) * 1e-3
