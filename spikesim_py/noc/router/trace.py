"""Packets from and to CSV, and a result's counters and latencies as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from ..._files import write_atomic
from ...errors import InputError
from ..fabric import NocResult, Packets
from .synthetic import Load

#: one row per packet; destinations are node ids with spaces between them
COLUMNS = ("source", "destinations", "flits", "cycle", "label")
PORT_NAMES = ("+x", "-x", "+y", "-y", "local")


def read_packets(path: str | Path) -> Packets:
    """The packets of a CSV file with the columns `COLUMNS`, in its order.

    Raises:
        InputError: a file that cannot be read; a line or value that is malformed, by line and column.
    """
    try:
        with open(path, newline="", encoding="utf-8") as stream:
            lines = list(csv.reader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not lines or tuple(name.strip() for name in lines[0]) != COLUMNS:
        raise InputError(f"{path}: line 1: {','.join(lines[0]) if lines else ''!r}: must be {','.join(COLUMNS)}")
    columns: dict[str, list[int]] = {name: [] for name in COLUMNS}
    first = [0]
    for number, line in enumerate(lines[1:], 2):
        if not line:
            continue
        if len(line) != len(COLUMNS):
            raise InputError(f"{path}: line {number}: {len(line)} values; must be {len(COLUMNS)}: {','.join(COLUMNS)}")
        for name, cell in zip(COLUMNS, line, strict=True):
            words = cell.split() if name == "destinations" else [cell]
            columns[name] += [_whole(path, number, name, word) for word in words or [""]]
        first.append(len(columns["destinations"]))
    source, destination, flits, cycle, label = (np.array(columns[name], np.int64) for name in COLUMNS)
    return Packets(source, flits, cycle, label, np.array(first), destination)


def _whole(path: str | Path, line: int, column: str, word: str) -> int:
    try:
        value = int(word)
    except ValueError:
        raise InputError(f"{path}: line {line}: {column} = {word!r}: must be a whole number") from None
    fewest = 1 if column == "flits" else None if column == "label" else 0
    if (fewest is not None and value < fewest) or abs(value) >= 2**62:
        limit = "between -2^62 and 2^62" if fewest is None else f"from {fewest} and below 2^62"
        raise InputError(f"{path}: line {line}: {column} = {value}: must be {limit}")
    return value


def write_packets(packets: Packets, path: str | Path) -> Path:
    """The packets as `read_packets` takes them."""
    bounds = packets.first.tolist()
    targets = (" ".join(map(str, packets.destination[a:b])) for a, b in pairwise(bounds))
    return _write(path, COLUMNS, zip(packets.source, targets, packets.flits, packets.cycle, packets.label, strict=True))


def write_counters(result: NocResult | Load, path: str | Path) -> Path:
    """Flits by router, output port and virtual channel of the next router; one row each, also where none passed.

    Raises:
        InputError: a fidelity that does not simulate channels; a file that cannot be written.
    """
    if result.vc_flits is None:
        raise InputError(f"fidelity = {getattr(result, 'fidelity', '')!r}: has no channels; only 'cycle' has")
    width = result.fabric.width
    rows = (
        (node, node % width, node // width, PORT_NAMES[port], vc, flits)
        for (node, port, vc), flits in np.ndenumerate(result.vc_flits)
    )
    return _write(path, ("node", "x", "y", "port", "vc", "flits"), rows)


def write_histogram(result: NocResult | Load, path: str | Path) -> Path:
    """How many deliveries took how many cycles from their packet's creation."""
    cycles, deliveries = np.unique(result.latency_cycles.astype(np.int64), return_counts=True)
    return _write(path, ("latency_cycles", "deliveries"), zip(cycles, deliveries, strict=True))


def _write(path: str | Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return write_atomic(path, text.getvalue())
