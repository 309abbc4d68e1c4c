"""How complete the study is, computed beside the page: every reading is looked at, which takes longer than a page may.

A page shows what was found last, and when; asking for it has it computed anew where it is older than a minute.
"""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from firmware_config.study import Study
from trial.crf_files import AlteredError
from trial.schedule.asked import with_reasons
from trial.schedule.rules import Schedule
from trial.schedule.stored import schedules

FRESH: timedelta = timedelta(minutes=1)
PATIENCE_S: float = 0.6
"""A page waits for so long for a first answer."""


@dataclass(frozen=True)
class Found:
    """The schedules of every subject as they stood at `at`, or in one sentence why there are none."""

    schedules: tuple[Schedule, ...] = ()
    at: datetime | None = None
    trouble: str | None = None


class Standing:
    """Computes in a thread of its own, one at a time. Any thread may ask."""

    def __init__(self, engine: Engine, study: Study) -> None:
        self._engine = engine
        self._study = study
        self._lock = threading.Lock()
        self._working: threading.Thread | None = None
        self._found = Found()

    def latest(self, *, anew: bool = False) -> Found:
        """Return what was found last; `anew`: something was changed just now, so it is looked at again."""
        with self._lock:
            old = self._found.at is None or datetime.now(UTC) - self._found.at > FRESH
            if (anew or old) and (self._working is None or not self._working.is_alive()):
                self._working = threading.Thread(target=self._work, name="completeness", daemon=True)
                self._working.start()
            working = self._working
        if working is not None:
            working.join(PATIENCE_S)
        return self._found

    def _work(self) -> None:
        now = datetime.now(UTC)
        try:
            with self._engine.connect() as connection:
                found = with_reasons(connection, self._study.name, schedules(connection, self._study, now))
            self._found = Found(tuple(found), now)
        except AlteredError as error:
            self._found = Found(self._found.schedules, now, str(error))
        except SQLAlchemyError:
            self._found = Found(self._found.schedules, now, "the database does not answer")
