"""From a file, or a module in memory, to a `Network`: finds the reader, and reports what had to be assumed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from ..errors import InputError, NetworkError, did_you_mean
from ..network import Network
from ..network import load_network as load_own
from .semantics import CONVENTIONS, AssumedWarning, Options, Semantics, as_options, said

_DATA = ("name", "time_steps", "coding", "input_bits", "readout")
_UNITS = ("convention", "reset", "strict", "max_spikes", "refractory")
_AT_ONCE = (*_DATA, "input_shape", *_UNITS, "fold", "architecture")
_MODULES = (*_AT_ONCE, "reset_delay")
#: what the equations of NIR leave open
_STEPS = ("dt", "decay", "gain", "synapse_gain", "v_min", "v_init", "synapse_order", "synapse_reads")


@dataclass(frozen=True)
class Format:
    """A kind of checkpoint: its module (with `read`), whose time-steps it has, what it is in words, and which options
    (fields of `Options`) it leaves to the user."""

    module: str
    convention: str
    about: str
    options: tuple[str, ...]
    suffixes: tuple[str, ...] = ()
    live: bool = False


#: what can be imported, by the name that `--from` takes
FORMATS: Mapping[str, Format] = {
    "nir": Format(
        "nir",
        "nir",
        "NIR graphs (Norse, Sinabs, Rockpool and others export them)",
        (*_DATA, "input_shape", *_UNITS, "reset_delay", "fold", *_STEPS),
        (".nir",),
    ),
    "snntorch": Format("snntorch", "snntorch", "snnTorch modules and state dicts", _MODULES, live=True),
    "spikingjelly": Format(
        "spikingjelly", "spikingjelly", "SpikingJelly modules, state dicts by an architecture", _AT_ONCE, live=True
    ),
    "lava": Format("lava", "nir", "lava-dl exchange files, integer exact", (*_DATA, "input_shape"), (".net",)),
    "spikesim": Format(
        "spikesim_vgg9",
        "nir",
        "SpikeSim's VGG9 checkpoints, with its quantizer",
        (*_DATA, "input_shape", "fold", "beta", "quantizer_bits"),
        live=True,
    ),
    "text": Format(
        "text", "nir", "integer matrices in plain text, one file per layer", (*_DATA, *_UNITS, "beta", "threshold")
    ),
    "state_dict": Format("state_dict", "spikingjelly", "named arrays and an architecture in YAML", _MODULES, live=True),
}
_OWN = (".safetensors", ".yaml", ".yml")
SUFFIXES = {suffix: name for name, kind in FORMATS.items() for suffix in kind.suffixes}


def import_network(source: Any, format: str | None = None, **options: Any) -> Network:
    """A network from a checkpoint, or from a module in memory.

    Args:
        source: a path; for `spikingjelly` and `snntorch` also a module or a state dict.
        format: one of `FORMATS`; by default the suffix tells.
        options: fields of `Options`.

    Raises:
        NetworkError: the checkpoint cannot be read, or be a network. InputError: an option is wrong.

    Warns:
        AssumedWarning: for each option that the file does not tell and that changes the result.
    """
    return _imported(source, format, as_options(options), None)


def read_checkpoint(path: str | Path, format: str | None = None, **options: Any) -> tuple[Network, tuple[str, ...]]:
    """A file as `import_network` reads it, or a network's own file, and what was assumed: told, not warned of."""
    if format is None and Path(path).suffix.lower() in _OWN:
        return load_own(path), ()
    made, assumed = _read(path, format, as_options(options), None)
    return made, tuple(assumed)


def _imported(source: Any, format: str | None, chosen: Options, data_dt: float | None) -> Network:
    made, assumed = _read(source, format, chosen, data_dt)
    for line in assumed:
        warnings.warn(f"{_origin(source)}: {line}", AssumedWarning, stacklevel=3)
    return made


def _read(source: Any, format: str | None, chosen: Options, data_dt: float | None) -> tuple[Network, list[str]]:
    """The network, and what was assumed; `data_dt` is the data's time-step, which holds where the file tells none."""
    name = _format_of(source, format)
    kind = FORMATS[name]
    if not isinstance(source, str | Path) and not kind.live:
        raise InputError(f"format = {name!r}: reads files, not a {type(source).__name__}")
    for option in said(chosen):
        if option not in kind.options:
            raise InputError(f"{option}: changes nothing of {name} checkpoints (they take: {', '.join(kind.options)})")
    semantics = Semantics(chosen, CONVENTIONS[chosen.convention or kind.convention])
    if data_dt is not None:
        semantics.tell("dt", data_dt, "the time-step of the data, unless the file tells its own")
    made: Network = _reader(kind)(source, semantics, name)
    return made, semantics.assumed


def load_network(source: str | Path | Network, *, data_dt: float | None = None) -> Network:
    """A network from a bundled name, a network's own file, or a checkpoint whose suffix tells its format.

    Args:
        data_dt: seconds per time-step of the data that it will see; a checkpoint that tells no time-step has this one.

    Raises:
        NetworkError: the file is not a network. InputError: `source` is neither a bundled name nor a file.
    """
    if isinstance(source, str | Path) and Path(source).suffix.lower() in SUFFIXES and Path(source).is_file():
        return _imported(source, None, Options(), data_dt)
    return load_own(source)


def _reader(kind: Format) -> Callable[[Any, Semantics, str], Network]:
    """`network` of the format's module, or its graph, lowered."""
    module = import_module(f".{kind.module}", __package__)
    if hasattr(module, "network"):
        made: Callable[[Any, Semantics, str], Network] = module.network
        return made

    def lowered(source: Any, semantics: Semantics, name: str) -> Network:
        from .lower import lower

        place = Path(source) if isinstance(source, str | Path) else source
        return lower(module.read(place, semantics), semantics, _origin(source), name)

    return lowered


def _origin(source: Any) -> str:
    return str(source) if isinstance(source, str | Path) else type(source).__name__


def _format_of(source: Any, format: str | None) -> str:
    if format is not None:
        if format not in FORMATS:
            raise InputError(
                f"format = {format!r}: unknown{did_you_mean(format, FORMATS)} (known: {', '.join(FORMATS)})"
            )
        return format
    if isinstance(source, str | Path):
        suffix = Path(source).suffix.lower()
        if suffix in SUFFIXES:
            return SUFFIXES[suffix]
        raise NetworkError(
            f"{source}: its suffix {suffix!r} does not tell its format: give one of {', '.join(FORMATS)}"
        )
    raise InputError(f"a {type(source).__name__}: give its format: one of {', '.join(FORMATS)}")
