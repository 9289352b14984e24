"""The explorer: a study in the browser. It draws and asks; every number comes from stored reports."""

from .app import create_app
from .server import listen, serve

__all__ = ["create_app", "listen", "serve"]
