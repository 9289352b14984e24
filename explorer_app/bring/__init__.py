"""The page for a network of one's own: a checkpoint, what its time-steps mean, a chip, and the report."""

from .callbacks import register
from .layout import layout

__all__ = ["layout", "register"]
