"""What a killed bedside's journal has to say: the chain, the record of what was cut short, nothing lost or changed."""

import contextlib
import sqlite3
import subprocess
import sys
from dataclasses import dataclass

from benchmarks.bedside_place import Place
from benchmarks.crash_checks import Kept, open_measurements, records
from device.journal import Deliveries, JournalError
from device.journal.keeping import set_aside_files


@dataclass(frozen=True)
class Before:
    """What the journal held when the kill came: its records, and the measurements without one."""

    records: dict[int, Kept]
    open: frozenset[str]


def before_kill(place: Place) -> Before:
    """Look at the journal just before a kill; what is committed in between is found afterwards."""
    return Before(records(place.data), frozenset(open_measurements(place.data)))


def after_restart(place: Place, before: Before) -> tuple[str, int, list[str]]:
    """Return what the record of the killed measurement says, how many presses it holds, and what is wrong."""
    try:
        after = records(place.data)
        problems = _sound(place, before.records, after)
        said, kept = [], 0
        for number, record in sorted(after.items()):
            if number in before.records:
                continue
            said.append("a number" if record.said.endswith(" s") else record.said)
            kept, wrong = _presses(place, number)
            problems += wrong
        by_id = {record.reading_id for record in after.values()}
        problems += [f"no record of {reading_id}" for reading_id in sorted(before.open - by_id)]
    except (JournalError, sqlite3.Error) as error:
        return "", 0, [f"the journal cannot be read: {error}"]
    if len(said) > 1:
        problems.append(f"one measurement was killed, {len(said)} records came: {', '.join(said)}")
    if not said and not before.open:
        return f"told before the kill: {_last(before)}", 0, problems
    return " and ".join(said), kept, problems


def nothing_lost(place: Place, before: dict[int, Kept], more: int) -> list[str]:
    """Return what is wrong in a journal that has to hold all that was there before, and so many records more."""
    try:
        after = records(place.data)
        problems = _sound(place, before, after)
        if len(after) - len(before) != more:
            problems.append(f"{len(after) - len(before)} records came of {more} measurements")
        for number in sorted(after.keys() - before.keys()):
            problems += _presses(place, number)[1]
    except (JournalError, sqlite3.Error) as error:
        return [f"the journal cannot be read: {error}"]
    return problems


def _sound(place: Place, before: dict[int, Kept], after: dict[int, Kept]) -> list[str]:
    problems = verify(place) + _unchanged(before, after) + _in_order(after)
    problems += [f"a journal was set aside: {path.name}" for path in set_aside_files(place.journal)]
    return [*problems, *(f"{reading_id} has no record" for reading_id in sorted(open_measurements(place.data)))]


def _last(before: Before) -> str:
    kept = before.records[max(before.records)] if before.records else None
    return "no record" if kept is None else "a number" if kept.said.endswith(" s") else kept.said


def verify(place: Place) -> list[str]:
    """Return what `refill journal verify` has against the journal, as a user runs it."""
    command = [sys.executable, "-m", "refill", "journal", "verify", "--data", str(place.data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return [] if done.returncode == 0 else [f"journal verify: {(done.stdout + done.stderr).strip()}"]


def _unchanged(before: dict[int, Kept], after: dict[int, Kept]) -> list[str]:
    return [f"record {number} changed or is gone" for number, kept in before.items() if after.get(number) != kept]


def _in_order(after: dict[int, Kept]) -> list[str]:
    numbers = list(after)
    gapless = numbers == list(range(1, len(numbers) + 1))
    twice = len({record.reading_id for record in after.values()}) != len(after)
    return [*([] if gapless else ["the sequence has a gap"]), *(["a measurement has two records"] if twice else [])]


def _presses(place: Place, number: int) -> tuple[int, list[str]]:
    """Return how many presses a record holds; every press that was committed before has to be in it, with its trace."""
    with Deliveries.open(place.journal, read_only=True) as journal:
        record = journal.record(number)
        if record is None:
            return 0, [f"record {number} is gone"]
        told = [press.number for press in record.reading.presses]
        traces = [journal.trace(record.reading_id, press) is not None for press in told]
    query = "SELECT number FROM press WHERE reading_id = ? ORDER BY number"
    with contextlib.closing(sqlite3.connect(f"{place.journal.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        kept = [row[0] for row in connection.execute(query, (record.reading_id,))]
    problems = [] if told == kept else [f"record {number} holds the presses {told}, the journal kept {kept}"]
    return len(told), [*problems, *([] if all(traces) else [f"record {number}: a press without its trace"])]
