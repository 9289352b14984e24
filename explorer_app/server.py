"""Serving the explorer on one port, with one line on the terminal."""

from __future__ import annotations

import logging
import os
import socket
from pathlib import Path

from werkzeug.serving import make_server

from spikesim_py.errors import InputError
from spikesim_py.sweep import load_study

from .app import create_app


def serve(store: Path | str | None = None, host: str = "127.0.0.1", port: int = 8050) -> None:
    """Serve the explorer until it is interrupted.

    Args:
        store: a study file, or None for the page that says how to make one.
        port: 0 takes a free one.

    Raises:
        InputError: the store is no study, or the port cannot be had.
    """
    if store is not None:
        load_study(store)
    listener = listen(host, port)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = create_app(store)
    server = make_server(host, 0, app.server, threaded=True, fd=listener.fileno())
    what = store if store is not None else "no study yet: the page says how to make one"
    print(f"serving on http://{host}:{listener.getsockname()[1]} ({what}; Ctrl-C stops)", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises `InputError` in one line if the address cannot be had."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address, family=family, backlog=128)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error.strerror
        raise InputError(f"{host}:{port}: cannot serve here: {reason}; choose another --port") from None
