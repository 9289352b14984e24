"""The page of sliders: what a design would cost if one thing were different, and how accurate it would be."""

from .callbacks import register
from .layout import layout

__all__ = ["layout", "register"]
