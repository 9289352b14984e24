"""The page of training runs: their curves, and what a student's units do beside its teacher's."""

from .callbacks import register
from .layout import layout
from .rooms import Rooms

__all__ = ["Rooms", "layout", "register"]
