"""Files that browsers send, and those that were named at the start."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import shutil
import tempfile
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from spikesim_py.errors import InputError

#: bytes of one file that a browser may send
MAX_BYTES = 32 * 2**20
#: files that are kept; the one that came longest ago goes first
KEPT = 8
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,12}$")


@dataclass(frozen=True)
class Given:
    """A file to read: where it is, what its owner calls it, and what changes when its content does."""

    path: Path
    name: str
    version: str


class Files:
    """Files by key: `sent:SHA-256` of those that browsers sent, `at:N` of those named at the start.

    A browser never names a path. What it sends lies in a folder of this process, under its hash.
    """

    def __init__(self, named: Sequence[Path] = ()) -> None:
        self.named = tuple(named)
        self._sent: OrderedDict[str, Path] = OrderedDict()
        self._folder: Path | None = None
        self._lock = Lock()

    def put(self, name: str, contents: str) -> str:
        """Keep what a browser sent (`data:…;base64,…`); returns its key.

        Raises:
            InputError: it is too large, or nothing.
        """
        told, text = Path(name).name[-80:], contents.partition(";base64,")[2]
        if 3 * len(text) // 4 > MAX_BYTES + 2:
            raise InputError(
                f"{told}: has {3 * len(text) / 4 / 2**20:.0f} MiB: at most {MAX_BYTES // 2**20} can be sent"
            )
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise InputError(f"{told}: did not arrive as a file") from None
        if not data:
            raise InputError(f"{told}: is empty")
        suffix = _SUFFIX.search(told)
        key = f"sent:{hashlib.sha256(data).hexdigest()}{suffix.group().lower() if suffix else ''}"
        with self._lock:
            path = self._place() / key.removeprefix("sent:")
            if key not in self._sent:  # who reads it meanwhile must not find it half written
                path.write_bytes(data)
            self._sent[key] = path
            self._sent.move_to_end(key)
            while len(self._sent) > KEPT:
                self._sent.popitem(last=False)[1].unlink(missing_ok=True)
        return key

    def _place(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="spikesim-explorer-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder

    def get(self, key: str, name: str) -> Given:
        """The file of a key; raises `InputError` if it is not here (any more)."""
        kind, _, rest = key.partition(":")
        if kind == "at" and rest.isdecimal() and int(rest) < len(self.named):
            path = self.named[int(rest)]
            try:
                about = path.stat()
            except OSError as error:
                raise InputError(f"{path.name}: cannot be read: {error.strerror}") from None
            return Given(path, path.name, f"{about.st_size}.{about.st_mtime_ns}")
        with self._lock:
            found = self._sent.get(key)
        if found is None:
            raise InputError(f"{Path(name).name[-80:]}: is not here any more: send it again")
        return Given(found, Path(name).name[-80:], key)
