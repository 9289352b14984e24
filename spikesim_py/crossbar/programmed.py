"""A layer that is written into crossbars, and how it is read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, get_args

import llvmlite.binding as llvm
import numba
import numpy as np
from numpy.typing import NDArray

from .._arrays import ceil_div
from ..errors import InputError
from . import reference
from .adc import Adc
from .aligned import aligned
from .correction import Correction
from .inputs.layout import Rows, input_ones, row_hits
from .inputs.window import Window
from .ladder.circuit import Ladder
from .reads import Reads
from .real.conversion import Conversion
from .real.kernels import read_real
from .solved import Solved
from .whole.kernels import read_whole
from .whole.scaling import Scaling

#: reads that are worth a thread of their own: below, starting it takes longer than the work
_READS_PER_THREAD = 512
#: packed inputs that are kept at once
_PACKED_BYTES = 4 * 2**20
#: adding one active row takes as long as counting the bits of one word in a third of a column; without an
#: instruction that counts bits, of one word in a column twice as wide (measured on machines of both kinds)
_ROWS_PER_WORD = 3 if llvm.get_host_cpu_features().get("avx512vpopcntdq") else 12
#: how sums are formed; see `ProgrammedLayer.multiply`
Engine = Literal["auto", "bits", "rows", "real", "reference"]


@dataclass(frozen=True, eq=False)
class ProgrammedLayer:
    """One layer's crossbars on one chip.

    Columns are kind-major (slice and sign, then output), the outputs of a kind padded to a multiple of LANES.

    Attributes:
        name: the layer.
        rows: the rows in the order of reading.
        window: which input value drives which row.
        outputs: per group.
        adc: the converter. offset: subtracted per active (masked) input value.
        cells: (groups, rows in the order of reading, columns) levels: int8 where all are whole, else float32.
        variance: (groups, rows, columns) of a read in levels^2, or (groups, 0, 0).
        scaling: integer arithmetic of the conversion where it is exact, else None: then cells are real.
        conversion, ladder: the same for real cells.
        mask: counts the active inputs that meet a negative weight, where only they are offset.
        noise_state: stream of the read noise.
        stored: (groups, rows) mean ideal level of a row's cells over 2^cell_bits - 1, rows in matrix order.
        delivered, wire_error: see `Effective`.
        solved: reads that only the reference engine can solve.
        telegraph: changes of the cells at each time-step of a sample, (steps, *cells.shape); None without.
        steps: time-steps at which the layer is read.
        correction: what is done to the sums behind the shift-add; None: nothing.
    """

    name: str
    rows: Rows
    window: Window
    outputs: int
    adc: Adc
    offset: int
    cells: NDArray[Any]
    variance: NDArray[np.float32]
    scaling: Scaling | None
    conversion: Conversion
    ladder: Ladder
    mask: ProgrammedLayer | None
    noise_state: int
    stored: NDArray[np.float64]
    delivered: NDArray[np.float64] | None
    wire_error: float | None
    solved: Solved | None
    telegraph: Callable[[int], NDArray[np.float32]] | None
    steps: int
    correction: Correction | None = None

    @property
    def kinds(self) -> int:
        """Conversions per output."""
        return len(self.adc.ranges)

    @cached_property
    def digits(self) -> int:
        """Binary digits of the largest cell, if all are whole."""
        return max(1, int(self.cells.max()).bit_length())

    @cached_property
    def countable(self) -> bool:
        """Whether sums can be counted in bits: whole cells without a sign, and conversions that fit int32."""
        scaling = self.scaling
        if scaling is None or self.cells.min() < 0 or scaling.low < 0:
            return False
        largest = self.adc.full_scale * int(scaling.scale.max()) + int(scaling.half.max())
        return largest < 2**31 and int(np.abs(scaling.factor).sum()) * scaling.high < 2**31

    @cached_property
    def lines(self) -> NDArray[np.uint32]:
        """The binary digits of the cells, packed."""
        return aligned(self.rows.lines(self.cells, self.digits), np.uint32)

    def ir_loss(self, hits: NDArray[np.int64]) -> float | None:
        """Share of the current that wires take from rows that were active `hits` (groups, rows) times."""
        if self.delivered is None or not hits.any():
            return None
        without, with_wires = ((part * hits).sum() for part in self.delivered)
        return float(1 - with_wires / without)

    def multiply(
        self,
        x: NDArray[Any],
        threads: int | None = None,
        *,
        first_read: int = 0,
        every: int = 1,
        engine: Engine = "auto",
    ) -> tuple[NDArray[np.int32], Reads]:
        """``W . x`` as the crossbars compute it.

        Args:
            x: (reads, C, H, W) unsigned integers.
            threads: at most this many (None: `NUMBA_NUM_THREADS`); the result does not depend on it.
            first_read: number of the first read in the dataset (sample x time-steps + time-step), which names the
                read noise.
            every: from one read's number to the next one's; T where all reads are of one time-step.
            engine: `bits` counts bits, `rows` adds the rows of active inputs, both in whole numbers; `real` adds
                them in float32; `reference` is plain NumPy. `auto` takes the fastest. Whole cells give the same
                result in all of them.

        Returns:
            (reads, output C, H, W) saturated to int32, and what happened meanwhile.

        Raises:
            InputError: the engine cannot hold these cells.
        """
        flat, window = self.window.flatten(x), self.window
        channels, height, width = window.output_shape
        out = np.empty((len(flat), channels, height * width), np.int32)
        hits, ones = row_hits(flat, window, len(self.cells)), input_ones(flat, window, window.planes)
        idle = np.zeros(len(flat), np.int64)
        reads = len(flat) * height * width * window.planes
        chosen = self._engine(engine, float(hits.sum()) / (reads * len(self.cells)))
        limit = threads or numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
        workers = min(limit, ceil_div(out[:, 0].size, _READS_PER_THREAD))
        parts = list(_shares(len(flat), workers))

        def read(part: slice) -> int:
            return self._read(flat[part], idle[part], out[part], first_read + part.start * every, every, chosen)

        if len(parts) == 1:
            clipped = read(parts[0])
        else:
            with ThreadPoolExecutor(len(parts)) as pool:
                clipped = sum(pool.map(read, parts))
        values = out.reshape(-1, channels, height, width)
        if self.mask is not None:
            values = _saturated(values.astype(np.int64) - self.offset * self.mask.multiply(x, threads)[0])
        if self.correction is not None:
            values = self.correction.apply(values)
        possible_idle = reads * len(self.cells) * len(self.rows.segments)
        conversions = reads * len(self.rows.ends) * self.kinds * channels
        return values, Reads(reads, hits, ones, idle, possible_idle, clipped, conversions)

    def _engine(self, asked: Engine, active: float) -> Engine:
        """The engine to use for reads with `active` rows on average."""
        if asked not in get_args(Engine):
            raise InputError(f"engine = {asked!r}: must be one of {', '.join(get_args(Engine))}")
        if asked in ("bits", "rows") and (self.scaling is None or (asked == "bits" and not self.countable)):
            raise InputError(f"engine = {asked!r}: layer {self.name!r} has cells or converters that are not whole")
        if self.solved is not None and asked not in ("auto", "reference"):
            raise InputError(
                f"engine = {asked!r}: layer {self.name!r} has floating rows or adjoint noise: reference only"
            )
        if self.solved is not None:
            return "reference"
        if asked != "auto":
            return asked
        if self.scaling is None:
            return "real"
        words = int(self.rows.layout.words.sum()) * self.digits
        return "bits" if self.countable and active > _ROWS_PER_WORD * words else "rows"

    def _read(
        self,
        flat: NDArray[Any],
        idle: NDArray[np.int64],
        out: NDArray[np.int32],
        first_read: int,
        every: int,
        engine: Engine,
    ) -> int:
        """Fill `out`, add to `idle`; returns clipped conversions."""
        groups, window = len(self.cells), self.window
        per_chunk = max(1, _PACKED_BYTES // (self.rows.bytes_per_read * window.planes * groups))
        if self.telegraph is not None:
            per_chunk = 1
        clipped = 0
        for start in range(0, len(flat), per_chunk):
            part, chunk = slice(start, start + per_chunk), flat[start : start + per_chunk]
            number = first_read + start * every
            if engine == "reference":
                clipped += reference.read(self, chunk, number, every, idle[part], out[part])
            else:
                packed = self.rows.pack(chunk, window, groups)
                if engine == "real":
                    clipped += self._read_real(packed, number, every, idle[part], out[part])
                else:
                    clipped += self._read_whole(packed, engine == "bits", idle[part], out[part])
        return clipped

    def _read_whole(
        self, packed: NDArray[np.uint64], count_bits: bool, idle: NDArray[np.int64], out: NDArray[np.int32]
    ) -> int:
        assert self.scaling is not None
        lines = self.lines if count_bits else np.empty((len(self.cells), 0, 0), np.uint32)
        return read_whole(
            packed,
            self.rows.layout,
            self.cells,
            lines,
            self.digits,
            count_bits,
            self.scaling,
            float(self.adc.unit),
            float(self.adc.steps),
            self.plain_offset,
            idle,
            out,
        )

    def _read_real(
        self, packed: NDArray[np.uint64], number: int, every: int, idle: NDArray[np.int64], out: NDArray[np.int32]
    ) -> int:
        return read_real(
            packed,
            self.rows.layout,
            self.real_cells(number),
            self.variance,
            self.ladder,
            self.conversion,
            float(self.adc.unit),
            float(self.adc.steps),
            self.plain_offset,
            np.uint64(self.noise_state),  # type: ignore[arg-type]  # a Python int would be taken as signed
            number,
            every,
            idle,
            out,
        )

    @property
    def plain_offset(self) -> float:
        """What a kernel subtracts per active input: nothing, where only masked inputs count."""
        return 0.0 if self.mask is not None else float(self.offset)

    def real_cells(self, number: int) -> NDArray[np.float32]:
        """The cells at read `number`, float32."""
        if self.telegraph is None:
            return self._real
        sample, step = divmod(number, self.steps)
        cells: NDArray[np.float32] = self._real + self._path(sample)[step]
        return cells

    def _path(self, sample: int) -> NDArray[np.float32]:
        """What telegraph noise adds at every time-step of a sample; the last one is kept."""
        assert self.telegraph is not None
        kept = getattr(self._last_path, "sample", None)
        if kept is None or kept[0] != sample:
            kept = self._last_path.sample = (sample, self.telegraph(sample))
        path: NDArray[np.float32] = kept[1]
        return path

    @cached_property
    def _last_path(self) -> threading.local:
        return threading.local()

    @cached_property
    def _real(self) -> NDArray[np.float32]:
        return aligned(self.cells, np.float32)


def _saturated(values: NDArray[np.int64]) -> NDArray[np.int32]:
    return np.clip(values, -(2**31), 2**31 - 1).astype(np.int32)


def _shares(count: int, workers: int) -> Iterator[slice]:
    bounds = [count * i // workers for i in range(workers + 1)]
    return (slice(start, end) for start, end in pairwise(bounds) if start < end)
