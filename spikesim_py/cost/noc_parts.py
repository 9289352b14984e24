"""The mesh in the tree: what a layer's traffic costs, and the routers and links that all layers share.

A flit costs every router that it passes one traversal and one clock (idle routers are clock-gated), and every
link its length, which is one tile pitch. Routers leak as flip-flops of the node's low-power library do: DSENT's
own figure (low-threshold cells at 340 K) is a thousand times higher and fits no part of this chip.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..hardware import Hardware
from ..mapping import Mapping, Mesh
from ..noc import ZeroLoad
from .components import Memory
from .parts import Part
from .technology import Router, Technology


def router_of(tech: Technology, hardware: Hardware) -> Router:
    noc = hardware.noc
    return tech.noc.routers[noc.flit_bits, noc.vcs, noc.buffer_flits]


def flit_pj(tech: Technology, hardware: Hardware, load: ZeroLoad, pitch_mm: float) -> float:
    """Energy of one time-step of a transfer."""
    router, link = router_of(tech, hardware), tech.noc.link
    wire = (link.base_pj + link.per_mm_pj * pitch_mm) * hardware.noc.flit_bits / link.bits
    return load.flit_routers * (router.flit_pj + router.clock_pj) + load.flit_links * wire


def traffic_part(
    tech: Technology, hardware: Hardware, loads: Sequence[ZeroLoad], pitch_mm: float, pass_ns: float
) -> Part:
    """Transfers of one layer. Partial sums stream while the crossbars are read (for `pass_ns`)."""
    clock_ns = 1e3 / hardware.technology.clock_mhz
    once = read = step = hidden = energy = 0.0
    for load in loads:
        steps, time = load.transfer.steps, load.cycles * clock_ns
        energy += steps * flit_pj(tech, hardware, load, pitch_mm)
        if load.transfer.kind == "partial_sums":
            exposed = load.head_cycles * clock_ns + max(load.serial_cycles * clock_ns - pass_ns, 0.0)
            read += exposed
            hidden += (time - exposed) * steps
        elif load.transfer.kind == "input" and steps == 1:
            once += time
        else:
            step += time
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
    return [
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


def mesh_links(mesh: Mesh) -> int:
    """Directed links between neighbours."""
    return 2 * (mesh.width * (mesh.height - 1) + mesh.height * (mesh.width - 1))


def pitch_mm(tile_um2: float) -> float:
    """Distance of neighbouring tiles: the side of the mean tile."""
    return math.sqrt(tile_um2) * 1e-3
