"""Who may ask: this machine only, or, on an address that others reach, whoever has the token."""

from __future__ import annotations

import hmac
import ipaddress
import secrets

import flask

from spikesim_py.errors import InputError

COOKIE = "spikesim-token"
#: shorter ones can be guessed
_LEAST = 16


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def token_for(host: str, given: str | None) -> str | None:
    """The token that serving on a host takes: what was given, a fresh one where others reach the host, or None.

    Raises:
        InputError: the given token is too short.
    """
    if given is not None and len(given) < _LEAST:
        raise InputError(f"token: must have {_LEAST} characters or more (has {len(given)})")
    return given if given or is_loopback(host) else secrets.token_urlsafe(24)


def guard(server: flask.Flask, token: str | None) -> None:
    """Refuse every request that may not be answered.

    With a token, an address `/?token=...` sets a cookie and leads on to the page without it; whoever has neither gets
    403. Without one, only requests that name this machine are answered: a page of another site, whose name was made
    to lead here (DNS rebinding), names its own.
    """

    @server.before_request
    def check() -> flask.typing.ResponseReturnValue | None:
        if token is None:
            return None if is_loopback(_host(flask.request.host)) else ("not served under this name\n", 403)
        if _same(flask.request.cookies.get(COOKIE), token):
            return None
        if not _same(flask.request.args.get("token"), token):
            return "the address needs its token: open the one that the terminal shows\n", 403
        answer = flask.redirect(flask.request.path)
        answer.set_cookie(COOKIE, token, httponly=True, samesite="Strict")
        return answer


def _host(name: str) -> str:
    """A request's host without its port."""
    head, colon, port = name.rpartition(":")
    return head if colon and port.isdigit() else name


def _same(given: str | None, token: str) -> bool:
    return given is not None and hmac.compare_digest(given.encode(), token.encode())
