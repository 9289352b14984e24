"""Puts the page together: layout, callbacks, nothing that leaves the machine."""

from __future__ import annotations

from pathlib import Path

import dash

from . import layout
from .callbacks import register
from .reader import Reader


def create_app(store: Path | str | None = None) -> dash.Dash:
    """The explorer of one study file, or the page that says how to make one.

    Args:
        store: a study file. It is read again whenever it grows; problems with it show on the page.
    """
    app = dash.Dash(__name__, title="spikesim explorer", update_title="", serve_locally=True)
    if store is None:
        app.layout = layout.welcome()
        return app
    reader = Reader(Path(store))
    app.layout = layout.page(reader.path.name)
    register(app, reader)
    return app
