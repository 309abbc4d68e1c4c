"""What stands already of a batch of records: those that it could repeat, contradict or be about. Reads only."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import ARRAY, Connection, Select, Text, bindparam, column, func, or_, select, true, tuple_

from contract.amendment import Amendment
from trial.amendments import about_problem
from trial.judge import Accepted
from trial.tables import amendment, record

_TOLD = tuple(
    record.c[name] for name in ("study", "device", "device_seq", "reading_id", "kind", "sha256", "received_at")
)
_ASKED = amendment.c.action == "corrected"


class Known:
    """The stored records that a batch could repeat, contradict or be about, by id and by place in the device's journal.

    The database is asked for ids: that finds every repeat. Another record in the same place is found by the unique
    key, and the batch then asks for places too. `awaited` are the ids of which a correction has been asked.
    """

    def __init__(self, connection: Connection, batch: Sequence[Accepted], by_place: bool) -> None:
        self._by_id: dict[str, Any] = {}
        self._by_place: dict[tuple[str, str, int], Any] = {}
        self.awaited: set[str] = set()
        if not batch:
            return
        ids = {str(a.record.reading_id) for a in batch}
        ids |= {str(a.record.about) for a in batch if isinstance(a.record, Amendment)}
        self._look_up(connection, ids)
        if by_place:
            r = record.c
            placed = tuple_(r.study, r.device, r.device_seq).in_({_place(a) for a in batch})
            for row in connection.execute(select(*_TOLD).where(placed)):
                self.add(row)

    def _look_up(self, connection: Connection, ids: set[str]) -> None:
        if connection.dialect.name != "postgresql":
            for row in connection.execute(select(*_TOLD).where(record.c.reading_id.in_(ids))):
                self.add(row)
            asked = select(amendment.c.about).where(amendment.c.about.in_(ids), _ASKED)
            self.awaited.update(connection.execute(asked).scalars())
            return
        for row in connection.execute(_each_by_its_key(), {"ids": list(ids)}):
            if row.reading_id is not None:
                self.add(row)
            if row.awaited is not None:
                self.awaited.add(row.awaited)

    def add(self, row: Any) -> None:
        """Know a record that is stored, or is about to be: a row of table `record`, or a `trial.rows.StoredRow`."""
        self._by_id[row.reading_id] = row
        self._by_place[row.study, row.device, row.device_seq] = row

    def like(self, accepted: Accepted) -> list[Any]:
        """Return the stored records with the same id or the same place: none, one or two."""
        found = (self._by_id.get(str(accepted.record.reading_id)), self._by_place.get(_place(accepted)))
        return [row for row in found if row is not None]

    def about_problem(self, accepted: Accepted) -> str | None:
        """Return why an amendment cannot be about what it names, where that is there, else None."""
        said = accepted.record
        about = self._by_id.get(str(said.about)) if isinstance(said, Amendment) else None
        if about is None or not isinstance(said, Amendment):
            return None
        return about_problem(about, said.study, said.device.name, said.device_seq, said.mottling_score)


def _place(accepted: Accepted) -> tuple[str, str, int]:
    came = accepted.record
    return came.study, came.device.name, came.device_seq


@cache
def _each_by_its_key() -> Select[Any]:
    """Return the records of the ids and, as `awaited`, the ids that a correction was asked of, stored or not.

    While a table is new, PostgreSQL would plan to read all of it for every batch, and keep the plan.
    """
    wanted = func.unnest(bindparam("ids", type_=ARRAY(Text))).table_valued(column("value", Text)).render_derived()
    stored = select(*_TOLD).where(record.c.reading_id == wanted.c.value).limit(1).lateral("stored")
    of_it = select(amendment.c.about).where(amendment.c.about == wanted.c.value, _ASKED).limit(1).lateral("of_it")
    found = wanted.outerjoin(stored, true()).outerjoin(of_it, true())
    query = select(*(stored.c[each.name] for each in _TOLD), of_it.c.about.label("awaited")).select_from(found)
    return query.where(or_(stored.c.reading_id.is_not(None), of_it.c.about.is_not(None)))
