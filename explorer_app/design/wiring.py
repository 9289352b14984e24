"""Binds the page to a study."""

from __future__ import annotations

import dash

from ..pareto import Views
from ..workshop import Workshop
from . import inside, stored


def register(app: dash.Dash, known: Views) -> None:
    """What is stored is shown at once; what must be simulated again, when its tab is opened."""
    stored.register(app, known)
    inside.register(app, known.reader, Workshop())
