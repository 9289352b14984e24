"""The page that holds up to four designs against each other, and two studies."""

from .callbacks import register
from .layout import layout

__all__ = ["layout", "register"]
