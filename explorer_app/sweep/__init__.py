"""The page of sweeps: a space is built, sized, run and watched, whoever started it."""

from .callbacks import register
from .layout import layout

__all__ = ["layout", "register"]
