"""Writes docs/configuration.md from the models, between its marks: `python -m refill.config_docs`.

A row for each key of each file: type, unit, bounds, default, what it is for. What a key is for stands in its model and
nowhere else; a key without a word of its own is explained by its name and unit.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from firmware_config.effective import CEILINGS
from firmware_config.schema import MODELS
from firmware_config.tree import Key, keys, models_in, plain_types

PAGE = Path("docs/configuration.md")
UNITS: tuple[tuple[str, str], ...] = (
    ("_per_minute", "1/min"),
    ("_kpa", "kPa"),
    ("_mm2", "mm²"),
    ("_hz", "Hz"),
    ("_us", "µs"),
    ("_ms", "ms"),
    ("_mb", "MB"),
    ("_bytes", "bytes"),
    ("_days", "days"),
    ("_minutes", "min"),
    ("_h", "h"),
    ("_n", "N"),
    ("_v", "V"),
    ("_s", "s"),
    ("volts", "V"),
    ("kpa", "kPa"),
    ("fps", "1/s"),
    ("width", "px"),
    ("height", "px"),
    ("lens_position", "dioptres"),
)
"""Ends of names, and what they say; the first that fits counts."""
BOUNDS: tuple[tuple[str, str], ...] = (
    ("ge", "from {}"),
    ("gt", "above {}"),
    ("le", "to {}"),
    ("lt", "below {}"),
    ("multiple_of", "a multiple of {}"),
    ("min_length", "at least {} long"),
    ("max_length", "at most {} long"),
    ("pattern", "`{}`"),
)
NAMES: dict[type, str] = {int: "whole number", float: "number", bool: "true or false", str: "text", Path: "path"}


def parts() -> dict[str, str]:
    """Return what the models say, by the name of its marks on the page."""
    return {name: as_markdown(model) for name, model in MODELS.items()}


def as_markdown(model: type[BaseModel]) -> str:
    """Return the table of one file."""
    rows = [("key", "type", "unit", "bounds", "default", "what it is for"), ("---",) * 6, *map(_row, _values(model))]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _values(model: type[BaseModel]) -> Iterator[Key]:
    """Yield the keys that hold a value; a section is its keys, and a row of its own where it may be missing or many."""
    return (key for key in keys(model) if not models_in(key.field.annotation) or _is_optional(key.field))


def _is_optional(field: FieldInfo) -> bool:
    return type(None) in get_args(field.annotation) or get_origin(field.annotation) in (list, tuple)


def _row(key: Key) -> tuple[str, ...]:
    kind = f" ({key.kind})" if key.kind is not None else ""
    bounds = _bounds(key.field)
    if key.name in CEILINGS:
        bounds += "; the code's ceiling"
    is_section = bool(models_in(key.field.annotation))
    return (
        f"`{key.name}`{kind}",
        ("sections" if _is_many(key.field) else "section") if is_section else _type(key.field.annotation),
        "" if is_section else _unit(key.path[-1]),
        "" if is_section else bounds.replace("|", "\\|"),
        _default(key.field),
        (key.field.description or _about_section(key.field)).replace("|", "\\|"),
    )


def _is_many(field: FieldInfo) -> bool:
    return any(get_origin(part) in (list, tuple) for part in (field.annotation, *get_args(field.annotation)))


def _about_section(field: FieldInfo) -> str:
    models = models_in(field.annotation)
    return (models[0].__doc__ or "").split("\n")[0].split(". ")[0].rstrip(".") if models else ""


def _type(annotation: Any) -> str:
    words = list(dict.fromkeys(_choices(annotation)))
    if words:
        return " or ".join(f'`"{word}"`' for word in words) + ("; a list" if _listed(annotation) else "")
    names = [NAMES.get(each, "time of day") for each in sorted(plain_types(annotation) - {type(None)}, key=str)]
    return ("list of " if _listed(annotation) else "") + " or ".join(names)


def _choices(annotation: Any) -> Iterator[str]:
    if get_origin(annotation) is Literal:
        yield from map(str, get_args(annotation))
        return
    for part in get_args(annotation):
        yield from _choices(part)


def _listed(annotation: Any) -> bool:
    return get_origin(annotation) in (list, tuple, dict) or any(_listed(part) for part in get_args(annotation))


def _unit(name: str) -> str:
    return next((unit for end, unit in UNITS if name.endswith(end)), "")


def _bounds(field: FieldInfo) -> str:
    said = [text.format(_plain(value)) for name, text in BOUNDS for value in _limits(field, name)]
    return ", ".join(dict.fromkeys(said))


def _limits(field: FieldInfo, name: str) -> Iterator[Any]:
    """Yield a bound wherever it stands: with the key, with its type, with the type of a list's items."""
    yield from _metadata_limits(field.metadata, name)
    yield from _inner_limits(field.annotation, name)


def _metadata_limits(metadata: Any, name: str) -> Iterator[Any]:
    for each in metadata:
        if isinstance(each, FieldInfo):
            yield from _metadata_limits(each.metadata, name)
        elif (value := getattr(each, name, None)) is not None:
            yield value


def _inner_limits(annotation: Any, name: str) -> Iterator[Any]:
    yield from _metadata_limits(getattr(annotation, "__metadata__", ()), name)
    for part in get_args(annotation):
        yield from _inner_limits(part, name)


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**has to be there**"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value is PydanticUndefined:
        return "none"
    if isinstance(value, BaseModel):
        return "its defaults"
    return f"`{json.dumps(value, default=str, ensure_ascii=False)}`"


def written(page: str) -> str:
    """Return the page with every part between its marks renewed; raises `ValueError` where a mark is missing."""
    for name, text in parts().items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        if page.count(begin) != 1 or page.count(end) != 1:
            raise ValueError(f"{PAGE}: wants one {begin} and one {end}")
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n\n{text}\n\n{end}{rest.partition(end)[2]}"
    return re.sub(r"\n{3,}", "\n\n", page)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
