"""The one call that does everything: trains by a recipe, stage after stage, measures what came out, saves it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from spikesim_py import __version__
from spikesim_py._files import check_target, sweep, write_atomic
from spikesim_py.datasets import network_data
from spikesim_py.errors import InputError
from spikesim_py.inference import simulate
from spikesim_py.network import Network
from spikesim_py.network.files import SUFFIX

from . import checkpoint as checkpoints
from .activity import measure_activity
from .config import TrainingConfig, load_config, recipes
from .export import check_exportable, export
from .loop import Epoch, Run, deterministic
from .module import SpikingNetwork
from .prepare import crossbars_for, frames_for, module_of, rehearse, training_data
from .runs import at_work, diary, diary_of, note_result
from .teachers import begin_as, find_teacher, fixed, recipe_of

_REPORT_CHIPS = 8
Progress = Callable[[Epoch], None]


@dataclass(frozen=True)
class Trained:
    """What `train` returns.

    Attributes:
        path: where the network was saved.
        network: the exported network.
        accuracy: its share of right answers on the report split, in exact arithmetic.
        chip_accuracy: the same on the chip that it was trained through, mean over 8 device instances; None without.
        history: one record per epoch.
    """

    path: Path
    network: Network
    accuracy: float
    chip_accuracy: float | None
    history: tuple[Epoch, ...]


def train(
    config: str | Path | TrainingConfig,
    *,
    output: str | Path | None = None,
    log: str | Path | None = None,
    progress: Progress | None = None,
    resume: bool = False,
    overwrite: bool = False,
    device: str = "cpu",
) -> Trained:
    """Train a network by a recipe and save it.

    Only the `train` split is learnt from, and the last epoch's network is the one kept (with `patience`, the best on
    the `search` split). The stored accuracy is that of the exported network on the reference executor, on the `report`
    split; the stored activity is measured on the `calibration` split. A recipe with `hardware` gives a network for
    that chip: batch norms hold what its sums are there, so that it is better on the chip than in exact arithmetic.

    After every epoch, all that training needs to go on is written beside the output, as `NAME.checkpoint`, and what it
    has done so far as `NAME.run.json`; a teacher that is trained first has `NAME-teacher.checkpoint`. They stay when
    training ends.

    Args:
        config: bundled recipe, YAML file or `TrainingConfig`.
        output: `.safetensors` file to write; default is the recipe's name in the current folder.
        log: `.csv` file to write, one line per epoch.
        progress: called after every epoch, of teachers' too.
        resume: go on from the checkpoints, where there are any: the same network, to the bit, on the same machine.
        overwrite: begin anew, and replace the files of an earlier run. Neither: they are refused.
        device: `cpu` or `cuda`: where the network trains. On a GPU the same seed gives the same result within
            rounding only, and a recipe with `hardware` is refused: crossbars are programmed on the CPU.

    Raises:
        InputError: the recipe, its dataset, its teacher, its checkpoint or the device cannot be used, or a file
            would be lost.
    """
    recipe = load_config(config)
    path = Path(output) if output is not None else Path(f"{recipe.name}{SUFFIX}")
    if path.suffix != SUFFIX:  # now, not after hours
        raise InputError(f"output = {str(path)!r}: a network file ends in {SUFFIX}")
    if log is not None and Path(log).suffix != ".csv":  # so that it is none of the run's other files
        raise InputError(f"log = {str(log)!r}: a log ends in .csv")
    check_exportable(recipe.arithmetic)
    files = [path, Path(log)] if log is not None else [path]
    for file in files:
        check_target(file)
    checkpoint = path.with_suffix(".checkpoint")
    kept = list(_checkpoints(recipe, checkpoint))
    _spare(files, kept, resume, overwrite)
    for file in (*files, *kept, *map(diary_of, kept)):
        sweep(file)
    module, history = fit(recipe, progress, checkpoint=checkpoint, log=log, resume=resume, device=device)
    network = finish(module, recipe, _command(config))
    network.save(path)
    metadata = network.model.metadata
    note_result(checkpoint, accuracy=metadata["test_accuracy"], chip_accuracy=metadata.get("chip_accuracy"))
    return Trained(path, network, metadata["test_accuracy"], metadata.get("chip_accuracy"), history)


def fit(
    recipe: TrainingConfig,
    progress: Progress | None = None,
    *,
    teacher: SpikingNetwork | None = None,
    checkpoint: Path | None = None,
    log: str | Path | None = None,
    resume: bool = False,
    device: str = "cpu",
) -> tuple[SpikingNetwork, tuple[Epoch, ...]]:
    """The trained module, on the CPU and in eval mode, and its history.

    Args:
        teacher: takes the place of the recipe's.
        checkpoint: file that is written after every epoch, whatever it held.
        progress, log, resume, device: see `train`.
    """
    return _follow(
        recipe, (), progress or (lambda epoch: None), teacher, checkpoint, log, resume, _device(device, recipe)
    )


def _follow(
    recipe: TrainingConfig,
    before: tuple[str, ...],
    progress: Progress,
    teacher: SpikingNetwork | None,
    checkpoint: Path | None,
    log: str | Path | None,
    resume: bool,
    device: torch.device,
) -> tuple[SpikingNetwork, tuple[Epoch, ...]]:
    """`fit`, for the teacher of the recipes `before`."""
    if recipe.name in before:
        raise InputError(f"distillation.teacher: {recipe.name!r} would teach itself ({' > '.join(before)})")
    state = checkpoints.load(checkpoint, recipe) if resume and checkpoint is not None else None
    data = training_data(recipe)

    def follow(other: TrainingConfig) -> SpikingNetwork:
        rehearse(recipe, module, data, other)
        place = checkpoint and teachers_checkpoint(checkpoint)
        return _follow(other, (*before, recipe.name), progress, None, place, None, resume, device)[0]

    with deterministic(recipe.seed, device):
        module = module_of(recipe, data)
        if teacher is not None:
            begin_as(module, fixed(teacher))
        elif recipe.distillation is not None:
            teacher = find_teacher(recipe, module, data, follow)
        frames = data if teacher is None else frames_for(recipe, module.blueprint, teacher.blueprint, data)
        run = Run(recipe, module, teacher, crossbars_for(recipe, module), data, device, frames)
        if state is not None:
            with checkpoints.reading(checkpoint or ""):
                run.go_on(state)

        def report(history: tuple[Epoch, ...]) -> None:
            if checkpoint is not None:
                checkpoints.save(checkpoint, recipe, run.state())
            note(history)
            if log is not None:
                write_atomic(log, _table(history))
            progress(history[-1])

        with diary(checkpoint, recipe, run) as note:
            run.train(report)
    if log is not None and state is not None:  # it may have been killed between the two files
        write_atomic(log, _table(run.history))
    return module, run.history


@torch.no_grad()
def finish(module: SpikingNetwork, recipe: TrainingConfig, command: str) -> Network:
    """The exported network with its measured accuracy, activity and origin in the description."""
    network = export(module, recipe.name)
    report = network_data(network, recipe.dataset, "report")
    correct = int((network.run(report.images).predictions == report.labels).sum())
    activity = measure_activity(network, network_data(network, recipe.dataset, "calibration"))
    bits, chip = recipe.quantization, recipe.hardware
    made_with = {"spikesim_py": __version__, "torch": torch.__version__, "numpy": np.__version__}
    metadata = {
        "dataset": recipe.dataset,
        "weight_bits": bits.weight_bits if bits else 32,
        "membrane_bits": bits.membrane_bits if bits else 32,
        "seed": recipe.seed,
        "test_accuracy": correct / len(report),
        "test_correct": correct,
        "test_samples": len(report),
        "test_split": "report",
        "activity_split": "calibration",
        "command": command,
        "recipe": recipe.model_dump(mode="json"),
        "made_with": made_with | {plugin["distribution"]: plugin["version"] for plugin in recipe.plugins},
    }
    if chip is not None:
        right = simulate(network, chip.load(), report, chips=_REPORT_CHIPS).correct
        metadata |= {"chip_accuracy": float(right.mean()), "chip_instances": _REPORT_CHIPS}
    return export(module, recipe.name, metadata, activity)


def _device(name: str, recipe: TrainingConfig) -> torch.device:
    if name not in ("cpu", "cuda"):
        raise InputError(f"device = {name!r}: must be 'cpu' or 'cuda'")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("device = 'cuda': torch finds no CUDA device here")
    if name == "cuda" and recipe.hardware is not None:
        raise InputError(f"recipe {recipe.name!r}: hardware: crossbars are programmed on the CPU; needs device = 'cpu'")
    return torch.device(name)


def _checkpoints(recipe: TrainingConfig, own: Path) -> Iterator[Path]:
    """Where a run keeps its checkpoints: its own, its teacher's, and so on."""
    names: set[str] = set()
    while recipe.name not in names:  # a recipe that teaches itself is refused later
        yield own
        names.add(recipe.name)
        teacher = recipe_of(recipe.distillation.teacher) if recipe.distillation else None
        if teacher is None:
            return
        recipe, own = teacher, teachers_checkpoint(own)


def teachers_checkpoint(checkpoint: Path) -> Path:
    return checkpoint.with_stem(f"{checkpoint.stem}-teacher")


def _spare(files: list[Path], checkpoints: list[Path], resume: bool, overwrite: bool) -> None:
    """Raise `InputError` where training would replace what an earlier run has left."""
    if resume and overwrite:
        raise InputError("resume, overwrite: exclude each other")
    for path in filter(at_work, checkpoints):
        raise InputError(f"{path}: another process is training by it now; wait for it, or choose another output")
    begun = [path for path in checkpoints if path.exists()]
    lost = [str(path) for path in [*files, *begun] if path.exists()]
    if not lost or overwrite or (resume and begun):
        return
    no = "there is no checkpoint to resume from; " if resume else "--resume goes on from a checkpoint, "
    raise InputError(f"{', '.join(lost)}: already there; {no}--overwrite begins anew and replaces all")


def _table(history: tuple[Epoch, ...]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(history[-1].row()), lineterminator="\n")
    writer.writeheader()
    writer.writerows(epoch.row() for epoch in history)
    return text.getvalue()


def _command(config: Any) -> str:
    """How to make it again, by bundled name or file name: no folder of this machine is recorded."""
    if isinstance(config, TrainingConfig):
        return "training.train(TrainingConfig(**recipe))"
    path = Path(config)
    bundle = recipes().get(path.stem)
    known = bundle is not None and (str(config) == path.stem or bundle.resolve() == path.resolve())
    return f"spikesim train {path.stem if known else path.name}"
