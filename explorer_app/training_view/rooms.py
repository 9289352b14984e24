"""Asks `training` which runs there are, and what the units of one do."""

from __future__ import annotations

from pathlib import Path

from spikesim_py.errors import InputError, SpikesimError
from training.behaviour import Behaviour, behaviour
from training.config import TrainingConfig
from training.runs import Damaged, TrainingRun, find_runs, read_run

from ..workshop import Workshop

Found = TrainingRun | Damaged


class Rooms:
    """The runs below a folder. Holds nothing about who asks.

    Args:
        folder: where to look; None: nowhere.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._read: dict[Path, tuple[str, Found]] = {}
        self._workshop = Workshop(kept=16)

    def runs(self) -> dict[str, Found]:
        """Every run by its name, the one that has changed last first; those that have not changed are not read again.

        Raises:
            InputError: the folder is not there any more.
        """
        if self.folder is None:
            return {}
        paths = find_runs(self.folder)
        marks = {path: _mark(path) for path in paths}
        read = {path: self._run(self.folder, path, marks[path]) for path in paths}
        self._read = {path: (marks[path], run) for path, run in read.items()}
        return {read[path].name: read[path] for path in sorted(paths, key=lambda path: _changed(marks[path]))}

    def _run(self, folder: Path, path: Path, mark: str) -> Found:
        known = self._read.get(path)
        if known and known[0] == mark and not (isinstance(known[1], TrainingRun) and known[1].state == "at work"):
            return known[1]
        return read_run(path, folder)  # one that is at work may have died meanwhile

    def version(self) -> str:
        """Changes whenever a run does."""
        try:
            runs = self.runs()
        except SpikesimError as error:
            return str(error)
        return " ".join(f"{name}:{_mark(run.path)}:{getattr(run, 'state', '')}" for name, run in runs.items())

    def inside(self, name: str, *, run: bool) -> Behaviour | None:
        """What the units of a run do; None if nobody has looked since its checkpoint changed, and nobody shall.

        Raises:
            InputError: there is no such run, or no checkpoint that can be looked into.
        """
        found = self.runs().get(name)
        if not isinstance(found, TrainingRun) or found.checkpoint is None or found.recipe is None:
            raise InputError(f"run {name!r}: has no checkpoint to look into")
        recipe, checkpoint = found.recipe, found.checkpoint
        key = (name, _mark(checkpoint))

        def make() -> Behaviour:
            try:
                config = TrainingConfig.model_validate(recipe)
            except ValueError as error:
                raise InputError(f"run {name!r}: its recipe is none of this version: {error!s:.200}") from None
            return behaviour(config, checkpoint)

        made: Behaviour | None = self._workshop.get(key, make) if run else self._workshop.known(key)
        return made


def _mark(path: Path) -> str:
    try:
        about = path.stat()
    except OSError:
        return "0.0"
    return f"{about.st_mtime_ns}.{about.st_size}"


def _changed(mark: str) -> int:
    return -int(mark.partition(".")[0])
