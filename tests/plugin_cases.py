"""Packages with plugins: the worked example, and such as are made up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from spikesim_py import plugins
from spikesim_py.hardware import AdcKind, DeviceKind

EXAMPLE = ROOT / "examples" / "extension"


def install(target: Path) -> Path:
    """The example, as pip installs it."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    options = ["--no-build-isolation", "--no-index", "--target", str(target), str(EXAMPLE)]
    done = subprocess.run([*command, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target


def forget() -> None:
    """Look again at what is installed."""
    for cached in (plugins._offered, plugins._loaded):
        cached.cache_clear()
    for kind in (DeviceKind, AdcKind):
        for value in set(kind._value2member_map_) - {member.value for member in kind}:
            del kind._value2member_map_[value]


def offer(
    folder: Path, import_path: pytest.MonkeyPatch, name: str, group: str, entries: dict[str, str], code: str
) -> None:
    """Install a package of one module."""
    about = folder / f"{name}-0.1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
    lines = [f"{key} = {value}" for key, value in entries.items()]
    (about / "entry_points.txt").write_text(f"[{group}]\n" + "\n".join(lines) + "\n")
    (folder / f"{name}.py").write_text(code)
    import_path.syspath_prepend(str(folder))
    sys.modules.pop(name, None)  # of a test before
    forget()
