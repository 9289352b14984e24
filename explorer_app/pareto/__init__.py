"""The page of all designs: a cloud with its front, limits, a table, and a look at one design."""

from .callbacks import register
from .data import View, Views
from .layout import layout

__all__ = ["View", "Views", "layout", "register"]
