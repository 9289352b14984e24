"""Where training stands, in a file that is read without running anything that it says."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from spikesim_py._files import write_atomic
from spikesim_py.errors import InputError

from .config import TrainingConfig

State = dict[str, Any]
_KIND = "spikesim training checkpoint, version 1"
_TORCH = str(torch.__version__)


def save(path: Path, recipe: TrainingConfig, state: State) -> None:
    """Write `state` (tensors, numbers, texts, and lists and dicts of them), whole or not at all."""
    stored = io.BytesIO()
    torch.save({"kind": _KIND, "recipe": _recipe(recipe), "torch": _TORCH, **state}, stored)
    write_atomic(path, stored.getvalue())


@contextmanager
def reading(path: Path | str) -> Iterator[None]:
    """Inside, a state is put to use: what does not fit is an `InputError` that names the file."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise InputError(f"{path}: is damaged: {' '.join(what.split())[:160]}") from None


def _recipe(recipe: TrainingConfig) -> State:
    """The recipe as plain data, and the plugins that it names, if any."""
    plugins = {f"{found['group']}: {found['name']}": found for found in recipe.plugins}
    return recipe.model_dump(mode="json") | ({"plugins": plugins} if plugins else {})


def load(path: Path, recipe: TrainingConfig) -> State | None:
    """What `save` wrote; None if there is no file.

    Raises:
        InputError: the file is damaged, or another recipe's; the message names what differs.
    """
    if not path.exists():
        return None
    try:
        with zipfile.ZipFile(path) as file:
            whole = file.testzip() is None
        state: State | None = torch.load(path, map_location="cpu", weights_only=True) if whole else None
    except Exception:  # a stranger's file may be anything
        state = None
    if not isinstance(state, dict) or state.get("kind") != _KIND or not {"torch", "recipe"} <= set(state):
        raise InputError(f"{path}: is no {_KIND}, or damaged")
    if state["torch"] != _TORCH:
        raise InputError(f"{path}: was written with torch {state['torch']}, this is {_TORCH}")
    differing = _difference(_today(state["recipe"]), _recipe(recipe))
    if differing is not None:
        raise InputError(f"{path}: was written by another recipe: {differing}; --overwrite begins anew")
    return state


def _today(stored: Any) -> Any:
    """A stored recipe with the fields that recipes have got since then, at their defaults."""
    try:
        plugins = {"plugins": stored["plugins"]} if "plugins" in stored else {}
        known = TrainingConfig.model_validate({key: value for key, value in stored.items() if key != "plugins"})
        return known.model_dump(mode="json") | plugins
    except (ValueError, TypeError, AttributeError):  # it names what is not there any more: compared as it is
        return stored


def _difference(old: Any, new: Any, where: str = "") -> str | None:
    """The first field that differs, with both values."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            found = _difference(old.get(key), new.get(key), f"{where}.{key}" if where else str(key))
            if found is not None:
                return found
        return None
    return None if old == new else f"{where} was {old!r}, is {new!r}"
