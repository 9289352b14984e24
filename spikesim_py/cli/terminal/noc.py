"""What `spikesim noc` prints: the links that carry most, who loads them, and what traffic costs."""

from __future__ import annotations

from ..._units import engineering
from ...noc import Label
from ...noc_report import LinkUse, NocReport
from . import console, new_table

_WIDTH = 150
#: what is sent where no image can be run
DRAWN = "no weights, no images: spikes drawn at the rates that its cost takes"


def print_noc(found: NocReport, top: int) -> None:
    """Time-steps, layers, hottest links and placement."""
    out = console(_WIDTH)
    width, height = found.mesh
    spikes = f"{found.samples} samples' spikes" if found.origin == "measured" else DRAWN
    out.print(f"[bold]{found.network}[/bold] on [bold]{found.chip}[/bold]: {len(found.tiles)} tiles on a "
              f"{width} x {height} mesh, {spikes}, fidelity {found.fidelity}", highlight=False)  # fmt: skip
    steps = new_table(
        f"time-steps, in cycles of {found.cycle_ns:g} ns",
        "step",
        "makespan",
        "largest",
        "without mesh",
        "waits",
        "p50",
        "p99",
        "slowest packet",
    )
    for step in found.steps:
        cells = (step.makespan_cycles, step.most_makespan_cycles, step.compute_cycles, step.late_cycles)
        packets = (step.p50_cycles, step.p99_cycles, step.most_cycles)
        steps.add_row(str(step.step + 1), *(f"{value:,.0f}" for value in (*cells, *packets)))
    out.print(steps)
    _print_layers(found)
    _print_links(found, top)
    _print_placement(found)
    for warning in found.warnings:
        out.print(f"note: {warning}", highlight=False)


def _print_layers(found: NocReport) -> None:
    parts = ("buffers", "crossbars", "arbiters", "clock", "links", "total")
    table = new_table(
        "traffic and its energy per inference",
        "from → to",
        "kind",
        "code",
        "rate",
        "even at",
        "flits",
        "× links",
        *parts,
    )
    for layer in found.layers:
        sparse = layer.encoding is not None
        energy = [getattr(layer.energy, f"{part}_pj") for part in parts]
        table.add_row(
            _pair(layer.label),
            layer.label.kind.replace("_", " "),
            layer.encoding or "dense",
            f"{layer.rate:.1%}" if sparse else "-",
            f"{layer.break_even_rate:.1%}" if sparse and layer.break_even_rate is not None else "-",
            f"{layer.flits:,.0f}",
            f"{layer.flit_links:,.0f}",
            *(engineering(value, "pJ", 3) for value in energy),
        )
    total = [sum(getattr(layer.energy, f"{part}_pj") for layer in found.layers) for part in parts]
    flits = (sum(layer.flits for layer in found.layers), sum(layer.flit_links for layer in found.layers))
    sums = (*(f"{value:,.0f}" for value in flits), *(engineering(value, "pJ", 3) for value in total))
    table.add_row("all", "", "", "", "", *sums)
    console(_WIDTH).print(table)


def _print_links(found: NocReport, top: int) -> None:
    shown = found.links[:top]
    title = f"hottest links: {len(shown)} of {len(found.links)}, {found.flit_links:,.0f} flits over links per inference"
    table = new_table(title, "link", "flits", "busy", "peak", "loaded by")
    for link in shown:
        table.add_row(_ends(link), f"{link.flits:,.0f}", f"{link.load:.2%}", f"{link.peak:.1%}", _loaded_by(link))
    console(_WIDTH).print(table)


def _print_placement(found: NocReport) -> None:
    hops, busiest = ((now - was) / was if was else 0.0 for was, now in zip(found.before, found.after, strict=True))
    has = "has" if found.placement == "optimized" else "would have"
    less = "fewer" if found.saved_flit_links >= 0 else "more"
    console(_WIDTH).print(
        f"placement {found.placement}: flits x links of copies {found.before[0]:,.0f} as a snake or row by row; "
        f"optimized it {has} {found.after[0]:,.0f} ({hops:+.1%}), its busiest link {busiest:+.1%}\n"
        f"trees (noc.cast = tree, noc.packet_flits = {found.tree_flits}) take {abs(found.saved_flit_links):.1%} {less} "
        f"flits x links than copies in this chip's packets",
        highlight=False,
    )


def _pair(label: Label) -> str:
    return "port → " + label.target if label.kind == "input" else f"{label.layer} → {label.target}"


def _ends(link: LinkUse) -> str:
    return f"({link.start[0]}, {link.start[1]}) → ({link.end[0]}, {link.end[1]})"


def _loaded_by(link: LinkUse) -> str:
    shown = [f"{_pair(label)} {label.kind.replace('_', ' ')} {share:.0%}" for label, share in link.pairs[:2]]
    more = len(link.pairs) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
