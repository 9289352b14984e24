"""Trains the networks of the zoo, each teacher once: what `spikesim train` would do one recipe at a time.

    python -m benchmarks.zoo --out DIR [--device cuda] [--data-root DIR] [--scale S] RECIPE ...

A network goes to `DIR/NAME.safetensors` with its accuracy on the report split, measured by the trained module, which
answers as the exported network does; its history goes to `DIR/NAME.csv`. `--scale` multiplies all epochs; the recipe
that was really followed is in the network's description. Full-precision networks are teachers: without `--keep-float`
only their accuracy is kept; those that are in DIR already are taken as they are.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from pathlib import Path

import numpy as np
import torch

from spikesim_py import __version__
from spikesim_py.datasets import load_dataset, network_data
from spikesim_py.network import load_network
from training.activity import measure_activity
from training.config import TrainingConfig, load_config
from training.export import export, float_module
from training.loop import CPU, Epoch, accuracy_of
from training.module import SpikingNetwork
from training.teachers import SETTLE_IMAGES
from training.trainer import fit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("recipes", nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--data-root")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--keep-float", action="store_true")
    given = parser.parse_args()
    if given.data_root:
        os.environ["SPIKESIM_DATA"] = given.data_root
    given.out.mkdir(parents=True, exist_ok=True)
    made: dict[str, SpikingNetwork] = {}
    for name in given.recipes:
        _train(name, made, given)


def _train(name: str, made: dict[str, SpikingNetwork], given: argparse.Namespace) -> SpikingNetwork:
    if name in made:
        return made[name]
    recipe, path = _scaled(load_config(name), given.scale), given.out / f"{name}.safetensors"
    if path.exists() and recipe.quantization is None:  # made in an earlier run, and kept
        images = load_dataset(recipe.dataset, "train", SETTLE_IMAGES, steps=recipe.architecture.time_steps).images
        return made.setdefault(name, float_module(load_network(path), images))
    taught = recipe.distillation
    teacher = _train(taught.teacher, made, given) if taught else None
    began = time.perf_counter()

    def progress(epoch: Epoch) -> None:
        spent = time.perf_counter() - began
        print(f"{name} {epoch.epoch}/{epoch.epochs} {spent:6.1f} s", epoch.row(), flush=True)

    module, history = fit(recipe, progress, teacher=teacher, device=given.device)
    seconds = time.perf_counter() - began
    accuracy, samples = _accuracy(module, recipe, given.device)
    print(f"== {name}: {accuracy:.4f} on {samples} samples of the report split, {seconds:.0f} s", flush=True)
    _write(given.out / f"{name}.csv", history)
    if recipe.quantization or given.keep_float:
        where = torch.cuda.get_device_name() if given.device == "cuda" else given.device
        bits = recipe.quantization
        metadata = {
            "dataset": recipe.dataset,
            "images": load_dataset(recipe.dataset, "report", 1).name.partition("/")[0],
            "weight_bits": bits.weight_bits if bits else 32,
            "membrane_bits": bits.membrane_bits if bits else 32,
            "seed": recipe.seed,
            "test_accuracy": accuracy,
            "test_correct": round(accuracy * samples),
            "test_samples": samples,
            "test_split": "report",
            "activity_split": "calibration",
            "command": f"python -m benchmarks.zoo --device {given.device} --scale {given.scale} {name}",
            "recipe": recipe.model_dump(mode="json"),
            "made_with": {"spikesim_py": __version__, "torch": str(torch.__version__), "numpy": np.__version__},
            "trained_on": where,
        }
        network = export(module, name)
        activity = measure_activity(network, network_data(network, recipe.dataset, "calibration"))
        export(module, name, metadata, activity).save(path)
    made[name] = module
    return module


def _scaled(recipe: TrainingConfig, scale: float) -> TrainingConfig:
    how = recipe.optimization
    return recipe.model_copy(
        update={"optimization": how.model_copy(update={"epochs": max(1, round(how.epochs * scale))})}
    )


def _accuracy(module: SpikingNetwork, recipe: TrainingConfig, device: str) -> tuple[float, int]:
    data = load_dataset(recipe.dataset, "report", steps=recipe.architecture.time_steps)
    module.to(device)
    tf32 = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    accuracy = accuracy_of(module, data)
    torch.backends.cudnn.allow_tf32 = tf32
    module.to(CPU)
    return accuracy, len(data)


def _write(path: Path, history: tuple[Epoch, ...]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(history[-1].row()), lineterminator="\n")
        writer.writeheader()
        writer.writerows(epoch.row() for epoch in history)


if __name__ == "__main__":
    main()
