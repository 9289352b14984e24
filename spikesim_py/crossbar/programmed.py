"""A layer written into crossbars, and read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, get_args

import llvmlite.binding as llvm
import numba
import numpy as np
from numpy.typing import NDArray

from .._arrays import ceil_div
from ..errors import InputError
from ..hardware import Baseline, Hardware
from ..mapping import Cells, LayerPlan, Mapping
from .adc import Adc, Converters, converters, layer_adc
from .correction import Correction
from .device import background_levels, level_values
from .draws import stream
from .effective import effective_cells
from .kernels import Conversion, Scaling, read_real, read_whole
from .ladder.circuit import Ladder
from .layout import Rows, input_ones, row_hits, row_layout
from .mitigation import drift_correction
from .repair import repaired
from .simd import LANES
from .solved import Solved
from .window import Window, layer_window

#: reads that are worth a thread of their own: below, starting it takes longer than the work
_READS_PER_THREAD = 512
#: packed inputs that are kept at once
_PACKED_BYTES = 4 * 2**20
#: adding one active row takes as long as counting the bits of one word in a third of a column; without an
#: instruction that counts bits, of one word in a column twice as wide (measured on machines of both kinds)
_ROWS_PER_WORD = 3 if llvm.get_host_cpu_features().get("avx512vpopcntdq") else 12
#: how sums are formed; see `ProgrammedLayer.multiply`
Engine = Literal["auto", "bits", "rows", "real", "reference"]
#: currents that simply add up
NO_LADDER = Ladder(0, 0.0, 0.0, 0.0, 0.0, False)
#: float32 holds every whole number up to here
_EXACT = 2**24
_NO_TABLE = (np.empty((0, 0)), np.empty((0, 0, 0), np.int32))


@dataclass(frozen=True)
class Reads:
    """What happened while a layer was read.

    Attributes:
        reads: read vectors: inputs x positions x planes; inputs are samples x time-steps.
        hits: (groups, rows) how often each row was active, rows in the network's order.
        ones_of: (inputs,) active rows of every input, over all its reads.
        idle_of: (inputs,) reads of a crossbar (along the rows) without an active row. possible_idle: all of them.
        clipped: conversions whose code was cut off. conversions: all of them.
    """

    reads: int
    hits: NDArray[np.int64]
    ones_of: NDArray[np.int64]
    idle_of: NDArray[np.int64]
    possible_idle: int
    clipped: int
    conversions: int

    def by_input(self, inputs: int) -> Reads:
        """The same, of reads that came step by step: those of all `inputs` (samples), then of all in the next step."""
        ones, idle = (np.reshape(part, (-1, inputs)).T.ravel() for part in (self.ones_of, self.idle_of))
        return replace(self, ones_of=ones, idle_of=idle)

    def __add__(self, other: Reads) -> Reads:
        return Reads(
            self.reads + other.reads,
            self.hits + other.hits,
            np.concatenate([self.ones_of, other.ones_of]),
            np.concatenate([self.idle_of, other.idle_of]),
            self.possible_idle + other.possible_idle,
            self.clipped + other.clipped,
            self.conversions + other.conversions,
        )

    @property
    def idle(self) -> int:
        """Reads of a crossbar without an active row."""
        return int(self.idle_of.sum())


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
        return self.rows.lines(self.cells, self.digits)

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
                clipped += _twin(self, chunk, number, every, idle[part], out[part])
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
        return np.ascontiguousarray(self.cells, np.float32)


def _saturated(values: NDArray[np.int64]) -> NDArray[np.int32]:
    return np.clip(values, -(2**31), 2**31 - 1).astype(np.int32)


def _shares(count: int, workers: int) -> Iterator[slice]:
    bounds = [count * i // workers for i in range(workers + 1)]
    return (slice(start, end) for start, end in pairwise(bounds) if start < end)


def program(mapping: Mapping, layer: str, *, seed: int = 0, chip: int = 0) -> ProgrammedLayer:
    """Write a layer into the crossbars of one chip.

    Args:
        mapping: a network on a chip.
        layer: name of a convolution or linear layer.
        seed, chip: name the device instance: the same pair has the same errors at any crossbar size.

    Raises:
        NetworkError: the network has no weights.
        MappingError: a weight does not fit its cells.
        ConfigError: a column carries more current than can be read.
    """
    network, hardware, plan = mapping.network, mapping.hardware, mapping.layers[layer]
    cells, adc = repaired(mapping.cells(layer), hardware, seed=seed, chip=chip), layer_adc(plan, hardware)
    window = layer_window(network, network.by_name[layer])  # type: ignore[arg-type]
    rows = row_layout(cells, window, hardware.mapping.rows)
    columns = effective_cells(cells, hardware, seed=seed, chip=chip, steps=plan.steps)
    own = converters(mapping, layer, adc, seed=seed, chip=chip, spare=cells.spare)
    solved = columns.solved is not None and columns.solved.currents is not None
    gated, pairs = columns.ladder is not None, hardware.signed_sums
    weights = cells.columns.coefficient[:: 2 if pairs else 1] * (np.array(adc.ranges, np.int64) // adc.unit)
    conversion = _conversion(adc, weights, plan, hardware, own, gated, solved)
    off = columns.off if conversion.dummy else None
    # cells between the outputs of two kinds convert to 0, so that none of their codes counts as cut off
    between = columns.off if conversion.dummy else -conversion.background
    values = _laid_out(columns.values, rows, conversion.paired, off, between)
    noisy = columns.variance is not None or columns.telegraph is not None or columns.solved is not None
    whole = values.dtype.kind == "i" and own is None and not (noisy or conversion.background or conversion.removed)

    def telegraph(sample: int) -> NDArray[np.float32]:
        assert columns.telegraph is not None
        changes = columns.telegraph(sample)
        return np.stack([_laid_out(change, rows, conversion.paired, off and 0.0) for change in changes])

    variance = np.empty((len(values), 0, 0), np.float32)
    if columns.variance is not None and np.ptp(columns.variance) == 0 and not gated:
        conversion = conversion._replace(row_variance=float(columns.variance.flat[0]))
    elif columns.variance is not None:
        variance = _laid_out(columns.variance, rows, conversion.paired, off and 0.0)
    return ProgrammedLayer(
        name=layer,
        rows=rows,
        window=window,
        outputs=plan.outputs // plan.groups,
        adc=adc,
        offset=cells.offset,
        cells=values if whole else values.astype(np.float32),
        variance=variance,
        scaling=exact_scaling(adc, weights) if whole else None,
        conversion=conversion,
        ladder=columns.ladder or NO_LADDER,
        mask=_counting(cells, layer, rows, window) if cells.mask is not None else None,
        noise_state=stream(seed, chip, layer, "read"),
        stored=level_values(hardware.device)[cells.levels].mean(axis=2) / (2**hardware.device.cell_bits - 1),
        delivered=columns.delivered,
        wire_error=columns.error,
        solved=columns.solved,
        telegraph=telegraph if columns.telegraph is not None else None,
        steps=plan.steps,
        correction=drift_correction(cells, hardware),
    )


def _counting(cells: Cells, layer: str, rows: Rows, window: Window) -> ProgrammedLayer:
    """Counts, per output, of the active inputs that meet a negative weight: a layer of ideal bits."""
    assert cells.mask is not None
    groups, inputs, outputs = cells.mask.shape
    adc = Adc(inputs, (1,), 1, 0, inputs)
    one = np.ones(1, np.int64)
    return ProgrammedLayer(
        name=layer,
        rows=rows,
        window=window,
        outputs=outputs,
        adc=adc,
        offset=0,
        cells=_laid_out(cells.mask[:, :, None].astype(np.int8), rows, False, None),
        variance=np.empty((groups, 0, 0), np.float32),
        scaling=exact_scaling(adc, one),
        conversion=_plain_conversion(adc, one),
        ladder=NO_LADDER,
        mask=None,
        noise_state=0,
        stored=np.empty(0),
        delivered=None,
        wire_error=None,
        solved=None,
        telegraph=None,
        steps=1,
    )


def _laid_out(
    columns: NDArray[Any], rows: Rows, paired: bool, dummy: float | None, between: float = 0.0
) -> NDArray[Any]:
    """(groups, rows, kinds, outputs) as kernels take it: rows in the order of reading, outputs padded by `between`.

    Negative columns after the positive ones where `paired`; a block of `dummy` cells at the end if there is one.
    """
    if between:
        columns = columns.astype(np.float32)
    if paired:
        columns = np.concatenate([columns[:, :, ::2], columns[:, :, 1::2]], axis=2)
    groups, height, kinds, outputs = columns.shape
    padded = np.full((groups, height, kinds, ceil_div(outputs, LANES) * LANES), between, columns.dtype)
    padded[..., :outputs] = columns[:, rows.order]
    flat = padded.reshape(groups, height, -1)
    if dummy is None:
        return flat
    return np.concatenate([flat, np.full((groups, height, LANES), dummy, flat.dtype)], axis=2)


def exact_scaling(adc: Adc, weights: NDArray[np.int64]) -> Scaling:
    """The conversion in integers: ``floor(x steps / range + 1/2)`` as a product and a shift.

    The product is up to x / 2^shift too large, and sums over the range are multiples of 1 / (2 range) away from
    ties: with 2^shift at least 8 times range x full scale and a quarter of that distance added, no sum is misread.
    """
    ranges = np.array(adc.ranges, np.int64)
    shift = int(8 * ranges.max() * max(1, adc.full_scale)).bit_length()
    scale = -(-(adc.steps << shift) // ranges)
    half = (1 << (shift - 1)) + (1 << shift) // (4 * ranges)
    largest = (adc.full_scale * scale + half) >> shift
    cuts = bool((largest > adc.high).any()) or adc.low < 0
    return Scaling(scale, half, shift, adc.low, adc.high, cuts, weights)


def _plain_conversion(adc: Adc, weights: NDArray[np.int64]) -> Conversion:
    """Ideal converters behind columns without background."""
    scale = adc.steps / np.array(adc.ranges)
    return Conversion(
        scale=scale.astype(np.float32),
        half=np.full(len(scale), 0.5, np.float32),
        low=float(adc.low),
        high=float(adc.high),
        factor=weights.astype(np.float32),
        background=0.0,
        removed=0.0,
        always=False,
        thresholds=_NO_TABLE[0],
        table=_NO_TABLE[1],
        noise=np.zeros(len(scale), np.float32),
        row_variance=0.0,
        paired=False,
        dummy=False,
    )


def _conversion(
    adc: Adc,
    weights: NDArray[np.int64],
    plan: LayerPlan,
    hardware: Hardware,
    own: Converters | None,
    gated: bool,
    solved: bool,
) -> Conversion:
    """The converter, and what becomes of the background.

    A dummy column of off cells (taken as exactly g_off) or the analog subtraction of a pair removes it before the
    converter. `none` leaves it in. `digital_count` subtracts ``floor(active rows * background / LSB + 1/2)`` codes
    from every (clipped) code. Gated cells hold it, and a dummy column of theirs is read beside them; solved currents
    hold it too, unless their dummy column was subtracted already.
    """
    plain = _plain_conversion(adc, weights)
    pairs, dummy = hardware.signed_sums, hardware.baseline is Baseline.DUMMY_COLUMN
    left = 0.0 if pairs or dummy or hardware.digital_crossbar else background_levels(hardware.device)
    plain = plain._replace(
        background=0.0 if gated or solved else left,
        removed=left if hardware.baseline is Baseline.DIGITAL_COUNT else 0.0,
        paired=gated and pairs,
        dummy=gated and dummy,
    )
    if own is None:
        if int(np.abs(weights).sum()) * max(adc.high, -adc.low) < _EXACT:
            return plain
        # sums that float32 cannot hold exactly: the same codes by thresholds, added in float64
        table = np.zeros((plan.conversion_blocks, len(weights), plan.outputs), np.int32)
        return plain._replace(thresholds=np.arange(adc.low, adc.high)[None] + 0.5, table=table)
    return plain._replace(
        always=not hardware.crossbar.event_driven,
        thresholds=own.thresholds,
        table=own.table,
        noise=(own.noise_lsb * np.array(adc.ranges) / adc.steps).astype(np.float32),
    )


def _twin(
    layer: ProgrammedLayer,
    flat: NDArray[Any],
    number: int,
    every: int,
    idle: NDArray[np.int64],
    out: NDArray[np.int32],
) -> int:
    from .reference import read  # it imports this module's types

    return read(layer, flat, number, every, idle, out)
