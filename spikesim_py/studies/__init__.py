"""What is published, tried on this model: each study is one command with a figure, a table and verdicts."""

from __future__ import annotations

from importlib import import_module

from ..errors import InputError, did_you_mean
from .base import Claim, Findings, PaperStudy, Verdict

#: in the order in which they are listed; `some-name` is the module or package `some_name` here, which has a `STUDY`,
#: or there if it trains: `training` stands right of this package, and is found by name when it is asked for
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
    "co-design",
    "distillation",
)
_TRAINING = ("co-design", "distillation")

__all__ = ["NAMES", "Claim", "Findings", "PaperStudy", "Verdict", "load_study"]


def load_study(name: str) -> PaperStudy:
    """The study of that name; raises `InputError` with the nearest name if there is none."""
    if name not in NAMES:
        raise InputError(f"study {name!r}: is none{did_you_mean(name, NAMES)} (known: {', '.join(NAMES)})")
    room = "training.studies" if name in _TRAINING else __name__
    study: PaperStudy = import_module(f"{room}.{name.replace('-', '_')}").STUDY
    return study
