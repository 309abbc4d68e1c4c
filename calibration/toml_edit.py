"""Values changed in a TOML file as a person would: this line, and nothing else; comments and order stay.

It knows tables, dotted keys, and inline tables on one line, with numbers and arrays of numbers. Whatever it makes is
read again and held against what is meant, so that what it does not know is refused and never written wrong.
"""

import copy
import re
import tomllib
from collections.abc import Mapping
from typing import Any, Final

_HEADER: Final = re.compile(r"^\s*\[(?P<name>[A-Za-z0-9_.\-\s\"']+)\]\s*(#.*)?$")
_PAIR: Final = re.compile(r"^(?P<before>\s*(?P<key>[A-Za-z0-9_\-]+(\s*\.\s*[A-Za-z0-9_\-]+)*)\s*=\s*)(?P<rest>.*)$")
_VALUE: Final = re.compile(r"(\[[^\[\]#]*\]|[^\s,#\[\]{}]+)")
Number = float | int
Path = tuple[str, ...]


class EditError(Exception):
    """A value cannot be put into the file by this; the text names the key, and what to write by hand."""


def with_values(text: str, values: Mapping[str, Number | tuple[float, ...]]) -> str:
    """Return the TOML `text` with `values` by dotted key, numbers or arrays of them; raises `EditError`.

    The text is valid TOML; a key that is not there is added to its table, which is added at the end.
    """
    for key, value in values.items():
        wanted = _set(tomllib.loads(text), key, value)
        text = _with_value(text, tuple(key.split(".")), written(value))
        try:
            right = tomllib.loads(text) == wanted
        except tomllib.TOMLDecodeError:
            right = False
        if not right:
            raise EditError(f"{key}: is written in a way that is not changed here: write {key} = {written(value)}")
    return text


def written(value: Number | tuple[float, ...]) -> str:
    """Return a number, or an array of them, as TOML."""
    return f"[{', '.join(repr(each) for each in value)}]" if isinstance(value, tuple) else repr(value)


def _set(content: dict[str, Any], key: str, value: Number | tuple[float, ...]) -> dict[str, Any]:
    changed = copy.deepcopy(content)
    *sections, leaf = key.split(".")
    section = changed
    for name in sections:
        section = section.setdefault(name, {})
    section[leaf] = list(value) if isinstance(value, tuple) else value
    return changed


def _with_value(text: str, key: Path, value: str) -> str:
    lines = text.splitlines(keepends=True)
    table: Path = ()
    ends: dict[Path, int] = {}  # after which line a key may be added to a table
    for number, line in enumerate(lines):
        header = _HEADER.match(line.rstrip("\r\n"))
        if header:
            table = _parts(header["name"])
        pair = _PAIR.match(line.rstrip("\r\n"))
        if header or pair:
            ends[table] = 1 + (_last_line(lines, number, pair["rest"]) if pair else number)
        if pair is None:
            continue
        path = table + _parts(pair["key"])
        if path == key:
            return _replaced(lines, number, pair, value)
        if path == key[: len(path)] and pair["rest"].startswith("{"):
            lines[number] = pair["before"] + _in_braces(pair["rest"], key[len(path) :], value) + _end_of(line)
            return "".join(lines)
    return _added(lines, ends, key, value)


def _parts(name: str) -> Path:
    return tuple(part.strip().strip("\"'") for part in name.split("."))


def _end_of(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


def _replaced(lines: list[str], number: int, pair: re.Match[str], value: str) -> str:
    """Put a value in the place of another, which may be an array over several lines."""
    rest, last = pair["rest"], _last_line(lines, number, pair["rest"])
    if rest.startswith("["):
        end = rest if last == number else lines[last].rstrip("\r\n")
        after = end[end.find("]") + 1 :]
    else:
        old = _VALUE.match(rest)
        after = rest[old.end() :] if old else ""
    return "".join([*lines[:number], pair["before"] + value + after + _end_of(lines[last]), *lines[last + 1 :]])


def _last_line(lines: list[str], number: int, rest: str) -> int:
    """Return on which line a value ends that begins with `rest` on line `number`: an array may go over several."""
    last = number
    while rest.startswith("[") and "]" not in (rest if last == number else lines[last]) and last + 1 < len(lines):
        last += 1
    return last


def _in_braces(rest: str, key: Path, value: str) -> str:
    """Return an inline table with a value, added before its end where it was not there."""
    name = r"\s*\.\s*".join(re.escape(part) for part in key)
    there = re.search(rf"(?<![A-Za-z0-9_.\-]){name}\s*=\s*", rest)
    if there:
        return rest[: there.end()] + _VALUE.sub(lambda _: value, rest[there.end() :], count=1)
    inside, _, after = rest.partition("}")
    comma = "" if inside.strip() == "{" else ","
    return f"{inside.rstrip()}{comma} {'.'.join(key)} = {value} }}{after}"


def _added(lines: list[str], ends: dict[Path, int], key: Path, value: str) -> str:
    """Add a key at the end of its table; where there is no such table, add that at the end of the file."""
    newline = "\r\n" if lines and lines[-1].endswith("\r\n") else "\n"
    if lines and not _end_of(lines[-1]):
        lines[-1] += newline
    table, leaf = key[:-1], key[-1]
    if not table and () not in ends:
        return f"{leaf} = {value}{newline}" + "".join(lines)
    if table in ends:
        lines.insert(ends[table], f"{leaf} = {value}{newline}")
        return "".join(lines)
    return "".join([*lines, newline, f"[{'.'.join(table)}]{newline}", f"{leaf} = {value}{newline}"])
