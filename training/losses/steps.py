"""Time-steps of a teacher that runs longer than its student.

MD-SNN (arXiv 2512.04443) trains students of one to four time-steps with one teacher of four, its *versatile
teacher*. How it pairs the time-steps could not be read: this is a reconstruction.
"""

from __future__ import annotations

from typing import Literal

import torch

from spikesim_py.errors import InputError

Tensor = torch.Tensor
Matching = Literal["first", "strided", "mean"]


def match_steps(teacher: Tensor, time_steps: int, matching: Matching = "first") -> Tensor:
    """The teacher's record (samples, T, ...) on the student's clock, (samples, `time_steps`, ...).

    ``first``: the first `time_steps`. A membrane depends on the past alone, so these are exactly what the teacher
    does in its first `time_steps`: right for images that are presented again at every step, and the default.
    ``strided``: the last step of each of `time_steps` equal windows. ``mean``: the mean over each window; windows
    overlap by a step where T is no multiple. Both suit event frames, where a student's longer bin covers several
    of the teacher's. With equal T all three change nothing.

    Raises:
        InputError: the teacher has fewer time-steps than the student, or an unknown matching.
    """
    steps = teacher.shape[1]
    if not 1 <= time_steps <= steps:
        raise InputError(f"time-steps of the student = {time_steps}: must be 1 to {steps}, as many as the teacher's")
    if matching == "first":
        return teacher[:, :time_steps]
    ends = [-(-(index + 1) * steps // time_steps) for index in range(time_steps)]
    if matching == "strided":
        return teacher[:, [end - 1 for end in ends]]
    if matching == "mean":
        starts = [index * steps // time_steps for index in range(time_steps)]
        return torch.stack([teacher[:, a:b].mean(1) for a, b in zip(starts, ends, strict=True)], 1)
    raise InputError(f"matching = {matching!r}: must be first, strided or mean")
