"""YAML with the line of every key, so that an error can name it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from .errors import ConfigError

#: what PyYAML raises, the latter for a date that is none, 5000 digits, 1000 brackets, and tags on what they do not fit
YAML_ERRORS = (yaml.YAMLError, ValueError, RecursionError, LookupError, AttributeError)
#: of a file: the longest of ours has 20 kB, and a megabyte takes seconds to parse
MAX_BYTES = 2**20
#: of a whole number: Python prints none of more than 4300, and hexadecimal ones are read at any length
_MAX_DIGITS = 1000


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """A YAML mapping and the line of each dotted key.

    Raises `ConfigError` with file and line if it is not a YAML mapping, is too long, or if a key stands twice.
    """
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise ConfigError(f"{path}: has {size} bytes: at most {MAX_BYTES}")
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
        node = loader.get_single_node()
        lines: dict[str, int] = {}
        _collect_lines(node, "", lines, path, set())  # before merges of merges unfold
        data = None if node is None else loader.construct_document(node)
    except ConfigError:
        raise
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not a text file (expected YAML in UTF-8)") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except YAML_ERRORS as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        said = "a value does not fit its tag" if isinstance(error, LookupError | AttributeError) else str(error)
        problem = getattr(error, "problem", None) or said.splitlines()[0]
        raise ConfigError(f"{path}{line}: is not valid YAML: {problem}") from None
    if not isinstance(data, dict):
        found = "nothing: the file is empty" if data is None else type(data).__name__
        raise ConfigError(f"{path}: expected a mapping of sections, found {found}")
    return data, lines


def _collect_lines(node: Any, prefix: str, lines: dict[str, int], path: Path, seen: set[int]) -> None:
    if isinstance(node, yaml.CollectionNode):
        if id(node) in seen:  # a few aliases of aliases unfold to billions of values
            raise ConfigError(f"{path}:{node.start_mark.line + 1}: is used again by an alias: write values out instead")
        seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            lines[f"{prefix}{index}"] = child.start_mark.line + 1
            _collect_lines(child, f"{prefix}{index}.", lines, path, seen)
    if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":int") and len(node.value) > _MAX_DIGITS:
        line = node.start_mark.line + 1
        raise ConfigError(f"{path}:{line}: a number of {len(node.value)} digits: at most {_MAX_DIGITS}")
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        _collect_lines(key, prefix, lines, path, seen)
        name, line = f"{prefix}{key.value}", key.start_mark.line + 1
        if name in lines:
            raise ConfigError(f"{path}:{line}: {name}: stands twice (first on line {lines[name]})")
        lines[name] = line
        _collect_lines(value, f"{name}.", lines, path, seen)
