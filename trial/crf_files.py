"""How an export is written: columns with their meaning, CSV that no spreadsheet runs, files that appear whole."""

import csv
import hashlib
import io
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from sqlalchemy import Engine

from trial.database import note, writing

Value = str | float | int | bool | None
Row = TypeVar("Row", contravariant=True)
"""What a column is read from. Contravariant: a column that takes any record serves each kind of record."""


class AlteredError(Exception):
    """A stored reading no longer matches the hash that its device sealed it with. One sentence."""


@dataclass(frozen=True)
class CrfColumn(Generic[Row]):
    """One column of an export, and its line in the data dictionary."""

    name: str
    meaning: str
    unit: str
    source: str
    value: Callable[[Row], Value]


def csv_text(header: list[str], lines: Iterator[list[Value]]) -> str:
    """Return lines as CSV as RFC 4180 has it. A text that a spreadsheet would run as a formula is disarmed."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in line] for line in lines)
    return out.getvalue()


def dictionary_path(out: Path) -> Path:
    """Return where the data dictionary of the export `out` goes."""
    return out.with_name(f"{out.stem}.dictionary.csv")


def write_export(
    engine: Engine, out: Path, columns: Sequence[CrfColumn[Row]], found: Sequence[Row], whose: str, action: str
) -> int:
    """Write rows to `out` and their data dictionary beside it; return their number.

    Each file appears whole or not at all. The export is noted in the audit trail with the hash of its content.
    Raises `OSError` and SQLAlchemy's errors.
    """
    lines = [[column.value(row) for column in columns] for row in found]
    content = csv_text([column.name for column in columns], iter(lines))
    described: Iterator[list[Value]] = ([c.name, c.meaning, c.unit, c.source] for c in columns)
    _write_whole(dictionary_path(out), csv_text(["column", "meaning", "unit", "source"], described))
    _write_whole(out, content)
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    with writing(engine).begin() as connection:
        note(connection, "export", action, f"{whose}, {len(lines)} rows, sha256 {sha256}")
    return len(lines)


def _cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else text


def _write_whole(path: Path, content: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
