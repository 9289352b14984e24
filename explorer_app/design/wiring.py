"""Binds the page to a study."""

from __future__ import annotations

import dash

from ..reader import Reader
from ..workshop import Workshop
from . import inside, stored


def register(app: dash.Dash, reader: Reader) -> None:
    """What is stored is shown at once; what must be simulated again, when its tab is opened."""
    stored.register(app, reader)
    inside.register(app, reader, Workshop())
