"""SpikeSim's released energy against SpikingJelly's: `python -m benchmarks.spikingjelly_energy`.

SpikingJelly's `op_counter.estimate_spikesim_energy`, in its dense mode, gives the energy that SpikeSim's script
(c2627bc) gives a convolution. Its own validation, `benchmark/energy_model_validation.py` of its repository, holds it
against the script on 216 layers. Here both run on that grid in one process::

    pip install loguru tqdm && pip install --no-deps spikingjelly==2.0.0

`--out FILE.csv` stores SpikingJelly's energies (`tests/reference/spikingjelly_spikesim_energy.csv`).
"""

from __future__ import annotations

import argparse
import csv
import math
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks.timing import Row, best, show
from spikesim_py.cost import released_layers

_INSTALL = "pip install loguru tqdm && pip install --no-deps spikingjelly==2.0.0"


class Case(NamedTuple):
    """One convolution without padding, at stride 1."""

    in_channels: int
    out_channels: int
    out_dim: int
    kernel: int

    @property
    def in_dim(self) -> int:
        return self.out_dim + self.kernel - 1


_CHANNELS = ((3, 8), (3, 16), (8, 16), (8, 32), (16, 16), (16, 32), (16, 64), (32, 32), (32, 64), (32, 96))
_CHANNELS += ((64, 64), (64, 128))
#: the 216 layers of SpikingJelly's validation
GRID = tuple(Case(*pair, dim, k) for pair, dim, k in product(_CHANNELS, (4, 6, 8, 10, 12, 16), (1, 3, 5)))


def ours(case: Case, crossbar: int = 64, device: Any = "rram") -> float:
    """pJ of one time-step of the layer, by the released library."""
    result = released_layers(
        in_channels=[case.in_channels],
        out_channels=[case.out_channels],
        in_dims=[case.in_dim],
        out_dims=[case.out_dim],
        kernel=case.kernel,
        time_steps=1,
        crossbar=crossbar,
        device=device,
    )
    return result.tree.energy_pj


def theirs(case: Case, crossbar: int = 64, device: str = "rram") -> float:
    """pJ of one time-step of the layer, by SpikingJelly: a batch of one image without time is one step."""
    from spikingjelly.activation_based import op_counter

    layer = torch.nn.Conv2d(case.in_channels, case.out_channels, case.kernel, bias=False).eval()
    image = torch.zeros(1, case.in_channels, case.in_dim, case.in_dim)
    config = op_counter.SpikeSimEnergyConfig(xbar_size=crossbar, device=device, activity_mode="dense")
    return float(op_counter.estimate_spikesim_energy(layer, image, config=config).energy_total_pj)


def agreement(crossbar: int, device: str) -> Row:
    """How far the two are apart over the grid, and how often they are equal as floats."""
    pairs = [(theirs(case, crossbar, device), ours(case, crossbar, device)) for case in GRID]
    gap = max(abs(a - b) / a for a, b in pairs)
    last = max(abs(a - b) / math.ulp(a) for a, b in pairs)
    equal = sum(a == b for a, b in pairs)
    goal = "equal" if (crossbar, device) == (64, "rram") else ""
    return f"X = {crossbar}, {device}: equal floats", f"{equal} of {len(pairs)}", f"{gap:.1e}, {last:.0f} ulp", goal


def rows() -> list[Row]:
    """Agreement on the grid and at other sizes and cells, and the time of the grid; a reason where it cannot run."""
    try:
        found = version("spikingjelly")
        theirs(GRID[0])
    except (PackageNotFoundError, ImportError) as error:
        return [(f"skipped: {error}; {_INSTALL}", "", "", "")]
    torch.set_num_threads(1)
    told = [agreement(crossbar, device) for device, crossbar in product(("rram", "sram"), (64, 32, 128, 256))]
    peer, mine = best(lambda: [theirs(case) for case in GRID]), best(lambda: [ours(case) for case in GRID])
    return [
        *told,
        (f"spikingjelly {found}, {len(GRID)} layers (with a forward pass each)", f"{peer * 1e3:.1f} ms", "1.0x", ""),
        ("ours, with area, latency and a tree", f"{mine * 1e3:.1f} ms", f"{peer / mine:.1f}x faster", ""),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="CSV file for SpikingJelly's energies")
    path = parser.parse_args().out
    if path is not None:
        with path.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*Case._fields, "energy_pj"])
            writer.writerows([*case, repr(theirs(case))] for case in GRID)
    show("energy of one convolution, dense, against spikingjelly", rows())


if __name__ == "__main__":
    main()
