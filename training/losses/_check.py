"""What every comparison of a student with a teacher asks of its tensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from spikesim_py.errors import InputError

Tensor = torch.Tensor


def same_shape(what: str, student: Tensor, teacher: Tensor) -> None:
    """Raises `InputError` unless both have one shape: broadcasting would compare the wrong units."""
    if student.shape != teacher.shape:
        raise InputError(f"{what}: shape of the student {tuple(student.shape)}, of the teacher {tuple(teacher.shape)}")


def pairs(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Stage by stage; raises `ValueError` where one has more stages, `InputError` where neither has any."""
    found = list(zip(student, teacher, strict=True))
    if not found:
        raise InputError("stages = 0: a student and a teacher must record at least one stage")
    return found


def positive(name: str, value: float) -> None:
    """Raises `InputError` unless a number is above 0."""
    if not value > 0:
        raise InputError(f"{name} = {value}: must be above 0")
