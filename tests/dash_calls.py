"""Calls callbacks of a Dash app over HTTP, as its pages do."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import dash


def caller(app: dash.Dash) -> Callable[..., dict[str, Any]]:
    """A function that calls one callback, named by an output or input of it, and returns what it changes.

    Values go by id, or by id.property where a callback takes two of one; those of ids `{kind: name}` as
    ``kind=[(name, value), ...]``. What a callback sets beside its outputs counts as changed, too.
    """
    client = app.server.test_client()
    listed = client.get("/_dash-dependencies").json

    def run(named: str, changed: str = "", **values: Any) -> dict[str, Any]:
        entry = next(item for item in sorted(listed, key=lambda item: not _sets(item, named)) if _names(item, named))

        def filled(given: dict[str, str]) -> Any:
            if not given["id"].startswith("{"):
                own = f"{given['id']}.{given['property']}"
                return {**given, "value": values.get(own, values.get(given["id"]))}
            kind = next(iter(json.loads(given["id"])))
            own = [(name, value) for name, value in values.get(kind, ())]
            return [
                {"id": {kind: name}, "property": given["property"], "value": {kind: name} if _asks_id(given) else value}
                for name, value in own
            ]

        outputs = [_output(name, values) for name in entry["output"].strip(".").split("...")]
        first = next((item for item in entry["inputs"] if not item["id"].startswith("{")), {"id": "", "property": ""})
        body = {
            "output": entry["output"],
            "outputs": outputs if entry["output"].startswith("..") else outputs[0],
            "inputs": [filled(given) for given in entry["inputs"]],
            "state": [filled(given) for given in entry["state"]],
            "changedPropIds": [changed or f"{first['id']}.{first['property']}"],
        }
        response = client.post("/_dash-update-component", json=body)
        assert response.status_code in (200, 204), response.text
        if response.status_code == 204:
            return {}
        return {**response.json.get("response", {}), **response.json.get("sideUpdate", {})}

    return run


def _sets(entry: dict[str, Any], named: str) -> bool:
    return named in entry["output"].strip(".").split("...")


def _names(entry: dict[str, Any], named: str) -> bool:
    return _sets(entry, named) or named in [f"{given['id']}.{given['property']}" for given in entry["inputs"]]


def _asks_id(given: dict[str, str]) -> bool:
    return given["property"] == "id"


def _output(name: str, values: dict[str, Any]) -> Any:
    """One output; all of them, where its id is a pattern."""
    found, _, prop = name.partition("@")[0].rpartition(".")
    if not found.startswith("{"):
        return {"id": found, "property": name.rpartition(".")[2]}
    kind = next(iter(json.loads(found)))
    return [{"id": {kind: own}, "property": prop} for own, _ in values.get(kind, ())]
