"""The published JSON Schemas, read by a validator of its own: just the keywords that they use, and no others.

Nothing here calls the contract's models: what the trial side accepts is held against what is published.
"""

import json
import math
import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "contract" / "schema"
DEPTH = 200
"""Deeper than this nothing is read."""
_WORDS = {"$schema", "$defs", "title", "description", "default", "contentMediaType"}
_KNOWN = {
    *("$ref", "anyOf", "type", "const", "enum", "pattern", "format", "minLength", "maxLength", "minimum", "maximum"),
    *("exclusiveMinimum", "items", "prefixItems", "minItems", "maxItems", "properties", "required"),
    "additionalProperties",
}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
    "array": (list,),
    "object": (dict,),
}
"""A whole number is one that is written as one: 1.0 is none."""
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:[0-5]\d)", re.ASCII)
_HYPHENED = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_UUID = re.compile(rf"(?:urn:uuid:)?{_HYPHENED}|\{{{_HYPHENED}\}}|[0-9a-fA-F]{{32}}")
"""In any of its usual spellings."""

Check = Callable[[Any], bool]


class UnreadableError(ValueError):
    """A text is no JSON, or not such as a schema wants it."""


def loads(text: str | bytes, *, constants: bool = False) -> Any:
    """Return the content of a JSON text: no half characters, not too deep, and NaN only with `constants`."""
    try:
        plain = text.decode() if isinstance(text, bytes) else text
        content = json.loads(plain, parse_constant=float if constants else _no_constant)
        if "\\u" in plain:
            json.dumps(content, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise UnreadableError("no JSON") from error
    if plain.count("[") + plain.count("{") > DEPTH and _depth(plain) > DEPTH:
        raise UnreadableError("too deep")
    return content


def _no_constant(name: str) -> None:
    raise UnreadableError(f"{name} is no number")


def _depth(text: str) -> int:
    """Return how deep the brackets of a whole JSON text go."""
    deepest = depth = 0
    for bracket in re.findall(r"[\[{\]}]", _STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def moment(text: str) -> datetime | None:
    """Return a time with its offset, as RFC 3339 writes it; None for anything else."""
    try:
        return datetime.fromisoformat(text) if _TIME.fullmatch(text) else None
    except ValueError:
        return None


class Schema:
    """One published schema. Raises `ValueError` at once where it uses a keyword that is not known here."""

    def __init__(self, name: str) -> None:
        root = json.loads((FOLDER / f"{name}.schema.json").read_text(encoding="utf-8"))
        self._parts: dict[str, Check] = {}
        for part, schema in root.get("$defs", {}).items():
            self._parts[part] = self._check(schema)
        self._root = self._check(root)

    def check(self, value: Any) -> None:
        """Raise `UnreadableError` where `value` is not as the schema wants it."""
        if not self._root(value):
            raise UnreadableError("not as the schema wants it")

    def _named(self, name: str, value: Any) -> bool:
        return self._parts[name](value)

    def _check(self, schema: dict[str, Any]) -> Check:
        """Return what holds a value against a schema."""
        unknown = set(schema) - _WORDS - _KNOWN
        if unknown:
            raise ValueError(f"the schema uses what is not checked here: {', '.join(sorted(unknown))}")
        checks: list[Check] = []
        if "$ref" in schema:
            checks.append(partial(self._named, schema["$ref"].rsplit("/", 1)[1]))
        if "anyOf" in schema:
            choices = [self._check(choice) for choice in schema["anyOf"]]
            checks.append(lambda value: any(choice(value) for choice in choices))
        if "const" in schema or "enum" in schema:
            allowed = schema.get("enum", [schema.get("const")])
            checks.append(lambda value: value in allowed)
        if "type" in schema:
            kinds = _TYPES[schema["type"]]
            checks.append(lambda value: isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool)))
            made = {
                "string": _text,
                "integer": _number,
                "number": _number,
                "array": self._array,
                "object": self._object,
            }
            if schema["type"] in made:
                checks.append(made[schema["type"]](schema))
        return checks[0] if len(checks) == 1 else lambda value: all(check(value) for check in checks)

    def _array(self, schema: dict[str, Any]) -> Check:
        least, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
        pair = [self._check(part) for part in schema.get("prefixItems", ())]
        item = self._check(schema.get("items", {}))

        def check(value: list[Any]) -> bool:
            if not least <= len(value) <= most:
                return False
            if pair:
                return all(part(one) for part, one in zip(pair, value, strict=True))
            return all(item(one) for one in value)

        return check

    def _object(self, schema: dict[str, Any]) -> Check:
        if schema.get("additionalProperties") is not False:
            raise ValueError("the schema lets unknown keys through")
        known = {key: self._check(part) for key, part in schema["properties"].items()}
        needed = set(schema.get("required", ()))

        def check(value: dict[str, Any]) -> bool:
            keys = value.keys()
            return needed <= keys <= known.keys() and all(known[key](one) for key, one in value.items())

        return check


def _text(schema: dict[str, Any]) -> Check:
    if schema.get("format") == "date-time":
        return lambda value: moment(value) is not None
    # The published patterns end at the text's end; Python's $ would let a line break follow.
    form = re.compile(schema.get("pattern", ".*").removeprefix("^").removesuffix("$"), re.DOTALL)
    if schema.get("format") == "uuid":
        form = _UUID
    least, most = schema.get("minLength", 0), schema.get("maxLength", math.inf)
    return lambda value: least <= len(value) <= most and form.fullmatch(value) is not None


def _number(schema: dict[str, Any]) -> Check:
    least, most = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    above = schema.get("exclusiveMinimum", -math.inf)

    def check(value: float) -> bool:
        try:
            return math.isfinite(value) and least <= value <= most and value > above
        except OverflowError:
            return False

    return check
