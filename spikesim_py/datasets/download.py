"""Fetching a data set, only when asked to: over https, held against its publisher's checksum, and never half.

Only sets whose authors offer them for free download at a stable address: MNIST (CC BY-SA 3.0) and CIFAR-10 and
CIFAR-100 (A. Krizhevsky's page, which asks to cite his report of 2009). The checksums are MD5 because that is what
the publisher (CIFAR) and torchvision (MNIST) state.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from .._files import write_atomic
from ..errors import DataError, did_you_mean
from .places import VARIABLE, data_root

Opener = Callable[[str], Any]
_MAX_BYTES = 2**28
_TIMEOUT_S = 30


@dataclass(frozen=True)
class Remote:
    """One file: where from, its MD5, and where below the data root; or, of an archive, which members are kept."""

    url: str
    md5: str
    target: str
    members: tuple[str, ...] = ()


_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_CIFAR = "https://www.cs.toronto.edu/~kriz/"

REMOTES: dict[str, tuple[Remote, ...]] = {
    "mnist": tuple(
        Remote(f"{_MNIST}{name}.gz", md5, f"MNIST/raw/{name}.gz")
        for name, md5 in (
            ("train-images-idx3-ubyte", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
            ("train-labels-idx1-ubyte", "d53e105ee54ea40749a09fcbcd1e9432"),
            ("t10k-images-idx3-ubyte", "9fb629c4189551a2d022fa330f9573f3"),
            ("t10k-labels-idx1-ubyte", "ec29112dd5afa0611ce80d1b7f02629c"),
        )
    ),
    "cifar10": (
        Remote(
            f"{_CIFAR}cifar-10-python.tar.gz",
            "c58f30108f718f92721af3b95e74349a",
            "cifar-10-batches-py",
            (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"),
        ),
    ),
    "cifar100": (
        Remote(
            f"{_CIFAR}cifar-100-python.tar.gz",
            "eb9058c3a382ffc7106e4002c42a8d85",
            "cifar-100-python",
            ("train", "test"),
        ),
    ),
}


def download(name: str, root: str | Path | None = None, *, opener: Opener | None = None) -> list[Path]:
    """Fetch a data set into its place below `root` (default: the data root); what is there already is replaced.

    Args:
        opener: opens an address; `urllib`'s if None.

    Returns:
        the files written.

    Raises:
        DataError: the set cannot be downloaded, no root is named, the network fails, or a checksum is wrong: then
            nothing is written of that file.
    """
    if name not in REMOTES:
        hint = did_you_mean(name, REMOTES)
        raise DataError(f"download {name!r}: is not offered{hint} (offered: {', '.join(REMOTES)})")
    folder = Path(root) if root is not None else data_root()
    if folder is None:
        raise DataError(f"download {name!r}: name the folder with --data-root or {VARIABLE}")
    wrote = []
    for remote in REMOTES[name]:
        data = _fetch(remote, opener or _open)
        for target, content in _contents(remote, data).items():
            wrote.append(write_atomic(folder / target, content))
    return wrote


def _open(url: str) -> Any:
    return urlopen(url, timeout=_TIMEOUT_S)


def _fetch(remote: Remote, opener: Opener) -> bytes:
    if not remote.url.startswith("https://"):
        raise DataError(f"{remote.url}: only https is trusted")
    try:
        with opener(remote.url) as stream:
            data: bytes = stream.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise DataError(f"{remote.url}: {error}") from None
    found = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if found != remote.md5:
        raise DataError(f"{remote.url}: checksum {found} of {len(data)} bytes: must be {remote.md5}; nothing written")
    return data


def _contents(remote: Remote, data: bytes) -> dict[str, bytes]:
    """Path below the data root to bytes; of an archive the named members alone, wherever it wants them."""
    if not remote.members:
        return {remote.target: data}
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        for member in remote.members:
            stream = archive.extractfile(f"{remote.target}/{member}")
            if stream is None:
                raise DataError(f"{remote.url}: {member} is no file")
            found[f"{remote.target}/{member}"] = stream.read()
    return found
