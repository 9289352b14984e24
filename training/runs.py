"""What a training run says of itself, in a file beside its checkpoint, and how others find and read such files.

`NAME.run.json` is written after every epoch: the recipe, the epochs with the seconds that each took, and whether the
run is at work. A run that is killed cannot say so: its process is looked for. A bare log (`spikesim train --log`) is
a run too, without recipe and state. Nothing in either file is ever executed.
"""

from __future__ import annotations

import csv
import json
import math
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from spikesim_py._files import write_atomic
from spikesim_py._processes import is_alive, process_mark
from spikesim_py.errors import InputError

from .config import TrainingConfig
from .loop import Epoch, Run

State = Literal["at work", "finished", "stopped"]
SUFFIX = ".run.json"
_KIND = "spikesim training run, version 1"
#: columns that every log begins with
_LOG = ("epoch", "epochs", "learning_rate")
#: bytes of a file that may be a run: 10,000 epochs of ten losses take 4 MB
_MOST = 32 * 2**20
#: folders below the one that is searched, and files looked at in all
_DEPTH, _FILES = 4, 20_000
_KILLED = "its process has ended without a word; `--resume` goes on from its checkpoint"


@dataclass(frozen=True)
class TrainingRun:
    """A run as its file tells it.

    Attributes:
        name: file without suffix, from the folder that was searched. path: the file.
        recipe: as plain data; None for a bare log.
        state: now. message: what went wrong, if anything.
        rows: per epoch, what `Epoch.row` says: `epoch`, `epochs`, `learning_rate`, `NAME_loss` ..., `train_accuracy`,
            and `search_accuracy` where patience asks for it.
        seconds: that each epoch took; NaN where nobody knows.
        result: `accuracy` on the report split, and `chip_accuracy`, of a run that has been exported.
    """

    name: str
    path: Path
    recipe: Mapping[str, Any] | None
    state: State
    message: str
    rows: tuple[Mapping[str, float], ...]
    seconds: tuple[float, ...]
    result: Mapping[str, float] = field(default_factory=dict)

    @property
    def epochs(self) -> int:
        """How many it is to have."""
        return int(self.rows[-1]["epochs"]) if self.rows else int((self.recipe or {})["optimization"]["epochs"])

    @property
    def losses(self) -> tuple[str, ...]:
        """Names of its loss terms, the task's first."""
        last = self.rows[-1] if self.rows else {}
        return tuple(name.removesuffix("_loss") for name in last if name.endswith("_loss"))

    @property
    def best(self) -> int | None:
        """The epoch that is best on the search split, without one while training; None before the first."""
        column = "search_accuracy" if self.rows and "search_accuracy" in self.rows[-1] else "train_accuracy"
        known = [row.get(column, -1.0) for row in self.rows]
        return 1 + known.index(max(known)) if known else None

    @property
    def checkpoint(self) -> Path | None:
        """Where training stands, if it can be looked into."""
        path = self.path.with_name(self.path.name.removesuffix(SUFFIX) + ".checkpoint")
        return path if self.recipe is not None and path.is_file() else None


@dataclass(frozen=True)
class Damaged:
    """A file that should be a run, and why it is none."""

    name: str
    path: Path
    message: str


# ------------------------------------------------------------------------------------------------------------- writing


@contextmanager
def diary(checkpoint: Path | None, recipe: TrainingConfig, run: Run) -> Iterator[Callable[[Sequence[Epoch]], None]]:
    """Writes down what a run does until the block ends; what it yields is called after every epoch.

    A run that goes on keeps the seconds of the epochs that it had.

    Args:
        checkpoint: the run's; the diary lies beside it. None: nothing is written.
    """
    if checkpoint is None:
        yield lambda history: None
        return
    pen = _Pen(diary_of(checkpoint), recipe, run.history)
    try:
        yield pen.note
    except BaseException as error:
        pen.write(run.history, "stopped", str(error) or type(error).__name__)
        raise
    pen.write(run.history, "finished")


class _Pen:
    """Knows what of a diary does not change, and how long its epochs took."""

    def __init__(self, path: Path, recipe: TrainingConfig, before: Sequence[Epoch]) -> None:
        self._path = path
        known = _seconds_of(path)[: len(before)] if before else []
        self._data: dict[str, Any] = {
            "kind": _KIND,
            "recipe": recipe.model_dump(mode="json"),
            "process": process_mark(os.getpid()),
            "result": {},
        }
        self._seconds = known + [None] * (len(before) - len(known))
        self._since = time.monotonic()
        self.write(before, "at work")

    def note(self, history: Sequence[Epoch]) -> None:
        """An epoch is over."""
        now = time.monotonic()
        self._seconds.append(round(now - self._since, 3))
        self._since = now
        self.write(history, "at work")

    def write(self, history: Sequence[Epoch], state: State, message: str = "") -> None:
        rows = [epoch.row() for epoch in history]
        said = {"state": state, "message": message, "rows": rows, "seconds": self._seconds}
        write_atomic(self._path, json.dumps(self._data | said) + "\n")


def diary_of(checkpoint: Path) -> Path:
    """Where the run of a checkpoint keeps its diary."""
    return checkpoint.with_name(checkpoint.name.removesuffix(".checkpoint") + SUFFIX)


def at_work(checkpoint: Path) -> bool:
    """Whether a process of this machine is training by this checkpoint now."""
    try:
        data = _json(diary_of(checkpoint))
        here = str(data["process"]).rpartition(":")[0].rpartition(":")[0] == platform.node()
        return here and data["state"] == "at work" and is_alive(data["process"])
    except (InputError, KeyError, ValueError):
        return False


def note_result(checkpoint: Path, **result: float | None) -> None:
    """Add what was measured of a run's exported network."""
    path = diary_of(checkpoint)
    data = _json(path)
    data["result"] = {name: value for name, value in result.items() if value is not None}
    write_atomic(path, json.dumps(data) + "\n")


def _seconds_of(path: Path) -> list[float | None]:
    try:
        return list(_json(path)["seconds"])
    except (InputError, KeyError, TypeError):
        return []


# ------------------------------------------------------------------------------------------------------------- reading


def find_runs(folder: Path) -> list[Path]:
    """Files below a folder that say that they are runs, in the order of their names; links are not followed.

    Raises:
        InputError: the folder cannot be read.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: is not a folder")
    files = list(_files(folder))
    found = {path for path in files if path.name.endswith(SUFFIX)}
    told = {path.with_name(path.name.removesuffix(SUFFIX)) for path in found}
    logs = [path for path in files if path.suffix == ".csv" and path.with_suffix("") not in told and _is_log(path)]
    return sorted([*found, *logs])


def _files(folder: Path) -> Iterator[Path]:
    seen = 0
    for place, folders, files in os.walk(folder):
        deep = len(Path(place).relative_to(folder).parts) >= _DEPTH
        folders[:] = [] if deep else sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            seen += 1
            if seen > _FILES:
                return
            if not name.startswith("."):
                yield Path(place, name)


def _is_log(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(len(",".join(_LOG)) + 1) == f"{','.join(_LOG)},".encode()
    except OSError:
        return False


def read_run(path: Path, folder: Path | None = None) -> TrainingRun | Damaged:
    """A run from its file; what is damaged says so instead of raising.

    Args:
        folder: names count from it.
    """
    shown = path.relative_to(folder) if folder is not None else Path(path.name)
    name = str(shown.with_name(shown.name.removesuffix(SUFFIX).removesuffix(".csv")))
    try:
        return _from_log(path, name) if path.suffix == ".csv" else _from_diary(path, name)
    except InputError as error:
        return Damaged(name, path, str(error))


def _from_diary(path: Path, name: str) -> TrainingRun:
    data = _json(path)
    try:
        state, message = data["state"], str(data["message"])
        if state not in ("at work", "finished", "stopped"):
            raise ValueError(f"state = {state!r:.40}")
        if state == "at work" and not is_alive(data["process"]):
            state, message = "stopped", _KILLED
        rows = tuple({str(key): float(value) for key, value in row.items()} for row in data["rows"])
        seconds = tuple(math.nan if value is None else float(value) for value in data["seconds"])
        result = {str(key): float(value) for key, value in data["result"].items()}
        run = TrainingRun(name, path, dict(data["recipe"]), state, message, rows, seconds, result)
        _check_rows(rows)
        _check_recipe(run.recipe or {})
        if len(seconds) != len(rows) or run.epochs < max(len(rows), 1):
            raise ValueError(f"{len(rows)} epochs with {len(seconds)} times, of {run.epochs}")
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise InputError(f"{path.name}: is damaged: {_short(error)}") from None
    return run


def _from_log(path: Path, name: str) -> TrainingRun:
    try:
        lines = _text(path).splitlines()
        read = csv.DictReader(lines, strict=True)
        rows = tuple({key: float(value) for key, value in row.items() if value != ""} for row in read)
        if not rows:
            raise ValueError("no epoch")
        _check_rows(rows)
    except (csv.Error, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path.name}: is damaged: {_short(error)}") from None
    ended = rows[-1]["epoch"] >= rows[-1]["epochs"]
    told = "" if ended else "a log alone: it may still be at work"
    return TrainingRun(name, path, None, "finished" if ended else "stopped", told, rows, (math.nan,) * len(rows))


def _check_rows(rows: Sequence[Mapping[str, float]]) -> None:
    for place, row in enumerate(rows, start=1):
        missing = [name for name in (*_LOG, "train_accuracy") if name not in row]
        if missing or row["epoch"] != place:
            raise ValueError(f"line {place}: " + (f"has no {missing[0]}" if missing else f"is epoch {row['epoch']:g}"))
        if not (row["epochs"].is_integer() and row["epochs"] >= place):  # infinity is no whole number either
            raise ValueError(f"line {place}: epochs = {row['epochs']:g}: must be a whole number of at least {place}")


def _check_recipe(recipe: Mapping[str, Any]) -> None:
    """What a list of runs says of each must be there; the rest is for who looks into one."""
    bits, taught = recipe.get("quantization"), recipe.get("distillation")
    told = {name: recipe[name] for name in ("name", "dataset")}
    told |= {name: bits[name] for name in ("weight_bits", "membrane_bits") if bits}
    told |= {"teacher": taught["teacher"]} if taught else {}
    for name, value in told.items():
        if not isinstance(value, str | int | None):
            raise ValueError(f"{name} = {value!r:.40}")


def _short(error: Exception) -> str:
    return (f"{error} is missing" if isinstance(error, KeyError) else str(error).splitlines()[0])[:160]


def _json(path: Path) -> dict[str, Any]:
    text = _text(path)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f"{path.name}: is damaged: no JSON") from None
    if not isinstance(data, dict) or data.get("kind") != _KIND:
        raise InputError(f"{path.name}: is no {_KIND}")
    return data


def _text(path: Path) -> str:
    """A file's text, as far as it may be a run; raises `InputError`."""
    try:
        if path.stat().st_size > _MOST:
            raise InputError(f"{path.name}: has more than {_MOST // 2**20} MiB: is no training run")
        return path.read_bytes().decode()
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path.name}: is damaged: no text") from None
