"""One resolver for the files that ship with the package: configs and trained networks.

In a checkout the configs lie beside the package (`configs/`); in a wheel they travel inside it
(`spikesim_py/_configs`).
"""

from __future__ import annotations

from pathlib import Path

from .errors import InputError, did_you_mean

_PACKAGE = Path(__file__).resolve().parent
_SHIPPED, _CHECKOUT = _PACKAGE / "_configs", _PACKAGE.parent / "configs"


def config_dir(kind: str) -> Path:
    """Folder of one kind of configs: `hardware`, `technology`, `workloads`, `sweeps`, `training`, `studies`, ..."""
    root = _SHIPPED if _SHIPPED.is_dir() else _CHECKOUT
    return root / kind


def zoo_dir() -> Path:
    """Folder of the trained networks that ship with the package."""
    return _PACKAGE / "zoo"


def bundled(folder: Path, suffix: str) -> dict[str, Path]:
    """Name to path of every bundled file in `folder`, sorted by name."""
    return {path.name.removesuffix(suffix): path for path in sorted(folder.glob(f"*{suffix}"))}


def resolve(source: str | Path, known: dict[str, Path], what: str) -> Path:
    """The path of a bundled name or of a file on disk.

    Raises `InputError` with the nearest bundled name if it is neither.
    """
    if isinstance(source, str) and source in known:
        return known[source]
    if not isinstance(source, str | Path):
        raise InputError(f"{what} {source!r}: must be a bundled name or a path")
    try:
        path = Path(source).expanduser()
        if path.is_file():
            return path
        problem = "is a folder, not a file" if path.is_dir() else "is neither a bundled name nor a file"
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{what} {str(source)[:80]!r} cannot be looked up: {error}".splitlines()[0][:300]) from None
    raise InputError(
        f"{what} {str(source)!r} {problem}{did_you_mean(str(source), known)} (bundled: {', '.join(known)})"
    )
