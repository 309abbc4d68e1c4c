"""What holds in the end: every value of a file with where it comes from, and the ceiling of the code where one is."""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from firmware_config.device import CEILING_PRESS_S, CEILING_PRESSES_PER_MINUTE
from firmware_config.lines import lines_of
from firmware_config.loading import load
from firmware_config.protocol import CEILING_HOLD_S, CEILING_KPA
from firmware_config.tree import models_in

CEILINGS: dict[str, float] = {
    "press_limits.pressure_kpa": CEILING_KPA,
    "press_limits.hold_s": CEILING_HOLD_S,
    "press_limits.press_s": CEILING_PRESS_S,
    "press_limits.presses_per_minute": CEILING_PRESSES_PER_MINUTE,
    "target_kpa": CEILING_KPA,
    "hold_s": CEILING_HOLD_S,
}
"""Keys whose upper bound is a constant in the probe's code: a file may lower it, never raise it."""


@dataclass(frozen=True)
class Value:
    """One value in force. `origin`: "FILE:LINE", "default", or "default: the code's ceiling"."""

    key: str
    value: Any
    origin: str
    ceiling: float | None = None


def effective(path: Path, model: type[BaseModel]) -> list[Value]:
    """Return every value of a file as it holds, defaults included, in the order of the code.

    Lists of plain values are one value; sections and the sections in a list are taken apart. An optional section that
    is not there is one value, None. Raises `ConfigurationError` with every error of the file.
    """
    loaded = load(path, model)
    text = path.read_text(encoding="utf-8")
    content, lines = tomllib.loads(text), lines_of(text)
    values = []
    for place, value in _values(loaded, ()):
        key = ".".join(str(part) for part in place)
        ceiling = CEILINGS.get(key)
        line = lines.get(place) if _has(content, place) else None
        if line is not None:
            origin = f"{path}:{line}"
        else:
            origin = "default: the code's ceiling" if ceiling is not None and value == ceiling else "default"
        values.append(Value(key, value, origin, ceiling))
    return values


def as_text(values: list[Value]) -> str:
    """Return the values as `key = value  # origin`, one a line."""
    rows = [(f"{value.key} = {json.dumps(value.value, ensure_ascii=False)}", _origin(value)) for value in values]
    width = min(60, max(len(left) for left, _ in rows))
    return "\n".join(f"{left:{width}}  # {right}" for left, right in rows)


def _origin(value: Value) -> str:
    lowered = value.ceiling is not None and isinstance(value.value, int | float) and value.value < value.ceiling
    return f"{value.origin} (the code's ceiling is {value.ceiling:g})" if lowered else value.origin


def _values(loaded: BaseModel, place: tuple[str | int, ...]) -> list[tuple[tuple[str | int, ...], Any]]:
    found: list[tuple[tuple[str | int, ...], Any]] = []
    plain = loaded.model_dump(mode="json")
    for name, field in type(loaded).model_fields.items():
        value, here = getattr(loaded, name), (*place, name)
        if isinstance(value, BaseModel):
            found += _values(value, here)
        elif isinstance(value, list | tuple) and value and models_in(field.annotation):
            for number, item in enumerate(value):
                found += _values(item, (*here, number))
        else:
            found.append((here, plain[name]))
    return found


def _has(content: Any, place: tuple[str | int, ...]) -> bool:
    for part in place:
        try:
            content = content[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True
