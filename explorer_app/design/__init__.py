"""The page of one design: what it costs and why, what happens inside, and where every number comes from."""

from .layout import layout
from .wiring import register

__all__ = ["layout", "register"]
