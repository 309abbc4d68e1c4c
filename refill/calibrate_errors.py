"""What is wrong with a simulated device, from a TOML file: `--errors FILE`."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any, TypeVar

Hidden = TypeVar("Hidden")


class ErrorsFileError(Exception):
    """The file of hidden errors cannot be used; the text names file and key."""


def with_errors(healthy: Hidden, path: Path) -> Hidden:
    """Return a healthy device's hidden values with those of a file; raises `ErrorsFileError`.

    Keys are the fields of the data class, a table for a data class in it; a number stays a number.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ErrorsFileError(f"{path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ErrorsFileError(f"{path}: not TOML: {error}") from error
    found: Hidden = _replaced(healthy, content, str(path))
    return found


def _replaced(hidden: Any, content: dict[str, Any], where: str) -> Any:
    fields = {field.name for field in dataclasses.fields(hidden)}
    changed = {}
    for key, value in content.items():
        if key not in fields:
            raise ErrorsFileError(f"{where}: {key}: there is no such error; there are {', '.join(sorted(fields))}")
        changed[key] = _like(getattr(hidden, key), value, f"{where}: {key}")
    return dataclasses.replace(hidden, **changed)


def _like(old: Any, new: Any, where: str) -> Any:
    """Return a value of the file in the form of the one that it replaces."""
    if dataclasses.is_dataclass(old):
        if not isinstance(new, dict):
            raise ErrorsFileError(f"{where}: is a table")
        return _replaced(old, new, where)
    if isinstance(old, tuple):
        if not isinstance(new, list) or len(new) != len(old):
            raise ErrorsFileError(f"{where}: is an array of {len(old)}")
        return tuple(_like(each, given, where) for each, given in zip(old, new, strict=True))
    if isinstance(old, bool) != isinstance(new, bool) or not isinstance(new, bool | int | float):
        raise ErrorsFileError(f"{where}: is {'true or false' if isinstance(old, bool) else 'a number'}")
    if isinstance(old, int) and not isinstance(new, int):
        raise ErrorsFileError(f"{where}: is a whole number")
    return float(new) if isinstance(old, float) else new
