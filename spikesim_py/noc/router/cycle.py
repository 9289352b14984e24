"""Packets through the cycle-exact router: the semantics of BookSim2's `iq` router (28f43299), and trees on top.

Unicast packets are wormholes and reproduce BookSim2 to the cycle. A packet with several destinations (which BookSim2
does not have) is a tree of XY routes that forks inside routers: every branch takes an output channel of its own, a
flit goes to every granted branch that is ready for it in one cycle, and its slot is freed when all have it. A branch
starts only when the next buffer has room for the whole packet (virtual cut-through), so that no branch ever waits for
a sibling and XY's order of channels keeps trees and worms free of deadlock (Dally and Towles, Principles and Practices
of Interconnection Networks, 2004, chapters 13 and 14).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...errors import EvaluationError, InputError
from ..fabric import HOP_CYCLES, LOCAL, PORTS, Fabric, Ints, NocResult, Packets
from .state import LEFT, MOST_VCS, Journal, fresh, journal

_NEVER = 2**62


def simulate(packets: Packets, fabric: Fabric) -> NocResult:
    """Every packet, cycle by cycle, until the last has arrived.

    Raises:
        InputError: a fabric or packets that cannot be; a tree that is longer than a buffer.
    """
    check_fabric(fabric)
    check_packets(packets, fabric)
    written, _ = simulate_counted(packets, fabric, np.ones(len(packets), bool), _NEVER)
    if len(packets) and written.arrived.min() < 0:
        raise EvaluationError("the simulated network came to a standstill with packets on their way")
    vc_flits = written.vc_flits.reshape(fabric.nodes, PORTS, fabric.vcs)
    sent = np.repeat(written.injected, np.diff(packets.first))
    return NocResult(
        fabric=fabric,
        packets=packets,
        fidelity="cycle",
        duration_cycles=int(written.arrived.max(initial=-1)) + 1,
        arrival_cycle=written.arrived.astype(float),
        network_cycles=(written.arrived - sent).astype(float),
        link_flits=vc_flits.sum(2).astype(float),
        vc_flits=vc_flits,
    )


def simulate_counted(
    packets: Packets, fabric: Fabric, counted: NDArray[np.bool_], last_cycle: int
) -> tuple[Journal, int]:
    """Until every counted packet has arrived, at most up to `last_cycle`; checks nothing.

    Returns:
        What became of the packets (arrived = -1: did not), and the cycle in which it stopped.
    """
    from .kernels import run  # Numba takes longer to import than all the rest

    written = journal(packets, fabric, counted)
    state = fresh(packets, fabric, written, *forks(packets, fabric))
    end = run(state, written, last_cycle) if state.tally[LEFT] else 0
    return written, int(end)


def forks(packets: Packets, fabric: Fabric) -> tuple[Ints, NDArray[np.uint8]]:
    """Where packets go: (packets,) the node, or -1 - t for tree t; and (trees, nodes) each tree's ports as bits."""
    to = packets.destination[packets.first[:-1]]
    known: dict[tuple[int, bytes], int] = {}
    for packet in np.flatnonzero(np.diff(packets.first) > 1):
        where = packets.destination[packets.first[packet] : packets.first[packet + 1]]
        to[packet] = -1 - known.setdefault((int(packets.source[packet]), where.tobytes()), len(known))
    trees = np.zeros((max(len(known), 1), fabric.nodes), np.uint8)
    for (source, raw), tree in known.items():
        _grow(trees[tree].reshape(fabric.height, fabric.width), source, np.frombuffer(raw, to.dtype))
    return to, trees


def _grow(ports: NDArray[np.uint8], source: int, destinations: Ints) -> None:
    """Add the XY route to every destination: along the source's row, then along the destination's column."""
    width = ports.shape[1]
    y, x = divmod(source, width)
    for destination in destinations.tolist():
        to_y, to_x = divmod(destination, width)
        if to_x > x:
            ports[y, x:to_x] |= 1
        else:
            ports[y, to_x + 1 : x + 1] |= 2
        if to_y > y:
            ports[y:to_y, to_x] |= 4
        else:
            ports[to_y + 1 : y + 1, to_x] |= 8
        ports[to_y, to_x] |= 1 << LOCAL


def check_fabric(fabric: Fabric) -> None:
    """One `InputError` for a mesh, channels, buffers or a pipeline that cannot be simulated."""
    for name, value, most in (
        ("width", fabric.width, None),
        ("height", fabric.height, None),
        ("vcs", fabric.vcs, MOST_VCS),
        ("buffer_flits", fabric.buffer_flits, None),
    ):
        check_count(name, value, most)
    if fabric.pipeline not in HOP_CYCLES:
        raise InputError(f"pipeline = {fabric.pipeline!r}: must be one of {', '.join(HOP_CYCLES)}")


def check_count(name: str, value: object, most: int | None = None) -> int:
    """A whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1 or (most and value > most):
        raise InputError(f"{name} = {value!r}: must be a whole number {f'of 1 to {most}' if most else 'from 1'}")
    return int(value)


def check_packets(packets: Packets, fabric: Fabric) -> None:
    """One `InputError` that names the first packet that cannot be sent."""
    n = len(packets)
    copies = np.diff(packets.first)
    shapes = len(packets.flits) == len(packets.cycle) == len(packets.label) == n and len(packets.first) == n + 1
    if not shapes or packets.first[0] != 0 or packets.first[-1] != len(packets.destination):
        raise InputError(f"packets: {n} sources need as many lengths, cycles and labels, and one more `first`")
    _refuse("destinations", copies, copies < 1, "every packet needs one")
    _refuse("source", packets.source, ~_inside(packets.source, fabric), f"nodes are 0 to {fabric.nodes - 1}")
    outside = ~_inside(packets.destination, fabric)
    if outside.any():
        at = int(np.argmax(outside))
        packet = int(np.searchsorted(packets.first, at, "right")) - 1
        value = packets.destination[at]
        raise InputError(f"packet {packet}: destination = {value}: nodes are 0 to {fabric.nodes - 1}")
    _refuse("flits", packets.flits, packets.flits < 1, "a packet has at least one")
    _refuse("cycle", packets.cycle, packets.cycle < 0, "must not be negative")
    order = np.argsort(packets.source, kind="stable")
    earlier = np.zeros(n, bool)
    earlier[order[1:]] = (np.diff(packets.cycle[order]) < 0) & (np.diff(packets.source[order]) == 0)
    _refuse("cycle", packets.cycle, earlier, "before that of an earlier packet of the same source")
    long = (copies > 1) & (packets.flits > fabric.buffer_flits)
    _refuse(
        "flits", packets.flits, long, f"a packet that forks must fit a buffer (buffer_flits = {fabric.buffer_flits})"
    )
    owner = np.repeat(np.arange(n), copies)
    pairs = owner * fabric.nodes + packets.destination
    if len(np.unique(pairs)) < len(pairs):
        values, counts = np.unique(pairs, return_counts=True)
        packet, node = divmod(int(values[np.argmax(counts > 1)]), fabric.nodes)
        raise InputError(f"packet {packet}: destination = {node}: is there twice")


def _inside(nodes: Ints, fabric: Fabric) -> NDArray[np.bool_]:
    return (nodes >= 0) & (nodes < fabric.nodes)


def _refuse(name: str, values: Ints, wrong: NDArray[np.bool_], rule: str) -> None:
    if wrong.any():
        packet = int(np.argmax(wrong))
        raise InputError(f"packet {packet}: {name} = {values[packet]}: {rule}")
