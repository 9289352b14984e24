"""Files appear whole or not at all, and nothing that is no file is replaced."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spikesim_py._files import check_target, write_atomic
from spikesim_py.errors import InputError


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "below" / "x.txt"
    assert write_atomic(target, "one") == target
    write_atomic(target, b"two")
    assert target.read_bytes() == b"two"
    assert [path.name for path in target.parent.iterdir()] == ["x.txt"]


def test_a_link_stays_and_its_file_is_written(tmp_path: Path) -> None:
    real, link = tmp_path / "real.txt", tmp_path / "link.txt"
    real.write_text("old")
    link.symlink_to(real)
    write_atomic(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"


@pytest.mark.parametrize("kind", ["folder", "fifo", "device", "loop", "long", "below a file"])
def test_what_is_no_file_is_refused_and_left_alone(tmp_path: Path, kind: str) -> None:
    target = tmp_path / ("n" * 300 if kind == "long" else "x")
    if kind == "folder":
        target.mkdir()
    elif kind == "fifo":
        os.mkfifo(target)
    elif kind == "device":
        target = Path("/dev/null")
    elif kind == "loop":
        (tmp_path / "y").symlink_to(target)
        target.symlink_to(tmp_path / "y")
    elif kind == "below a file":
        target.write_text("kept")
        target = target / "z"
    before = sorted(path.name for path in tmp_path.iterdir())
    for act in (check_target, lambda path: write_atomic(path, "new")):
        with pytest.raises(InputError, match="cannot be written"):
            act(target)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    if kind == "device":
        assert target.is_char_device()
