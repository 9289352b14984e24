"""The innermost loops of the read kernels as explicit vectors.

A compiler that meets these loops in Python cannot keep the sums in registers: it sees arrays that might overlap
and loops of unknown length. Written as LLVM vectors they run two to four times faster. Each function is one loop
over columns, 16 or 32 at a time; `reference.py` says in NumPy what they compute. LLVM splits the vectors on
machines whose registers are narrower, so that the results are the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic as typed_intrinsic

#: the first argument of what it decorates is the typing context, which callers do not pass
intrinsic: Any = typed_intrinsic
#: columns that every array of columns is padded to
LANES = 16

_I8, _I32, _I64 = (ir.IntType(bits) for bits in (8, 32, 64))
_F32, _F64 = ir.FloatType(), ir.DoubleType()
_BYTES = {_I8: 1, _I32: 4, _I64: 8, _F32: 4, _F64: 8}
#: sites that are packed at once
PACKED = 8


def _vector(kind: Any, lanes: int = LANES) -> Any:
    return ir.VectorType(kind, lanes)


def _data(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    """Pointer to an array's first element."""
    return context.make_array(kind)(context, builder, array).data


def _load(builder: Any, pointer: Any, index: Any, vector: Any) -> Any:
    """A vector from element `index` on, aligned as one element."""
    at = builder.bitcast(builder.gep(pointer, [index]), vector.as_pointer())
    value = builder.load(at)
    value.align = _BYTES[vector.element]
    return value


def _store(builder: Any, value: Any, pointer: Any, index: Any) -> None:
    at = builder.bitcast(builder.gep(pointer, [index]), value.type.as_pointer())
    builder.store(value, at).align = _BYTES[value.type.element]


def _splat(builder: Any, scalar: Any, lanes: int = LANES) -> Any:
    """A vector of equal elements."""
    vector = _vector(scalar.type, lanes)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, _I32(0))
    return builder.shuffle_vector(
        first, ir.Constant(vector, ir.Undefined), ir.Constant(_vector(_I32, lanes), [0] * lanes)
    )


def _call(builder: Any, name: str, result: Any, arguments: Sequence[Any]) -> Any:
    """An LLVM vector intrinsic."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    function = cgutils.get_or_insert_function(builder.module, kind, name)  # type: ignore[no-untyped-call]
    return builder.call(function, arguments)


@contextmanager
def _loop(
    builder: Any, start: Any, stop: Any, step: int, carried: Sequence[Any]
) -> Iterator[tuple[Any, list[Any], list[Any]]]:
    """``for i in range(start, stop, step)`` with values carried in registers.

    Yields (i, values at the start of a pass, list to fill with their successors); after the loop the list
    holds the final values.
    """
    before = builder.block
    head, body, done = (builder.append_basic_block(name) for name in ("head", "body", "done"))
    builder.branch(head)
    builder.position_at_end(head)
    index = builder.phi(_I64)
    values = [builder.phi(value.type) for value in carried]
    index.add_incoming(start, before)
    for value, first in zip(values, carried, strict=True):
        value.add_incoming(first, before)
    builder.cbranch(builder.icmp_signed("<", index, stop), body, done)
    builder.position_at_end(body)
    successors: list[Any] = []
    yield index, values, successors
    after = builder.block
    index.add_incoming(builder.add(index, _I64(step)), after)
    for value, successor in zip(values, successors, strict=True):
        value.add_incoming(successor, after)
    builder.branch(head)
    builder.position_at_end(done)
    successors[:] = values


def _in_blocks(builder: Any, columns: Any, widths: Sequence[int], work: Callable[[Any, int], None]) -> None:
    """``work(column, width)`` for all columns, as many vectors at a time as fit of falling `widths`, the last 1."""
    start: Any = _I64(0)
    for width in widths:
        step = _I64(width * LANES)
        stop = builder.add(start, builder.mul(builder.sdiv(builder.sub(columns, start), step), step))
        with _loop(builder, start, stop, width * LANES, []) as (column, _, _):
            work(column, width)
        start = stop


def _zero(vector: Any) -> Any:
    return ir.Constant(vector, [vector.element(0)] * vector.count)


def _keep(builder: Any, relation: str, a: Any, b: Any, whole: bool) -> Any:
    """The smaller (``<``) or larger (``>``) of two vectors, element by element."""
    compare = builder.icmp_signed if whole else builder.fcmp_ordered
    return builder.select(compare(relation, a, b), a, b)


def _count_differences(builder: Any, counted: Any, a: Any, b: Any, whole: bool) -> Any:
    """`counted` + 1 where two vectors differ."""
    compare = builder.icmp_signed if whole else builder.fcmp_unordered
    one = ir.Constant(counted.type, [counted.type.element(1)] * counted.type.count)
    return builder.select(compare("!=", a, b), builder.add(counted, one), counted)


def _add(builder: Any, pointer: Any, at: Any, more: Any) -> None:
    """``pointer[at:] += more``."""
    add = builder.fadd if more.type.element is _F64 else builder.add
    _store(builder, add(_load(builder, pointer, at, more.type), more), pointer, at)


@intrinsic
def pack_word(typing, values, base, offsets, first, last, plane, line, at, width):  # type: ignore[no-untyped-def]
    """``line[at + x] = sum over i < last - first of bit `plane` of values[base + offsets[first + i] + x] * 2^i``.

    For x < width, a multiple of PACKED. values: uint8 or int32; offsets: int64; line: uint64.
    """
    signature = types.void(values, base, offsets, first, last, plane, line, at, width)
    element = _I8 if values.dtype == types.uint8 else _I32

    def generate(context, builder, given, arguments):  # type: ignore[no-untyped-def]
        _, base, _, first, last, plane, _, at, width = arguments
        source, rows, target = (_data(context, builder, given.args[k], arguments[k]) for k in (0, 2, 6))
        long = _vector(_I64, PACKED)
        one, plane = _splat(builder, _I64(1), PACKED), _splat(builder, plane, PACKED)
        with _loop(builder, _I64(0), width, PACKED, []) as (x, _, _):
            begin = [_zero(long), _zero(long)]
            with _loop(builder, first, last, 1, begin) as (row, (word, place), after):
                origin = builder.add(builder.add(base, builder.load(builder.gep(rows, [row]))), x)
                value = builder.zext(_load(builder, source, origin, _vector(element, PACKED)), long)
                bit = builder.and_(builder.lshr(value, plane), one)
                after.append(builder.or_(word, builder.shl(bit, place)))
                after.append(builder.add(place, one))
            _store(builder, after[0], target, builder.add(at, x))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def add_rows(typing, cells, columns, word, first, fresh, sums):  # type: ignore[no-untyped-def]
    """``sums[c] = (0 if fresh else sums[c]) + sum of cells[first + i, c] over the set bits i of word``, c < columns.

    cells: float32 (sums float32) or int8 (sums int32), rows of `columns` elements, contiguous; word: uint64; columns
    is a multiple of LANES. Rows are added one after the other, ascending.
    """
    signature = types.void(cells, columns, word, first, fresh, sums)
    real = cells.dtype == types.float32

    def generate(context, builder, kinds, arguments):  # type: ignore[no-untyped-def]
        _, columns, word, first, fresh, _ = arguments
        source, target = (_data(context, builder, kinds.args[k], arguments[k]) for k in (0, 5))
        vector = _vector(_F32 if real else _I32)
        zero, keep_none = _zero(vector), builder.trunc(fresh, ir.IntType(1))
        count = builder.ctpop(word)

        def add(column: Any, width: int) -> None:
            at = [builder.add(column, _I64(j * LANES)) for j in range(width)]
            begin = [builder.select(keep_none, zero, _load(builder, target, place, vector)) for place in at]
            with _loop(builder, _I64(0), count, 1, [word, *begin]) as (_, (left, *held), added):
                row = builder.add(builder.cttz(left, ir.Constant(ir.IntType(1), 1)), first)
                added.append(builder.and_(left, builder.sub(left, _I64(1))))  # less its lowest bit
                origin = builder.mul(row, columns)
                for total, place in zip(held, at, strict=True):
                    cell = _load(builder, source, builder.add(origin, place), _vector(_F32 if real else _I8))
                    added.append(builder.fadd(total, cell) if real else builder.add(total, builder.sext(cell, vector)))
            for total, place in zip(added[1:], at, strict=True):
                _store(builder, total, target, place)

        _in_blocks(builder, columns, (8, 4, 1), add)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def convert_real(  # type: ignore[no-untyped-def]
    typing, sums, at, kinds, outputs, scale, shift, low, high, factor, cut, value, to
):
    """``value[to + o] += sum over k < kinds of factor[k] * clip(floor(x * scale[k] + shift[k]))`` for o < outputs.

    x is sums[at + k * outputs + o]. All float32 but value, float64; the sum over k is exact while it
    stays below 2^24. `cut` (LANES,) int32 counts the codes outside low..high. outputs is a multiple of LANES.
    """
    signature = types.void(sums, at, kinds, outputs, scale, shift, low, high, factor, cut, value, to)

    def generate(context, builder, given, arguments):  # type: ignore[no-untyped-def]
        _, at, kinds, outputs, _, _, low, high, _, _, _, to = arguments
        source, scales, shifts, factors, counters, target = (
            _data(context, builder, given.args[k], arguments[k]) for k in (0, 4, 5, 8, 9, 10)
        )
        vector, counts = _vector(_F32), _vector(_I32)
        low, high = (_splat(builder, scalar) for scalar in (low, high))

        def convert(o: Any, width: int) -> None:
            """Some outputs, `width` vectors at a time, which share what is the same for all."""
            begin = [*[_zero(vector)] * width, _load(builder, counters, _I64(0), counts)]
            with _loop(builder, _I64(0), kinds, 1, begin) as (k, (*totals, cut), after):
                scale, shift, factor = (
                    _splat(builder, builder.load(builder.gep(pointer, [k]))) for pointer in (scales, shifts, factors)
                )
                first = builder.add(builder.add(at, o), builder.mul(k, outputs))
                for j, total in enumerate(totals):
                    x = _load(builder, source, builder.add(first, _I64(j * LANES)), vector)
                    code = _call(builder, "llvm.floor.v16f32", vector, [builder.fadd(builder.fmul(x, scale), shift)])
                    kept = _keep(builder, "<", _keep(builder, ">", code, low, False), high, False)
                    after.append(builder.fadd(total, builder.fmul(kept, factor)))
                    cut = _count_differences(builder, cut, code, kept, False)
                after.append(cut)
            *totals, cut = after
            for j, total in enumerate(totals):
                place = builder.add(builder.add(to, o), _I64(j * LANES))
                _add(builder, target, place, builder.fpext(total, _vector(_F64)))
            _store(builder, cut, counters, _I64(0))

        _in_blocks(builder, outputs, (4, 1), convert)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def convert_sums(  # type: ignore[no-untyped-def]
    typing, sums, kinds, outputs, scale, half, shift, low, high, factor, cut, value, to
):
    """``value[to + o] += sum over k < kinds of factor[k] * clip((x * scale[k] + half[k]) >> shift)`` for o < outputs.

    x is sums[k * outputs + o], int32; scale, half, factor, shift, low, high and the sum over k are int64. `cut`
    (LANES,) int32 counts the codes outside low..high; value: float64. outputs is a multiple of LANES.
    """
    signature = types.void(sums, kinds, outputs, scale, half, shift, low, high, factor, cut, value, to)

    def generate(context, builder, given, arguments):  # type: ignore[no-untyped-def]
        _, kinds, outputs, _, _, shift, low, high, _, _, _, to = arguments
        source, scales, halves, factors, counters, target = (
            _data(context, builder, given.args[k], arguments[k]) for k in (0, 3, 4, 8, 9, 10)
        )
        long, counts = _vector(_I64), _vector(_I32)
        shift, low, high = (_splat(builder, scalar) for scalar in (shift, low, high))
        begin = [_load(builder, counters, _I64(0), counts)]
        with _loop(builder, _I64(0), outputs, LANES, begin) as (o, (cut_before,), cut_after):
            with _loop(builder, _I64(0), kinds, 1, [_zero(long), cut_before]) as (k, (total, cut), after):
                scale, half, factor = (
                    _splat(builder, builder.load(builder.gep(pointer, [k]))) for pointer in (scales, halves, factors)
                )
                x = _load(builder, source, builder.add(builder.mul(k, outputs), o), counts)
                scaled = builder.add(builder.mul(builder.sext(x, long), scale), half)
                code = builder.ashr(scaled, shift)
                kept = _keep(builder, "<", _keep(builder, ">", code, low, True), high, True)
                after.append(builder.add(total, builder.mul(kept, factor)))
                after.append(_count_differences(builder, cut, code, kept, True))
            _add(builder, target, builder.add(to, o), builder.sitofp(after[0], _vector(_F64)))
            cut_after.append(after[1])
        _store(builder, cut_after[0], counters, _I64(0))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def convert_counted(  # type: ignore[no-untyped-def]
    typing,
    words,
    count,
    weights,
    first,
    planes,
    columns,
    at,
    kinds,
    outputs,
    scale,
    half,
    shift,
    high,
    cuts,
    factor,
    cut,
    value,
    to,
):
    """Sums of one-bit products, converted: ``value[to + o] += sum over k < kinds of factor[k] * code_k(x)``, where

    ``x = sum over planes j and words w < count of 2^j popcount(words[w] & weights[first + j' * count + w, column])``
    for column at + k * outputs + o and j' = planes - 1 - j (highest plane first), and
    ``code_k(x) = min((x * scale[k] + half[k]) >> shift, high)``; all in int32.

    words, weights: uint32, `columns` per row of weights; scale, half, factor: int32 (kinds,); `cut` (LANES,) int32
    counts the codes above high; value: float64. at and outputs are multiples of LANES.
    """
    signature = types.void(
        words,
        count,
        weights,
        first,
        planes,
        columns,
        at,
        kinds,
        outputs,
        scale,
        half,
        shift,
        high,
        cuts,
        factor,
        cut,
        value,
        to,
    )

    def generate(context, builder, given, arguments):  # type: ignore[no-untyped-def]
        _, count, _, first, planes, columns, at, kinds, outputs, _, _, shift, high, cuts, _, _, _, to = arguments
        inputs, source, scales, halves, factors, counters, target = (
            _data(context, builder, given.args[k], arguments[k]) for k in (0, 2, 9, 10, 14, 15, 16)
        )
        vector = _vector(_I32)
        cuts = builder.trunc(cuts, ir.IntType(1))
        shift, high = (_splat(builder, scalar) for scalar in (shift, high))

        def blocks(start: Any, stop: Any, width: int, cut_before: Any) -> Any:
            """Some outputs, `width` vectors at a time, which share what is the same for all; codes cut off so far."""
            with _loop(builder, start, stop, width * LANES, [cut_before]) as (o, (cut_so_far,), cut_after):
                begin = [_zero(vector)] * width + [cut_so_far]
                with _loop(builder, _I64(0), kinds, 1, begin) as (k, (*totals, cut), after):
                    column = builder.add(builder.add(at, builder.mul(k, outputs)), o)
                    with _loop(builder, _I64(0), planes, 1, [_zero(vector)] * width) as (plane, above, whole):
                        line = builder.add(first, builder.mul(plane, count))
                        doubled = [builder.add(x, x) for x in above]
                        with _loop(builder, _I64(0), count, 1, doubled) as (w, sofar, added):
                            word = _splat(builder, builder.load(builder.gep(inputs, [w])))
                            place = builder.add(builder.mul(builder.add(line, w), columns), column)
                            for j, x in enumerate(sofar):
                                cells = _load(builder, source, builder.add(place, _I64(j * LANES)), vector)
                                both = builder.and_(word, cells)
                                added.append(builder.add(x, _call(builder, "llvm.ctpop.v16i32", vector, [both])))
                        whole.extend(added)
                    scale, half, factor = (
                        _splat(builder, builder.load(builder.gep(pointer, [k])))
                        for pointer in (scales, halves, factors)
                    )
                    for total, x in zip(totals, whole, strict=True):
                        code = builder.ashr(builder.add(builder.mul(x, scale), half), shift)
                        kept = builder.select(cuts, _keep(builder, "<", code, high, True), code)
                        after.append(builder.add(total, builder.mul(kept, factor)))
                        cut = _count_differences(builder, cut, code, kept, True)
                    after.append(cut)
                *totals, cut = after
                for j, total in enumerate(totals):
                    place = builder.add(builder.add(to, o), _I64(j * LANES))
                    _add(builder, target, place, builder.sitofp(total, _vector(_F64)))
                cut_after.append(cut)
            return cut_after[0]

        wide = _I64(2 * LANES)
        middle = builder.mul(builder.sdiv(outputs, wide), wide)
        cut = blocks(_I64(0), middle, 2, _load(builder, counters, _I64(0), vector))
        cut = blocks(middle, outputs, 1, cut)
        _store(builder, cut, counters, _I64(0))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def round_off(typing, value, at, inverse, half, less, columns, out):  # type: ignore[no-untyped-def]
    """``out[at + o] = floor(value[at + o] * inverse + half) - less``, saturated to int32, for o < columns.

    value: float64; out: int32; columns is a multiple of LANES.
    """
    signature = types.void(value, at, inverse, half, less, columns, out)

    def generate(context, builder, given, arguments):  # type: ignore[no-untyped-def]
        _, at, inverse, half, less, columns, _ = arguments
        source, target = (_data(context, builder, given.args[k], arguments[k]) for k in (0, 6))
        vector = _vector(_F64)
        inverse, half, less = (_splat(builder, scalar) for scalar in (inverse, half, less))
        low, high = (_splat(builder, _F64(bound)) for bound in (-(2.0**31), 2.0**31 - 1))
        with _loop(builder, at, builder.add(at, columns), LANES, []) as (o, _, _):
            scaled = builder.fadd(builder.fmul(_load(builder, source, o, vector), inverse), half)
            whole = builder.fsub(_call(builder, "llvm.floor.v16f64", vector, [scaled]), less)
            kept = _keep(builder, "<", _keep(builder, ">", whole, low, False), high, False)
            _store(builder, builder.fptosi(kept, _vector(_I32)), target, o)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def ones(typing, word):  # type: ignore[no-untyped-def]
    """How many bits of a uint64 are set (int64)."""

    def generate(context, builder, kinds, arguments):  # type: ignore[no-untyped-def]
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


@intrinsic
def lowest(typing, word):  # type: ignore[no-untyped-def]
    """Number of the lowest set bit of a uint64 (int64); 64 where none is set."""

    def generate(context, builder, kinds, arguments):  # type: ignore[no-untyped-def]
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@intrinsic
def bits_of(typing, number):  # type: ignore[no-untyped-def]
    """The bits of a float32 as an int32."""

    def generate(context, builder, given, arguments):  # type: ignore[no-untyped-def]
        return builder.bitcast(arguments[0], _I32)

    return types.int32(types.float32), generate


@intrinsic
def float_of(typing, bits):  # type: ignore[no-untyped-def]
    """The float32 that an int32's bits mean."""

    def generate(context, builder, given, arguments):  # type: ignore[no-untyped-def]
        return builder.bitcast(arguments[0], _F32)

    return types.float32(types.int32), generate
