"""Results from outside: a CSV or Parquet file with one line per design, as `Study.to_csv` and `to_parquet` write it.

A study that is made of them has columns and no reports: its designs can be plotted, filtered and held against others,
not taken apart. Columns with a field's dotted name (`crossbar.rows`) are its axes, and so are network and chip.
Nothing in such a file is executed, and what it holds is checked cell by cell.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..errors import InputError, did_you_mean
from ..report import METRICS
from .space import Space
from .store.database import Database
from .store.results import IMPORTED
from .study import COLUMNS, Frame, Study, column

SUFFIXES = (".csv", ".parquet")
#: of one file: bytes, designs, columns, characters of a cell
MAX_BYTES, MAX_ROWS, MAX_COLUMNS, MAX_TEXT = 64 * 2**20, 200_000, 400, 4096
#: columns that are text, whatever they look like
_TEXT = ("network", "chip", "report_hash", "accuracy_key")
#: columns between 0 and 1
_SHARES = ("accuracy", "accuracy_low", "accuracy_high", "utilization", "assumed_energy_share", "assumed_area_share")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.+-]{0,127}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
#: how a text says that a number is missing
_EMPTY = ("", "nan", "NaN")
Cell = bool | int | float | str | None


def read_results(path: str | Path, name: str | None = None) -> Frame:
    """Columns of a file of results, as `Study.frame` gives them; a missing number is NaN.

    A column is of numbers where all its cells are; `network`, `chip` and hashes are text. What every study has a column
    of and the file has not is empty. Designs without `report_hash` get one of their content. Rows with an `error` and
    no metric are designs that failed: they are left out.

    Args:
        name: what the file is called in messages; default its own name.

    Raises:
        InputError: one line with file, column, row and value, and what is allowed.
    """
    target = Path(path).expanduser()
    shown = name or target.name
    columns = _columns(target, shown)
    _check_names(shown, list(columns))
    columns = _without_failed(columns, shown)
    frame = {key: _numbers_or_text(shown, key, cells) for key, cells in columns.items()}
    for key, values in frame.items():
        _check_range(shown, key, values)
    count = len(next(iter(frame.values())))
    if not count:
        raise InputError(f"{shown}: has no row: one for each design must follow the names of the columns")
    for key in COLUMNS:
        if key not in frame:
            frame[key] = np.full(count, "") if key in _TEXT else np.full(count, np.nan)
    if (frame["report_hash"] == "").any():
        frame["report_hash"] = _hashes(frame)
    return frame


def import_results(path: str | Path, store: str | Path) -> Study:
    """Make a study of a file of results.

    Raises:
        InputError: the file cannot be used, or there is a file `store` already.
    """
    target = Path(store).expanduser()
    if target.exists():
        raise InputError(f"{target}: is there already; name another file: imported results make a study of their own")
    frame = read_results(path)
    rows = [dict(zip(frame, cells, strict=True)) for cells in zip(*map(_plain, frame.values()), strict=True)]
    space = Space(name=Path(path).stem or "results", axes=_axes(frame))
    now = time.time()
    packed = [
        (f"imported:{place}", place, "{}", "done", None, row["report_hash"], json.dumps(row), None, now)
        for place, row in enumerate(rows)
    ]
    with closing(Database.write(target)) as base, base.transaction():
        about = {"version": __version__, "model_version": IMPORTED, "space": space.model_dump_json()}
        base.put("INSERT OR REPLACE INTO meta VALUES (?, ?)", *about.items())
        base.put("INSERT INTO design VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", *packed)
    return Study(target)


def _axes(frame: Frame) -> dict[str, list[Any]]:
    """Fields of a chip or a network, and what networks and chips are called, where designs differ in them.

    Fields that are equal in every design move together, and are one axis (`crossbar.rows+crossbar.cols`).
    """
    found: dict[tuple[str, ...], tuple[list[str], list[Any]]] = {}
    for name, values in frame.items():
        if ("." in name and "+" not in name) or name in ("network", "chip"):
            known = [value for value in dict.fromkeys(values.tolist()) if value != "" and value == value]
            if len(known) > 1:
                found.setdefault(tuple(map(str, values.tolist())), ([], sorted(known)))[0].append(name)
    return {"+".join(names): values for names, values in found.values()}


# --------------------------------------------------------------------------------------------------------- the file


def _columns(path: Path, shown: str) -> dict[str, Sequence[Cell]]:
    suffix = Path(shown).suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"{shown}: suffix {suffix or 'none'!r}: must be {' or '.join(SUFFIXES)}")
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(f"{shown}: has {size / 2**20:.0f} MiB: at most {MAX_BYTES // 2**20} are read")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{shown}: cannot be read: {error.strerror}") from None
    return (_from_csv if suffix == ".csv" else _from_parquet)(data, shown)


def _from_csv(data: bytes, shown: str) -> dict[str, Sequence[Cell]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        told = f"is no text in UTF-8 (byte {error.start}); Excel writes it as 'CSV UTF-8'"
        raise InputError(f"{shown}: {told}") from None
    try:
        lines = list(_lines(csv.reader(io.StringIO(text, newline=""), strict=True), shown))
    except csv.Error as error:
        raise InputError(f"{shown}: is no CSV: {error}") from None
    if not lines:
        raise InputError(f"{shown}: is empty: its first line must name the columns")
    head, *rows = lines
    if head[0].startswith("sep="):
        raise InputError(
            f"{shown}: first line {','.join(head)!r}: must name the columns: leave this hint for Excel out"
        )
    if len(head) == 1 and ";" in head[0]:
        raise InputError(
            f"{shown}: first line {head[0][:80]!r}: is separated by semicolons: must be by commas, with points in "
            f"numbers (in Excel: save as CSV in an English locale)"
        )
    _check_distinct(shown, head)
    for place, row in enumerate(rows, start=1):
        if len(row) != len(head):
            raise InputError(f"{shown}: row {place}: has {len(row)} cells: must have {len(head)}, as the first line")
    return {key: [row[at] for row in rows] for at, key in enumerate(head)}


def _lines(reader: Iterable[list[str]], shown: str) -> Iterator[list[str]]:
    for place, row in enumerate(reader):
        if place > MAX_ROWS:
            raise InputError(f"{shown}: has more than {MAX_ROWS:,} rows: that many are read at most")
        if row:
            yield row


def _from_parquet(data: bytes, shown: str) -> dict[str, Sequence[Cell]]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise InputError("reading Parquet needs pyarrow: pip install 'spikesim-py[parquet]'") from None
    try:
        file = parquet.ParquetFile(pyarrow.BufferReader(data))
        about, names = file.metadata, list(file.schema_arrow.names)
        if about.num_rows > MAX_ROWS:
            raise InputError(f"{shown}: has {about.num_rows:,} rows: at most {MAX_ROWS:,} are read")
        _check_distinct(shown, names)
        _check_types(shown, file.schema_arrow)
        texts = [field.name for field in file.schema_arrow if _is_text(field.type)]
        file = parquet.ParquetFile(pyarrow.BufferReader(data), read_dictionary=texts)  # long texts are not multiplied
        table = file.read(use_threads=False)
        for name in texts:
            _check_texts(shown, name, table[name])
        return {name: table[name].to_pylist() for name in names}
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{shown}: is no Parquet file, or damaged: {str(error).splitlines()[0][:120]}") from None


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind))


def _check_types(shown: str, schema: Any) -> None:
    from pyarrow import types

    for field in schema:
        kind = field.type
        numeric = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
        if not numeric and not _is_text(kind):
            raise InputError(f"{shown}: column {field.name[:80]!r}: is of {str(kind)[:60]}: must be numbers or text")


def _check_texts(shown: str, name: str, cells: Any) -> None:
    for chunk in cells.chunks:
        for text in chunk.dictionary:
            if text.is_valid and len(text.as_py()) > MAX_TEXT:
                raise InputError(f"{shown}: column {name!r}: a text has more than {MAX_TEXT} characters")


# -------------------------------------------------------------------------------------------------------- its content


def _check_distinct(shown: str, names: Sequence[str]) -> None:
    if len(names) > MAX_COLUMNS:
        raise InputError(f"{shown}: has {len(names)} columns: at most {MAX_COLUMNS} are read")
    twice = next((key for at, key in enumerate(names) if key in names[:at]), None)
    if twice is not None:
        raise InputError(f"{shown}: column {twice[:80]!r}: stands twice in the first line")


def _check_names(shown: str, names: Sequence[str]) -> None:
    for place, name in enumerate(names, start=1):
        if not _NAME.fullmatch(name):
            raise InputError(
                f"{shown}: column {place} is named {name[:80]!r}: a name begins with a letter and has letters, digits, "
                f"'_', '.', '+' and '-' (128 at most)"
            )
    if not set(names) & set(METRICS):
        near = next((hint for name in names if (hint := did_you_mean(name, METRICS))), "")
        raise InputError(
            f"{shown}: columns {', '.join(names)[:200]}: none is a metric{near} (metrics: {', '.join(METRICS)})"
        )


def _without_failed(columns: dict[str, Sequence[Cell]], shown: str) -> dict[str, Sequence[Cell]]:
    """Rows with an `error` and no metric, as `Study.to_csv` writes designs that failed, are no results."""
    if "error" not in columns:
        return columns
    measured = [cells for key, cells in columns.items() if key in METRICS]
    filled = [not all(map(_is_missing, row)) for row in zip(*measured, strict=True)]
    told = [not _is_missing(error) for error in columns["error"]]
    done = [place for place, failed in enumerate(told) if filled[place] or not failed]
    if told and not done:
        raise InputError(f"{shown}: has no result: each of its {len(told)} designs failed (column 'error')")
    left = columns if any(told[place] for place in done) else {k: v for k, v in columns.items() if k != "error"}
    return {key: [cells[place] for place in done] for key, cells in left.items()}


def _is_missing(cell: Cell) -> bool:
    """Whether a cell is empty, or a NaN, which other programs put there."""
    return cell is None or cell != cell or (isinstance(cell, str) and cell.strip() in _EMPTY)


def _numbers_or_text(shown: str, name: str, cells: Sequence[Cell]) -> NDArray[Any]:
    if name in _TEXT:
        return _texts(shown, name, cells)
    numbers: list[Any] = []
    for place, cell in enumerate(cells, start=1):
        try:
            numbers.append(_number(cell))
        except ValueError:
            if name in METRICS or name.startswith(("accuracy_", "search_accuracy")):
                told = f"{str(cell)[:80]!r} is no number ({_allowed(name)}, or empty)"
                raise InputError(f"{shown}: column {name!r}, row {place}: {told}") from None
            return _texts(shown, name, cells)
    return column(numbers)


def _number(cell: Cell) -> bool | int | float | None:
    """A cell as a number; None where it is empty."""
    if isinstance(cell, float):
        return None if np.isnan(cell) else cell
    if not isinstance(cell, str):
        return cell
    text = cell.strip()
    if text in _EMPTY:
        return None
    if text in ("True", "False"):
        return text == "True"
    if "_" in text or not text.isascii():  # which Python reads as numbers, and nobody else
        raise ValueError(text)
    number = float(text)
    if not np.isfinite(number):
        raise ValueError(text)
    return int(text) if text.lstrip("+-").isdigit() and abs(number) < 2**53 else number


def _texts(shown: str, name: str, cells: Sequence[Cell]) -> NDArray[Any]:
    texts = ["" if cell is None else str(cell) for cell in cells]
    for place, text in enumerate(texts, start=1):
        if len(text) > MAX_TEXT or _CONTROL.search(text):
            told = "has control characters" if len(text) <= MAX_TEXT else f"has more than {MAX_TEXT} characters"
            raise InputError(f"{shown}: column {name!r}, row {place}: {text[:80]!r}: {told}")
    return np.array(texts, dtype=str)


def _allowed(name: str) -> str:
    return "must be from 0 to 1" if name in _SHARES else "must be a finite number, 0 or more"


def _check_range(shown: str, name: str, values: NDArray[Any]) -> None:
    if name not in METRICS and name not in _SHARES:
        return
    most = 1.0 if name in _SHARES else np.finfo(float).max
    wrong = np.flatnonzero(~np.isnan(values) & ~((values >= 0) & (values <= most)))
    if wrong.size:
        place = int(wrong[0])
        told = f"{shown}: column {name!r}, row {place + 1}: {values[place]:g}: {_allowed(name)}"
        raise InputError(told + (" (per cent? divide by 100)" if name in _SHARES and values[place] <= 100 else ""))


def _hashes(frame: Frame) -> NDArray[Any]:
    """One for each design, of its content and place; those that are there stay."""
    rows = zip(*(_plain(values) for values in frame.values()), strict=True)
    made = [hashlib.sha256(json.dumps([place, row]).encode()).hexdigest() for place, row in enumerate(rows)]
    return np.array([own or new for own, new in zip(frame["report_hash"].tolist(), made, strict=True)])


def _plain(values: NDArray[Any]) -> list[Cell]:
    """As JSON has it: NaN is null."""
    return [None if isinstance(value, float) and np.isnan(value) else value for value in values.tolist()]
