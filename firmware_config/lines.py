"""On which line of a TOML file each value stands.

The file is parsed again with one line more each time, so that the parser itself says where a statement ends: what is
new after a line stands in the lines since the last that parsed. Quadratic, and quick enough for files of some hundred
lines.
"""

import tomllib
from typing import Any

Path = tuple[str | int, ...]


def lines_of(text: str) -> dict[Path, int]:
    """Return the line, from 1, on which each value and each section begins; raises `TOMLDecodeError` for no TOML."""
    tomllib.loads(text)
    found: dict[Path, int] = {}
    lines = text.splitlines(keepends=True)
    begin: int | None = None
    for number, line in enumerate(lines, 1):
        if begin is None:
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            begin = number
        try:
            content = tomllib.loads("".join(lines[:number]))
        except tomllib.TOMLDecodeError:
            continue  # in the middle of a value of several lines
        for path in _paths(content, ()):
            found.setdefault(path, begin)
        begin = None
    return found


def _paths(content: Any, path: Path) -> list[Path]:
    here = [path] if path else []
    if isinstance(content, dict):
        return here + [deep for key, value in content.items() for deep in _paths(value, (*path, key))]
    if isinstance(content, list):
        return here + [deep for number, value in enumerate(content) for deep in _paths(value, (*path, number))]
    return here
