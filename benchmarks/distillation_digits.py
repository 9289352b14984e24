"""Does distillation help quantized training? Paired seeds on the digits, one line per bit width.

Each pair starts from the same teacher's weights with the same seed, data order and schedule; only the two
distillation weights differ (as in the recipe, or zero). Differences are of accuracy on the report split, in
points, with the standard error over the seeds::

    python benchmarks/distillation_digits.py --seeds 3
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from training import TrainingConfig, finish, fit, load_config

RECIPES = ("digits-w1", "digits-w2", "digits-w4")
VARIANTS = ("task only", "distilled")


def variant(name: str, seed: int, which: str) -> TrainingConfig:
    """The bundled recipe `name` with another seed; `task only` sets both distillation weights to zero."""
    recipe = load_config(name)
    assert recipe.distillation is not None
    off = {"logits_weight": 0.0, "membrane_weight": 0.0} if which == "task only" else {}
    return recipe.model_copy(update={"seed": seed, "distillation": recipe.distillation.model_copy(update=off)})


def accuracy(job: tuple[str, int, str]) -> float:
    """Report-split accuracy of one run, in percent."""
    recipe = variant(*job)
    module, _ = fit(recipe)
    return 100 * float(finish(module, recipe, "benchmark").model.metadata["test_accuracy"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--seeds",
        type=int,
        default=3,
        choices=range(2, 1000),
        metavar="N",
        help="pairs per bit width, at least 2 (default 3)",
    )
    parser.add_argument("--first-seed", type=int, default=100, help="seeds count from here (default 100)")
    parser.add_argument("--workers", type=int, default=2, help="runs at a time (default 2)")
    given = parser.parse_args()
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    jobs = [(name, seed, which) for name in RECIPES for seed in seeds for which in VARIANTS]
    with ProcessPoolExecutor(given.workers) as pool:
        found = dict(zip(jobs, pool.map(accuracy, jobs), strict=True))
    for name in RECIPES:
        naive, distilled = (np.array([found[name, seed, which] for seed in seeds]) for which in VARIANTS)
        gain = distilled - naive
        error = gain.std(ddof=1) / np.sqrt(len(gain))
        print(
            f"{name}: task only {naive.mean():.2f} %, distilled {distilled.mean():.2f} %, "
            f"difference {gain.mean():+.2f} ± {error:.2f} points over {len(gain)} paired seeds",
            flush=True,
        )


if __name__ == "__main__":
    main()
