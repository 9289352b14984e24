"""`python -m benchmarks.noc_case`: the largest bundled network with weights on a mesh, with spikes of real images."""

from __future__ import annotations

from benchmarks.timing import Row, show
from spikesim_py.noc_report import NocReport, noc_report

#: a tile of two crossbars: the network takes more than a handful
CHIP = {"pe.crossbars": 2, "tile.pes": 1}
NETWORK, IMAGES = "digits-w8", 32


def case_rows() -> list[Row]:
    """Makespan of every time-step, latencies, and what placement brings."""
    before, after = (found(placement) for placement in ("snake", "optimized"))
    rows = []
    for was, now in zip(before.steps, after.steps, strict=True):
        rows += [
            (f"step {was.step + 1}, makespan, cycles: snake", f"{was.makespan_cycles:,.0f}", "", ""),
            (
                f"step {was.step + 1}, makespan, cycles: optimized",
                f"{now.makespan_cycles:,.0f}",
                f"{now.makespan_cycles / was.makespan_cycles:.3f}x",
                "",
            ),
            (f"step {was.step + 1}, p99 of packets, cycles: snake", f"{was.p99_cycles:,.0f}", "", ""),
            (
                f"step {was.step + 1}, p99 of packets, cycles: optimized",
                f"{now.p99_cycles:,.0f}",
                f"{now.p99_cycles / was.p99_cycles:.3f}x",
                "",
            ),
        ]
    links = [sum(link.flits for link in report.links) for report in (before, after)]
    hottest = [report.links[0].flits for report in (before, after)]
    return [
        *rows,
        ("flits x links per inference: snake", f"{links[0]:,.0f}", "", ""),
        ("flits x links per inference: optimized", f"{links[1]:,.0f}", f"{links[1] / links[0]:.2f}x", "< 1x"),
        ("busiest link, flits: snake", f"{hottest[0]:,.0f}", "", ""),
        ("busiest link, flits: optimized", f"{hottest[1]:,.0f}", f"{hottest[1] / hottest[0]:.2f}x", ""),
    ]


def found(placement: str) -> NocReport:
    return noc_report(NETWORK, "rram_32nm", samples=IMAGES, overrides=CHIP | {"noc.placement": placement})


if __name__ == "__main__":
    show(f"{NETWORK} with two crossbars per tile, {IMAGES} images of digits", case_rows())
