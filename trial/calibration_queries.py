"""How the devices' calibrations stand, and which certificates the readings name. Reads only."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, case, func, or_, select

from calibration.certificate.chain import in_order
from trial.tables import certificate, reading

SOON: timedelta = timedelta(days=30)
"""So long before its last day a calibration is asked for."""


@dataclass(frozen=True)
class Calibration:
    """A certificate of a device, as its trial has it.

    `problem` says why it was never in force: its failed or missing steps. `followed_at`: when the next one was made, by
    the device's clock; None where none was. `foreign`: the device's certificates that another key signed than the first
    that came in; none of them is ever the newest, or follows another.
    """

    site: str
    device: str
    certificate_id: str
    made_at: datetime
    due_at: datetime
    simulated: bool
    problem: str | None
    followed_at: datetime | None
    foreign: tuple[str, ...]

    def standing(self, now: datetime) -> str:
        """Return in a few words how it stands."""
        said = self.problem
        if said is None:
            said = "expired" if now > self.due_at else "ends soon" if self.due_at - now < SOON else "in force"
        marks = (("simulated", self.simulated), ("another key", bool(self.foreign)))
        return ", ".join((said, *(mark for mark, stands in marks if stands)))


@dataclass(frozen=True)
class Named:
    """The readings of one device that name one certificate, and what the trial has of that.

    `certificate_id` is None for readings that name none. `real`: so many were measured on skin. `certificate` is None
    where the device has sent none of that id, and `device_of` another device that has. Times are those of the first and
    the last of the readings.
    """

    site: str
    device: str
    certificate_id: str | None
    count: int
    real: int
    first_reading_id: str
    first_at: datetime
    last_at: datetime
    received_at: datetime
    certificate: Calibration | None
    device_of: str | None


def calibrations(connection: Connection, study: str) -> dict[str, Calibration]:
    """Return the newest certificate of each device of a study that has sent one, by the device's name.

    The newest is the last in the order in which they name each other, whatever the device's clock said; of those by the
    first key only.
    """
    return {device: own[-1] for device, (own, _) in sorted(_certificates(connection, study).items())}


def _certificates(connection: Connection, study: str) -> dict[str, tuple[list[Calibration], list[Calibration]]]:
    """Return the certificates of each device: those by its first key, oldest first, and those by any other."""
    t = certificate.c
    told = (t.site, t.device, t.certificate_id, t.previous_certificate_id, t.made_at, t.due_at, t.simulated)
    query = select(*told, t.failed_steps, t.missing_steps, t.public_key).where(t.study == study).order_by(t.id)
    of_device: dict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(query):
        of_device[row.device].append(row)
    return {device: _told_apart(rows) for device, rows in of_device.items()}


def _told_apart(rows: Sequence[Any]) -> tuple[list[Calibration], list[Calibration]]:
    """`rows` as they came in: the first one's key is the device's. One by another key may be named by its next one."""
    key = rows[0].public_key
    in_chain = in_order(rows, lambda row: row.certificate_id, lambda row: row.previous_certificate_id)
    ordered = [row for row in in_chain if row.public_key == key]
    other = [row for row in in_chain if row.public_key != key]
    followed = [*(row.made_at for row in ordered[1:]), None]
    foreign = tuple(row.certificate_id for row in other)
    return (
        [_calibration(row, at, foreign) for row, at in zip(ordered, followed, strict=True)],
        [_calibration(row, None, foreign) for row in other],
    )


def _calibration(row: Any, followed_at: datetime | None, foreign: tuple[str, ...]) -> Calibration:
    problem = problem_of(row.failed_steps, row.missing_steps)
    told = (row.site, row.device, row.certificate_id, row.made_at, row.due_at, row.simulated)
    return Calibration(*told, problem, followed_at, foreign)


def named(connection: Connection, study: str, site: str | None = None, *, simulated: bool = True) -> list[Named]:
    """Return the certificates that the refill readings of a study name, of one site or of all.

    `simulated`: whether simulated readings count; those that name none never do, since nobody was measured. A photo of
    the leg does not come from the probe's camera.
    """
    r = reading.c
    query = select(
        *(r.site, r.device, r.calibration_id, func.count().label("readings"), func.min(r.reading_id).label("first_id")),
        func.sum(case((r.simulated, 0), else_=1)).label("real"),
        func.min(r.measured_at).label("first_at"),
        func.max(r.measured_at).label("last_at"),
        func.min(r.received_at).label("received_at"),
    ).where(r.study == study, or_(r.calibration_id.is_not(None), ~r.simulated))
    if site is not None:
        query = query.where(r.site == site)
    if not simulated:
        query = query.where(~r.simulated)
    order = (r.site, r.device, r.calibration_id)
    there = {
        (device, each.certificate_id): each
        for device, (own, other) in _certificates(connection, study).items()
        for each in (*own, *other)
    }
    device_of = {certificate_id: device for device, certificate_id in sorted(there, reverse=True)}
    return [
        Named(
            *(row.site, row.device, row.calibration_id, row.readings, int(row.real), row.first_id),
            *(row.first_at, row.last_at, row.received_at),
            there.get((row.device, row.calibration_id)),
            device_of.get(row.calibration_id),
        )
        for row in connection.execute(query.group_by(*order).order_by(*order))
    ]


def told_of(connection: Connection, study: str, device: str, certificate_id: str) -> str:
    """Return in a few words what the trial has of a certificate that a reading of `device` names."""
    t = certificate.c
    query = select(t.device, t.due_at, t.failed_steps, t.missing_steps)
    query = query.where(t.study == study, t.certificate_id == certificate_id)
    # Another device's is told of only where its own has not come in.
    row = connection.execute(query.order_by(t.device != device, t.device).limit(1)).one_or_none()
    if row is None:
        return "has not come in"
    return f"of {row.device}, {problem_of(row.failed_steps, row.missing_steps) or 'passed'}, due {row.due_at:%Y-%m-%d}"


def problem_of(failed_steps: str, missing_steps: str) -> str | None:
    """Return in a few words why a certificate was never in force, None where it was."""
    if failed_steps:
        return f"failed: {failed_steps}"
    return f"incomplete: {missing_steps}" if missing_steps else None
