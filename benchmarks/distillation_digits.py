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
#: weights of the logits' and the membranes' distillation, as multiples of the recipe's
VARIANTS = {"task only": (0.0, 0.0), "logits": (1.0, 0.0), "both": (1.0, 1.0)}


def variant(name: str, seed: int, which: str) -> TrainingConfig:
    """The bundled recipe `name` with another seed and scaled distillation weights."""
    recipe = load_config(name)
    assert recipe.distillation is not None
    logits, membranes = VARIANTS[which]
    how = recipe.distillation.model_copy(
        update={
            "logits_weight": logits * recipe.distillation.logits_weight,
            "membrane_weight": membranes * recipe.distillation.membrane_weight,
        }
    )
    return recipe.model_copy(update={"seed": seed, "distillation": how})


def accuracy(job: tuple[str, int, str]) -> float:
    """Report-split accuracy of one run, in percent."""
    recipe = variant(*job)
    module, _ = fit(recipe)
    return 100 * float(finish(module, recipe, "benchmark").model.metadata["test_accuracy"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="pairs per bit width (default 3)")
    parser.add_argument("--first-seed", type=int, default=100, help="seeds count from here (default 100)")
    parser.add_argument("--workers", type=int, default=2, help="runs at a time (default 2)")
    given = parser.parse_args()
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    jobs = [(name, seed, which) for name in RECIPES for seed in seeds for which in VARIANTS]
    with ProcessPoolExecutor(given.workers) as pool:
        found = dict(zip(jobs, pool.map(accuracy, jobs), strict=True))
    for name in RECIPES:
        rows = {which: np.array([found[name, seed, which] for seed in seeds]) for which in VARIANTS}
        means = ", ".join(f"{which} {row.mean():.2f} %" for which, row in rows.items())
        print(f"{name}: {means}; {_gain(rows, 'logits')}; {_gain(rows, 'both')}", flush=True)


def _gain(rows: dict[str, np.ndarray], which: str) -> str:
    gain = rows[which] - rows["task only"]
    error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else float("nan")
    return f"{which} - task only: {gain.mean():+.2f} ± {error:.2f} points over {len(gain)} seeds"


if __name__ == "__main__":
    main()
