"""Does training through a chip help on it? Paired seeds on the digits, one line per chip.

Three networks per seed start from the same teacher's weights, with the data order and schedule of `digits-w4-aware`:

* plain: trained in exact arithmetic;
* settled: the same weights, with batch norms that were measured on device instances of the chip;
* aware: trained through the chip (`training.hardware_aware`).

Accuracies are the engine's, the mean over device instances that no training saw, on the report split, beside that of
the bundled `digits-w4`. Differences are in points, with the standard error over the seeds. The recipe was chosen on
the search split::

    python benchmarks/hardware_aware_digits.py --seeds 3
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import torch

import spikesim_py as ss
from spikesim_py.datasets import load_dataset
from spikesim_py.network import Network
from training import Crossbars, TrainingConfig, export, fit, load_config

RECIPE = "digits-w4-aware"
CHIPS: dict[str, tuple[str, dict[str, Any]]] = {
    "rram_32nm": ("rram_32nm", {}),
    "rram_32nm, programming error 20 % of g_on": ("rram_32nm", {"device.program_sigma": 0.2}),
    "rram_32nm, 4-bit ADC": ("rram_32nm", {"adc.bits": 4}),
    "pcm_joshi2020, one day old": ("pcm_joshi2020", {"device.age_s": 86_400.0}),
}
#: device instances on which a settled network's statistics are measured: as many as training takes
_SETTLE_CHIPS = 32


def recipe(seed: int, chip: str | None) -> TrainingConfig:
    """The bundled recipe with another seed, through another chip or none."""
    fields: dict[str, Any] = load_config(RECIPE).model_dump(mode="json") | {"seed": seed}
    if chip is None:
        return TrainingConfig(**fields | {"hardware": None})
    name, overrides = CHIPS[chip]
    return TrainingConfig(**fields | {"hardware": fields["hardware"] | {"chip": name, "overrides": overrides}})


def accuracy(network: Network | str, chip: str, instances: int, split: str) -> float:
    """Percent right on the chip."""
    name, overrides = CHIPS[chip]
    found = ss.evaluate(network, name, overrides=overrides, split=split, chips=instances).accuracy
    assert found is not None
    return 100 * found


def run(job: tuple[str | None, int, int, str]) -> tuple[list[float], float]:
    """Accuracies of a network trained through a chip; or of one trained plainly, plain and settled on every chip.

    Also the CPU seconds of its shortest epoch.
    """
    chip, seed, instances, split = job
    ends = [time.process_time()]
    module, _ = fit(recipe(seed, chip), lambda _: ends.append(time.process_time()))
    seconds, network = float(np.diff(ends).min()), export(module, RECIPE)
    if chip is not None:
        return [accuracy(network, chip, instances, split)], seconds
    images, found = torch.from_numpy(load_dataset("digits", "train").images.astype(np.float32)), []
    for name, (base, overrides) in CHIPS.items():
        hardware = ss.load_hardware(base, overrides)
        module.product = Crossbars(network, hardware, seed=seed, chips=_SETTLE_CHIPS)
        torch.manual_seed(seed)
        module.settle(images)
        found += [accuracy(made, name, instances, split) for made in (network, export(module, RECIPE))]
    return found, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--seeds", type=int, default=3, choices=range(2, 1000), metavar="N", help="pairs per chip (default 3)"
    )
    parser.add_argument("--first-seed", type=int, default=100, help="seeds count from here (default 100)")
    parser.add_argument("--chips", type=int, default=8, help="device instances to evaluate on (default 8)")
    parser.add_argument("--split", default="report", choices=("search", "report"), help="default report")
    parser.add_argument("--workers", type=int, default=2, help="runs at a time (default 2)")
    given = parser.parse_args()
    seeds, how = range(given.first_seed, given.first_seed + given.seeds), (given.chips, given.split)
    jobs = [(chip, seed, *how) for chip in (None, *CHIPS) for seed in seeds]
    with ProcessPoolExecutor(given.workers) as pool:
        results = pool.map(run, jobs)
        plainly = [next(results) for _ in seeds]
        for index, chip in enumerate(CHIPS):
            made = [next(results) for _ in seeds]
            aware = [found[0] for found, _ in made]
            plain, settled = ([found[2 * index + n] for found, _ in plainly] for n in range(2))
            slower = min(seconds for _, seconds in made) / min(seconds for _, seconds in plainly)
            print(
                f"{chip}: digits-w4 {accuracy('digits-w4', chip, *how):.2f} %; plain {np.mean(plain):.2f} %, settled "
                f"{np.mean(settled):.2f} %, aware {np.mean(aware):.2f} %; aware less plain {gain(aware, plain)}, less "
                f"settled {gain(aware, settled)} points over {len(seeds)} paired seeds; an epoch takes {slower:.1f}x "
                f"as long",
                flush=True,
            )


def gain(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Mean difference of pairs and its standard error."""
    differences = np.subtract(ours, theirs)
    return f"{differences.mean():+.2f} ± {differences.std(ddof=1) / len(differences) ** 0.5:.2f}"


if __name__ == "__main__":
    main()
