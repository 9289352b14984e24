"""Pickles, opened without running anything that they name.

A pickle is a program: it may import and call anything. Here it can only build lists, tuples, dictionaries, sets and
texts, and name arrays: the functions with which torch and numpy rebuild theirs have harmless twins (`rebuilt`), and any
other class or function becomes an empty `Stub` that keeps what it was called and given. Reads of the stream, sizes and
keys are bounded, so that no stream of a few bytes costs seconds or gigabytes.

The interpreter of opcodes is the standard library's own in Python (`pickle._Unpickler`), with every opcode that
imports, calls or sets replaced. Its twin in C would allocate whatever a memo index asks for.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, ClassVar

from ..errors import NetworkError
from .rebuilt import Array, Dtype, Refused, Storage, Stub, Tensor, Unknown, a_set, called, fill, mapping, named

#: reads of a stream, of which every opcode takes one to three: about half a second
_MAX_READS = 400_000
#: bytes of one text or number
_MAX_ITEM_BYTES = 2**26


def load(stream: IO[bytes], path: Path) -> Any:
    """The object at the stream's place, of lists, dictionaries, texts, numbers, and the classes above.

    Raises:
        NetworkError: it is not a pickle, is truncated, or asks for what is refused.
    """
    reader = _Reader(stream)
    try:
        return _Unpickler(reader).load()
    except Refused as error:
        raise NetworkError(f"{path}: {error}") from None
    except (
        pickle.UnpicklingError,
        struct.error,
        EOFError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        OverflowError,
        MemoryError,
        AssertionError,
        RecursionError,
        ImportError,
    ) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise NetworkError(f"{path}: is not a readable pickle ({reason})") from None


class _Reader:
    """A stream that counts reads, and refuses long ones."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream, self.reads = stream, 0

    def _count(self, size: int) -> None:
        self.reads += 1
        if self.reads > _MAX_READS:
            raise Refused(f"its pickle has more than {_MAX_READS} reads: it is not a checkpoint")
        if size > _MAX_ITEM_BYTES:
            raise Refused(f"its pickle holds an item of {size} bytes (at most {_MAX_ITEM_BYTES})")

    def charge(self, elements: int) -> None:
        """Count elements that are copied as a read each."""
        self.reads += elements
        self._count(0)

    def read(self, size: int) -> bytes:
        self._count(size)
        return self.stream.read(size)

    def readline(self) -> bytes:
        self._count(0)
        return self.stream.readline(4096)

    def readinto(self, buffer: Any) -> int:
        self._count(len(buffer))
        data = self.stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


#: untyped, since its opcodes are private
_Interpreter: Any = pickle._Unpickler


class _Unpickler(_Interpreter):  # type: ignore[misc]
    """The standard library's interpreter, without import, call and attributes."""

    dispatch: ClassVar[dict[int, Callable[..., None]]] = dict(_Interpreter.dispatch)

    def __init__(self, reader: _Reader) -> None:
        super().__init__(reader)
        self.reader = reader

    def _call(self, function: Any, arguments: Any) -> Any:
        """Call one of ours; what it may copy counts as read."""
        for argument in arguments if isinstance(arguments, tuple | list) else ():
            if isinstance(argument, list | tuple | dict | set | str):
                self.reader.charge(len(argument))
        return called(function, arguments)

    def find_class(self, module: str, name: str) -> Any:
        return named(module, name)

    def get_extension(self, code: int) -> None:
        raise Refused("its pickle uses copyreg extensions")

    def persistent_load(self, saved: Any) -> Storage | Unknown:
        """A storage of torch's: ("storage", type, key, location, elements); a class with its source, in old files."""
        match saved:
            case ("module", Unknown() as kind, *_):
                return kind
            case ("storage", Dtype(name=dtype), str(key), _, int(elements), *_):
                return Storage(key, dtype, elements)
            case ("storage", Unknown(kind=kind), *_):
                raise Refused(f"its pickle keeps tensors in a {kind}, which is not read")
        raise Refused(f"its pickle refers to {str(saved)[:80]!r}")

    def _frame(self) -> None:  # frames only speed reading up, and would pass by the count of reads
        self.read(8)

    def _reduce(self) -> None:
        arguments = self.stack.pop()
        self.stack[-1] = self._call(self.stack[-1], arguments)

    def _new(self) -> None:
        self._reduce()

    def _new_with_keywords(self) -> None:
        keywords = self.stack.pop()
        arguments = self.stack.pop()
        kind = self.stack.pop()
        made = self._call(kind, arguments)
        if keywords and isinstance(made, Stub):
            made.state = keywords
        self.append(made)

    def _instance(self) -> None:
        module, name = (self.readline()[:-1].decode("ascii") for _ in range(2))
        self.append(self._call(named(module, name), tuple(self.pop_mark())))

    def _object(self) -> None:
        items = self.pop_mark()
        self.append(self._call(items[0], tuple(items[1:])))

    def _build(self) -> None:
        state, made = self.stack.pop(), self.stack[-1]
        if isinstance(made, Stub):
            made.state = state
        elif isinstance(made, Array):
            fill(made, state)
        elif isinstance(made, Dtype):
            if isinstance(state, tuple) and len(state) > 1 and state[1] == ">":
                raise Refused("its pickle holds big-endian numbers")
        elif not isinstance(made, dict | set | type(None) | Tensor):  # attributes of these say nothing about weights
            raise Refused(f"its pickle sets attributes of a {type(made).__name__}")

    def _dictionary(self) -> None:
        items = self.pop_mark()
        self.append(mapping(zip(items[::2], items[1::2], strict=True)))

    def _set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._update([key, value])

    def _set_items(self) -> None:
        self._update(self.pop_mark())

    def _update(self, items: list[Any]) -> None:
        made = self.stack[-1]
        if isinstance(made, dict):
            made.update(mapping(zip(items[::2], items[1::2], strict=True)))
        elif not isinstance(made, Stub):
            raise Refused(f"its pickle sets items of a {type(made).__name__}")

    def _append(self) -> None:
        self._extend([self.stack.pop()])

    def _appends(self) -> None:
        self._extend(self.pop_mark())

    def _extend(self, items: list[Any]) -> None:
        made = self.stack[-1]
        if isinstance(made, list):
            made.extend(items)
        elif not isinstance(made, Stub):
            raise Refused(f"its pickle appends to a {type(made).__name__}")

    def _add_items(self) -> None:
        items, made = self.pop_mark(), self.stack[-1]
        if not isinstance(made, set):
            raise Refused(f"its pickle adds to a {type(made).__name__}")
        made.update(a_set(items))

    def _frozen_set(self) -> None:
        self.append(a_set(self.pop_mark()))

    def _byte_array(self) -> None:
        """As bytes, which are allocated as they are read."""
        (size,) = struct.unpack("<Q", self.read(8))
        data = self.read(size)
        if len(data) != size:
            raise EOFError("ended within an item")
        self.append(data)

    def _refused(self) -> None:
        raise Refused("its pickle uses buffers, which no checkpoint has")

    for _code, _method in {
        pickle.FRAME: _frame,
        pickle.REDUCE: _reduce,
        pickle.NEWOBJ: _new,
        pickle.NEWOBJ_EX: _new_with_keywords,
        pickle.INST: _instance,
        pickle.OBJ: _object,
        pickle.BUILD: _build,
        pickle.DICT: _dictionary,
        pickle.SETITEM: _set_item,
        pickle.SETITEMS: _set_items,
        pickle.APPEND: _append,
        pickle.APPENDS: _appends,
        pickle.ADDITEMS: _add_items,
        pickle.FROZENSET: _frozen_set,
        pickle.NEXT_BUFFER: _refused,
        pickle.READONLY_BUFFER: _refused,
        pickle.BYTEARRAY8: _byte_array,
    }.items():
        dispatch[_code[0]] = _method
