"""Columns as files that other programs read."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from .._files import write_atomic
from ..errors import InputError
from .store import BLOCK

Frame = Mapping[str, NDArray[Any]]


def write_csv(frame: Frame, path: str | Path) -> Path:
    """Comma-separated text with a line of names; numbers keep every digit."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(frame)
    for start in range(0, max((len(column) for column in frame.values()), default=0), BLOCK):
        part = [column[start : start + BLOCK].tolist() for column in frame.values()]  # a million rows at once are 2 GB
        writer.writerows(zip(*part, strict=True))
    return write_atomic(path, text.getvalue())


def write_parquet(frame: Frame, path: str | Path) -> Path:
    """Apache Parquet, zstd-packed: for DuckDB, polars, pandas. Raises `InputError` where pyarrow is not installed."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise InputError("writing Parquet needs pyarrow: pip install 'spikesim-py[parquet]'") from None
    sink = pyarrow.BufferOutputStream()
    columns = {name: column.tolist() if column.dtype.kind == "U" else column for name, column in frame.items()}
    parquet.write_table(pyarrow.table(columns), sink, compression="zstd")
    return write_atomic(path, sink.getvalue().to_pybytes())
