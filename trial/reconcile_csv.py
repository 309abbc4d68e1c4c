"""A CSV export of the case report form held against the database, row by row, by `reading_id`."""

import csv
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from trial import crf_csv, crf_mottling
from trial.crf_files import csv_text


class CsvError(ValueError):
    """The file is no export of the form. One sentence."""


@dataclass(frozen=True)
class CsvComparison:
    """A CSV file and the database. `different` tells the columns of each row that is not the same in both."""

    form: str
    in_file: int
    in_database: int
    same: int
    missing: list[str]
    extra: list[str]
    twice: list[str]
    different: dict[str, list[str]]

    @property
    def agrees(self) -> bool:
        """Whether the file says exactly what the database gives."""
        return not (self.missing or self.extra or self.twice or self.different)


def compare_csv(connection: Connection, study: str, path: Path) -> CsvComparison:
    """Compare a file with what the export would write now, by the columns that the file has: an older export has fewer.

    Raises `CsvError`, `AlteredError` and SQLAlchemy's errors.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CsvError(f"{path}: cannot be read: {error}") from error
    header = next(csv.reader(io.StringIO(text, newline="")), [])
    refill, mottling = ([c.name for c in columns] for columns in (crf_csv.COLUMNS, crf_mottling.COLUMNS))
    # New columns are added behind the others, so an older export begins as today's does.
    forms = [form for form, now in (("refill", refill), ("mottling", mottling)) if header == now[: len(header)]]
    if "reading_id" not in header or not forms:
        raise CsvError(f"{path}: its first line is not that of an export")
    form = forms[0]
    told, there = _rows(path, text), _rows(path, database_csv(connection, study, form))
    counts = Counter(row["reading_id"] for row in told)
    in_file, stored = ({row["reading_id"]: row for row in rows} for rows in (told, there))
    both = in_file.keys() & stored.keys()
    differing = {
        reading_id: [name for name in header if in_file[reading_id][name] != stored[reading_id][name]]
        for reading_id in in_file
        if reading_id in both
    }
    different = {reading_id: names for reading_id, names in differing.items() if names}
    return CsvComparison(
        form,
        in_file=len(told),
        in_database=len(there),
        same=len(both) - len(different),
        missing=sorted(stored.keys() - in_file.keys()),
        extra=sorted(in_file.keys() - stored.keys()),
        twice=sorted(each for each, count in counts.items() if count > 1),
        different=different,
    )


def database_csv(connection: Connection, study: str, form: str) -> str:
    """Return a form's CSV as the export writes it; raises `AlteredError`."""
    if form == "refill":
        found = crf_csv.readings(connection, study)
        lines = [[column.value(row) for column in crf_csv.COLUMNS] for row in found]
        return csv_text([column.name for column in crf_csv.COLUMNS], iter(lines))
    scored = crf_mottling.mottling_readings(connection, study)
    lines = [[column.value(row) for column in crf_mottling.COLUMNS] for row in scored]
    return csv_text([column.name for column in crf_mottling.COLUMNS], iter(lines))


def _rows(path: Path, text: str) -> list[dict[str, str]]:
    header, *lines = list(csv.reader(io.StringIO(text, newline=""))) or [[]]
    for number, line in enumerate(lines, 2):
        if len(line) != len(header):
            raise CsvError(f"{path}: row {number} has {len(line)} fields, not {len(header)}")
    return [dict(zip(header, line, strict=True)) for line in lines]
