"""What each subject owes and has, in a form that goes from one process to another quickly."""

import pickle
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from firmware_config.study import Study
from trial.schedule.rules import Schedule, Subject
from trial.schedule.stored import schedules


@dataclass(frozen=True)
class Counted:
    """What each subject owes and has. The schedules stay pickled one by one: a page looks into one of them."""

    at: datetime
    states: dict[Subject, Counter[str]]
    pickled: dict[Subject, bytes]

    def schedule(self, subject: Subject) -> Schedule | None:
        """Return the schedule of one subject, None where there is no such subject."""
        kept = self.pickled.get(subject)
        if kept is None:
            return None
        found: Schedule = pickle.loads(kept)  # noqa: S301 - written by this program's own process
        return found


def count(connection: Connection, study: Study, now: datetime) -> Counted:
    """Return what each subject with a reading owes and has; raises `AlteredError` and SQLAlchemy's errors."""
    found = schedules(connection, study, now)
    states = {one.subject: Counter(str(slot.state) for slot in one.slots) for one in found}
    return Counted(now, states, {one.subject: pickle.dumps(one) for one in found})
