"""Does training through a chip help on it? Paired seeds on the digits, one line per chip.

Three networks per seed start from the same teacher's weights, with the same data order and schedule:

* plain: trained in exact arithmetic;
* settled: the same weights, with batch norms that were measured on device instances of the chip;
* aware: trained through the chip (`training.hardware_aware`) from `--start-epoch` on.

Accuracies are the engine's, the mean over device instances that no training saw, on the report split; differences
are in points, with the standard error over the seeds. Settings were chosen on the search split::

    python benchmarks/hardware_aware_digits.py --seeds 3
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import torch

import spikesim_py as ss
from spikesim_py.datasets import load_dataset
from training import Crossbars, TrainingConfig, export, fit, load_config

RECIPE = "digits-w4"
CHIPS: dict[str, tuple[str, dict[str, Any]]] = {
    "rram_32nm": ("rram_32nm", {}),
    "rram_32nm, programming error 20 % of g_on": ("rram_32nm", {"device.program_sigma": 0.2}),
    "rram_32nm, 4-bit ADC": ("rram_32nm", {"adc.bits": 4}),
    "pcm_joshi2020, one day old": ("pcm_joshi2020", {"device.age_s": 86_400.0}),
}
VARIANTS = ("plain", "settled", "aware")
#: device instances for the statistics of a settled network, as many as training takes
_SETTLE_CHIPS = 32


def recipe(seed: int, chip: str | None, start_epoch: int) -> TrainingConfig:
    """The bundled recipe with another seed; through a chip if one is named."""
    fields: dict[str, Any] = load_config(RECIPE).model_dump(mode="json") | {"seed": seed}
    if chip is not None:
        name, overrides = CHIPS[chip]
        fields["hardware"] = {"chip": name, "overrides": overrides, "start_epoch": start_epoch}
    return TrainingConfig(**fields)


def accuracies(job: tuple[str, int, int, int, str]) -> tuple[list[float], list[float]]:
    """Percent right on the chip of each variant, and seconds of the last epoch of plain and aware training."""
    chip, seed, start_epoch, instances, split = job
    name, overrides = CHIPS[chip]
    seconds, found = [], []
    for through in (None, chip):
        ends: list[float] = []
        module, _ = fit(recipe(seed, through, start_epoch), lambda _, ends=ends: ends.append(time.perf_counter()))
        seconds.append(ends[-1] - ends[-2])
        networks = [export(module, RECIPE)]
        if through is None:
            module.product = Crossbars(networks[0], ss.load_hardware(name, overrides), seed=seed, chips=_SETTLE_CHIPS)
            torch.manual_seed(seed)
            module.settle(torch.from_numpy(load_dataset("digits", "train").images.astype(np.float32)))
            networks.append(export(module, RECIPE))
        for network in networks:
            report = ss.evaluate(network, name, overrides=overrides, split=split, chips=instances)
            found.append(100 * (report.accuracy or 0.0))
    return found, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--seeds", type=int, default=3, choices=range(2, 1000), metavar="N", help="at least 2 (default 3)"
    )
    parser.add_argument("--first-seed", type=int, default=100, help="seeds count from here (default 100)")
    parser.add_argument("--chips", type=int, default=8, help="device instances to evaluate on (default 8)")
    parser.add_argument("--start-epoch", type=int, default=1, help="first epoch through the chip (default 1)")
    parser.add_argument("--split", default="report", choices=("search", "report"), help="default report")
    parser.add_argument("--workers", type=int, default=2, help="runs at a time (default 2)")
    given = parser.parse_args()
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    jobs = [(chip, seed, given.start_epoch, given.chips, given.split) for chip in CHIPS for seed in seeds]
    with ProcessPoolExecutor(given.workers) as pool:
        results = pool.map(accuracies, jobs)
        for chip in CHIPS:
            made = [next(results) for _ in seeds]
            found, seconds = (np.array(part) for part in zip(*made, strict=True))
            gains = (f"{name} {_difference(found[:, 2] - found[:, n])}" for n, name in enumerate(VARIANTS[:2]))
            means = ", ".join(f"{name} {mean:.2f} %" for name, mean in zip(VARIANTS, found.mean(0), strict=True))
            slower = float(np.min(seconds[:, 1]) / np.min(seconds[:, 0]))
            print(
                f"{chip}: {means}; aware less {', less '.join(gains)} points over {len(seeds)} paired seeds; "
                f"an epoch takes {slower:.1f}x as long",
                flush=True,
            )


def _difference(gain: np.ndarray) -> str:
    return f"{gain.mean():+.2f} ± {gain.std(ddof=1) / np.sqrt(len(gain)):.2f}"


if __name__ == "__main__":
    main()
