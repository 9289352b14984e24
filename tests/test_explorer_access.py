"""Who may ask the explorer: this machine only, or whoever has the token."""

from __future__ import annotations

import pytest

from explorer_app import create_app
from explorer_app.access import COOKIE, is_loopback, token_for
from spikesim_py.errors import InputError

TOKEN = "a-token-that-is-long-enough"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1", "[::1]"])
def test_this_machine_needs_no_token(host: str) -> None:
    assert is_loopback(host)
    assert token_for(host, None) is None
    assert token_for(host, TOKEN) == TOKEN


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org", "localhost.example.org"])
def test_any_other_address_has_a_fresh_token_each_time(host: str) -> None:
    first, second = token_for(host, None), token_for(host, None)
    assert first
    assert second
    assert len(first) >= 32
    assert first != second


def test_a_short_token_is_refused() -> None:
    with pytest.raises(InputError, match=r"^token: must have 16 characters or more \(has 3\)$"):
        token_for("0.0.0.0", "abc")


@pytest.mark.parametrize("path", ["/", "/design", "/_dash-layout", "/_dash-dependencies", "/assets/explorer.js"])
def test_nothing_is_answered_without_the_token(path: str) -> None:
    client = create_app(None, token=TOKEN).server.test_client()
    assert client.get(path).status_code == 403
    assert client.get(path + "?token=wrong").status_code == 403
    client.set_cookie(COOKIE, "wrong")
    assert client.get(path).status_code == 403
    assert client.post("/_dash-update-component", json={}).status_code == 403


def test_the_token_becomes_a_cookie_that_scripts_cannot_read_and_leaves_the_address() -> None:
    client = create_app(None, token=TOKEN).server.test_client()
    answer = client.get(f"/design?token={TOKEN}")
    assert answer.status_code == 302
    assert answer.location == "/design"
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert "SameSite=Strict" in answer.headers["Set-Cookie"]
    assert client.get("/design").status_code == 200


def test_a_page_of_another_name_that_leads_here_is_refused() -> None:
    client = create_app(None).server.test_client()
    assert client.get("/", headers={"Host": "127.0.0.1:8050"}).status_code == 200
    assert client.get("/", headers={"Host": "evil.example.org:8050"}).status_code == 403
