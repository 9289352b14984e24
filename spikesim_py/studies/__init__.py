"""What is published, tried on this model: each study is one command with a figure, a table and verdicts."""

from __future__ import annotations

from importlib import import_module

from ..errors import InputError, did_you_mean
from .base import Claim, Findings, PaperStudy, Verdict

#: in the order in which they are listed; `some-name` is the module or package `some_name` here, which has a `STUDY`
NAMES = (
    "spikesim-paper",
    "released-defects",
    "md-snn-hardware",
    "time-steps",
    "membrane-bits",
    "encoding",
    "placement",
    "silicon",
    "crosssim",
)

__all__ = ["NAMES", "Claim", "Findings", "PaperStudy", "Verdict", "load_study"]


def load_study(name: str) -> PaperStudy:
    """The study of that name; raises `InputError` with the nearest name if there is none."""
    if name not in NAMES:
        raise InputError(f"study {name!r}: is none{did_you_mean(name, NAMES)} (known: {', '.join(NAMES)})")
    study: PaperStudy = import_module(f".{name.replace('-', '_')}", __name__).STUDY
    return study
