"""Network files: safetensors with the description as JSON in the metadata; workloads: the same as YAML.

Opening either runs no code. A safetensors header states every array's shape and place before any of it is
read, and the library refuses a header that does not fit the file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from .._files import write_atomic
from .._resources import bundled, config_dir, resolve, zoo_dir
from .._yaml import read_yaml
from ..errors import ConfigError, NetworkError
from .build import build
from .model import Network

SUFFIX = ".safetensors"
_KEY = "spikesim"
_HINT = "; another framework's checkpoint: first spikesim import CHECKPOINT --from FRAMEWORK -o NET.safetensors"


def zoo() -> dict[str, Path]:
    """Trained networks that ship with the package: name to file."""
    return bundled(zoo_dir(), SUFFIX)


def workloads() -> dict[str, Path]:
    """Shape-only workloads that ship with the package: name to YAML file."""
    return bundled(config_dir("workloads"), ".yaml")


def load_network(source: str | Path | Network) -> Network:
    """A network from a bundled name, a `.safetensors` file or a workload's `.yaml`.

    Raises:
        NetworkError: the file is not a network, is truncated, or its shapes do not fit.
        InputError: `source` is neither a bundled name nor a file.
    """
    if isinstance(source, Network):
        return source
    path = resolve(source, {**zoo(), **workloads()}, "network")
    if path.suffix in (".yaml", ".yml"):
        return _load_workload(path)
    return _load_safetensors(path)


def save_network(network: Network, path: str | Path) -> Path:
    """Write a network; the file appears whole or not at all."""
    target = Path(path)
    if target.suffix != SUFFIX:
        raise NetworkError(f"{target}: a network file ends in {SUFFIX}")
    text = network.model.model_dump_json()
    arrays = {name: np.ascontiguousarray(array) for name, array in network.arrays.items()}
    return write_atomic(target, save(arrays, metadata={_KEY: text}))


def _load_safetensors(path: Path) -> Network:
    try:
        with safe_open(path, framework="np") as file:
            text = (file.metadata() or {}).get(_KEY)
            if text is None:
                raise NetworkError(f"{path}: is a safetensors file without a {_KEY!r} description{_HINT}")
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, NetworkError):
            raise
        hint = "" if path.suffix == SUFFIX else _HINT
        raise NetworkError(f"{path}: is not a network file, or is truncated ({_first_line(error)}){hint}") from None
    try:
        description: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NetworkError(f"{path}: its description is not JSON ({_first_line(error)})") from None
    if not isinstance(description, dict):
        raise NetworkError(f"{path}: its description is not a JSON object")
    return build(description, arrays, str(path))


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _load_workload(path: Path) -> Network:
    try:
        data, _ = read_yaml(path)
    except ConfigError as error:
        raise NetworkError(str(error)) from None
    data.setdefault("name", path.stem)
    data.setdefault("arithmetic", "shape")
    return build(data, {}, str(path))
