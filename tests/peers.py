"""The frameworks whose files are imported: they are no dependencies; where CI is set, a missing one fails the test."""

from __future__ import annotations

import os
import warnings
from importlib import import_module
from typing import Any

import pytest


def peer(name: str) -> Any:
    """The module, or a skipped test that says how to install it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return import_module(name)
        except ImportError as error:
            reason = f"{name} is not installed ({error}): pip install --no-deps {name.partition('.')[0]}"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
