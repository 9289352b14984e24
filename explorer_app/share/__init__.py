"""The page that takes a study and its designs elsewhere: files, a table for a paper, the methods in words."""

from .callbacks import register
from .layout import layout

__all__ = ["layout", "register"]
