"""What can go wrong, as one tree.

::

    SpikesimError
     ├─ InputError            what the user gave cannot be used (command line: exit code 2)
     │   ├─ ConfigError       a YAML file, an override, a hardware field
     │   ├─ NetworkError      a network description, its shapes, its weights or its file
     │   ├─ MappingError      this network cannot be placed on that chip
     │   ├─ DataError         a dataset that is missing or malformed
     │   └─ StoreError        a study file that is not one, or belongs to another version
     └─ EvaluationError       an evaluation failed although its inputs were valid

A message is one line: where (file, line, field), the value, the rule, and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SpikesimError(Exception):
    """Base of every error that this package raises on purpose."""


class InputError(SpikesimError, ValueError):
    """What the user gave cannot be used."""


class ConfigError(InputError):
    """A configuration file, an override or a field of one is wrong."""


class NetworkError(InputError):
    """A network description, its shapes, its weights or its file is wrong."""


class MappingError(InputError):
    """A network cannot be placed on a chip."""


class DataError(InputError):
    """A dataset is missing or malformed."""


class StoreError(InputError):
    """A study file is not a study, is damaged, or belongs to another version."""


class EvaluationError(SpikesimError):
    """An evaluation failed although its inputs were valid."""


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """`"; did you mean 'rows'?"` if a known word is close, else an empty string."""
    close = difflib.get_close_matches(str(word)[:100], list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
