"""Integer weights in plain text: one matrix (outputs x inputs) per file, numbers parted by blanks or commas.

Files of a folder are layers, in the order of their names. Between them are integrate-and-fire units with the given
`threshold`, which keep `beta` of their membranes; the network's numbers are the file's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, NetworkError
from ..network import Network, build
from ..network.quantize import LEAK_SHIFT
from .limits import Budget, check_file
from .semantics import Semantics

_MAX_BYTES = 2**28
_MAX_LINE = 2**22
_MAX_WORD = 32
_MAX_ROWS = 2**16
_SUFFIXES = (".txt", ".csv", ".dat")


def network(source: Any, semantics: Semantics, format_name: str) -> Network:
    """The integer network of a file, or of a folder of files.

    Raises:
        NetworkError: a file is no matrix of whole numbers, or matrices do not fit. InputError: no threshold is given.
    """
    path, options = Path(source), semantics.options
    if options.threshold is None or options.threshold != int(options.threshold):
        raise InputError(f"{path}: integer weights need an integer threshold: give threshold")
    files = sorted(p for p in path.iterdir() if p.suffix in _SUFFIXES) if path.is_dir() else [path]
    if not files:
        raise NetworkError(f"{path}: has no file that ends in {', '.join(_SUFFIXES)}")
    steps = options.time_steps
    if steps is None:
        steps = 16
        semantics.assume("time_steps", "weights do not say for how long they run", steps)
    beta = 1.0 if options.beta is None else options.beta
    if options.beta is None:
        semantics.assume("beta", "weights do not say what a membrane keeps after a step", beta)
    if semantics.open("reset"):
        semantics.assume("reset", "weights do not say what a spike leaves of a membrane")
    if semantics.open("strict"):
        semantics.assume("strict", "weights do not say whether a membrane that equals its threshold spikes")
    leak = (
        {"multiplier": 1, "shift": 0} if beta == 1 else {"multiplier": round(beta * 2**LEAK_SHIFT), "shift": LEAK_SHIFT}
    )
    nodes: list[dict[str, Any]] = []
    arrays: dict[str, NDArray[Any]] = {}
    last = "input"
    for index, file in enumerate(files):
        weight = read_matrix(file)
        name = f"layer{index}"
        bits = max(2, int(np.abs(weight).max()).bit_length() + 1)
        nodes += [
            {
                "op": "linear",
                "name": name,
                "inputs": [last],
                "in_features": weight.shape[1],
                "out_features": len(weight),
                "weight_bits": bits,
            },
            {
                "op": "lif",
                "name": f"{name}_units",
                "inputs": [name],
                "leak": leak,
                "reset": semantics.reset,
                "strict": semantics.strict,
                "max_spikes": semantics.max_spikes,
                "refractory": semantics.refractory,
                "membrane_bits": 32,
            },
        ]
        arrays |= {f"{name}.weight": weight, f"{name}_units.theta": np.array([int(options.threshold)])}
        last = f"{name}_units"
    nodes.append({"op": "readout", "name": "out", "inputs": [last], "mode": options.readout or "spike_count"})
    first = nodes[0]["in_features"]
    spec = {
        "shape": (first, 1, 1),
        "bits": options.input_bits or 1,
        "coding": options.coding or "events",
        "encoder": "every_step",
    }
    description = {
        "name": (options.name or path.stem)[:128],
        "arithmetic": "integer",
        "time_steps": steps,
        "input": spec,
        "nodes": nodes,
        "metadata": {"import": {"format": format_name} | semantics.record()},
    }
    return build(description, arrays, str(path))


def read_matrix(path: Path) -> NDArray[np.int64]:
    """Whole numbers in rows of equal length.

    Raises:
        NetworkError: with the line of what is not one.
    """
    size = check_file(path)
    if size > _MAX_BYTES:
        raise NetworkError(f"{path}: has {size} bytes (at most {_MAX_BYTES})")
    budget = Budget(path, size)
    rows: list[NDArray[np.int64]] = []
    with open(path, "rb") as stream:
        for number, line in enumerate(iter(lambda: stream.readline(_MAX_LINE), b""), 1):
            if len(line) == _MAX_LINE:
                raise NetworkError(f"{path}:{number}: is longer than {_MAX_LINE} bytes")
            words = line.replace(b",", b" ").split()
            if not words or words[0].startswith(b"#"):
                continue
            budget.take(8 * len(words), f"line {number}")
            if len(rows) == _MAX_ROWS:
                raise NetworkError(f"{path}: has more than {_MAX_ROWS} rows")
            rows.append(_row(words, f"{path}:{number}"))
            if len(rows[-1]) != len(rows[0]):
                raise NetworkError(f"{path}:{number}: has {len(rows[-1])} numbers: must be {len(rows[0])}")
    if not rows:
        raise NetworkError(f"{path}: holds no numbers")
    return np.stack(rows)


def _row(words: list[bytes], where: str) -> NDArray[np.int64]:
    if (longest := max(words, key=len)) and len(longest) > _MAX_WORD:
        raise NetworkError(f"{where}: {longest[:24].decode('latin1')!r}..: must be a whole number")
    try:
        values = np.array(words).astype(np.float64)
    except ValueError:
        bad = next((word for word in words if not _is_number(word)), b"?")
        raise NetworkError(f"{where}: {bad[:24].decode('latin1')!r}: must be a whole number") from None
    if not np.isfinite(values).all() or (values != np.round(values)).any() or np.abs(values).max() > 2**15:
        bad_value = values[~(np.isfinite(values) & (values == np.round(values)) & (np.abs(values) <= 2**15))][0]
        raise NetworkError(f"{where}: {bad_value}: must be a whole number of 16 bits")
    return values.astype(np.int64)


def _is_number(word: bytes) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
