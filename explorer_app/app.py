"""Puts the explorer together: shell, pages, nothing that leaves the machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import dash
import dash_mantine_components as dmc  # type: ignore[import-untyped]
from dash.development.base_component import Component

from . import bring, compare, design, pareto, share, shell, sweep, training_view, whatif
from .access import guard
from .reader import Reader

dmc.pre_render_color_scheme()  # a script of every page of this process, which must be there once


def create_app(
    store: Path | str | None = None,
    *,
    token: str | None = None,
    others: Sequence[Path | str] = (),
    networks: Sequence[Path | str] = (),
    runs: Path | str | None = None,
) -> dash.Dash:
    """The explorer of one study file, or the page that says how to make one.

    Args:
        store: a study file, which the first sweep makes if it is not there. It is read again whenever it
            grows; problems with it show on the page.
        networks: files that the page for a network of one's own may open.
        others: study files that this one may be held against.
        runs: folder that training runs are looked for in.
        token: that every browser must bring; None answers this machine only.
    """
    app = dash.Dash(
        __name__,
        title="spikesim explorer",
        update_title="",
        serve_locally=True,
        use_pages=True,
        pages_folder="",
        include_pages_meta=False,
        on_error=shell.complain,
        suppress_callback_exceptions=True,
    )
    guard(app.server, token)
    reader = None if store is None else Reader(Path(store).expanduser())
    held = [Reader(Path(other)) for other in others]
    named = [Path(network).expanduser() for network in networks]
    trained = training_view.Rooms(None if runs is None else Path(runs).expanduser())
    layouts: dict[str, Callable[..., Component]] = {
        "/what-if": whatif.layout,
        "/bring": partial(bring.layout, [path.name for path in named]),
        "/training": partial(training_view.layout, None if runs is None else str(runs)),
    }
    if reader is None:
        needing = ("/", "/sweep", "/design", "/compare", "/share")
        layouts |= dict.fromkeys(needing, lambda **_: shell.welcome())
    else:
        layouts |= {
            "/": pareto.layout,
            "/sweep": partial(sweep.layout, reader),
            "/design": design.layout,
            "/compare": partial(compare.layout, [other.path.name for other in held]),
            "/share": share.layout,
        }
    for order, (path, name) in enumerate(shell.PAGES.items()):
        about = {"path": path, "name": name, "order": order, "title": f"{name} · spikesim"}
        dash.register_page(name, layout=layouts[path], **about)  # type: ignore[no-untyped-call]
    app.layout = shell.shell(None if reader is None else reader.path.name)
    shell.register(app, reader)
    whatif.register(app, reader)
    bring.register(app, reader, named)
    training_view.register(app, trained)
    if reader is not None:
        views = pareto.Views(reader)
        sweep.register(app, reader)
        pareto.register(app, views)
        design.register(app, views)
        compare.register(app, views, held)
        share.register(app, views)
    return app
