"""Serving the explorer on one port, with one line on the terminal."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Sequence
from pathlib import Path

from werkzeug.serving import make_server

from spikesim_py.errors import InputError
from spikesim_py.sweep import load_study

from .access import token_for
from .app import create_app


def serve(
    store: Path | str | None = None,
    host: str = "127.0.0.1",
    port: int = 8050,
    token: str | None = None,
    others: Sequence[Path | str] = (),
    networks: Sequence[Path | str] = (),
) -> None:
    """Serve the explorer until it is interrupted.

    Args:
        store: a study file, which need not exist yet: a first sweep is started from the page; or None for the page
            that says how to make one.
        host: where to listen. On any address but this machine's own, a token guards every page.
        port: 0 takes a free one.
        token: to use instead of a fresh one; then it guards this machine's own address too.
        others: study files that this one may be held against.
        networks: files that the page for a network of one's own may open.

    Raises:
        InputError: the store exists and is no study, the port cannot be had, or the token is too short.
    """
    fresh = store is not None and not Path(store).expanduser().exists()
    for study in (*(() if fresh else (store,)), *others):
        if study is not None:
            load_study(study)
    for network in networks:
        if not Path(network).expanduser().is_file():
            raise InputError(f"network {str(network)!r}: is not a file")
    token = token_for(host, token)
    listener = listen(host, port)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = create_app(store, token=token, others=others, networks=networks)
    server = make_server(host, 0, app.server, threaded=True, fd=listener.fileno())
    what = "no study yet: the page says how to make one" if store is None else f"{store}{', a new study' * fresh}"
    address = f"http://{host}:{listener.getsockname()[1]}" + (f"/?token={token}" if token else "")
    print(f"serving on {address} ({what}; Ctrl-C stops)", flush=True)
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
