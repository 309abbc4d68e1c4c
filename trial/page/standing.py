"""How complete the study is, computed beside the page: every reading is looked at, which takes longer than a page may.

A page shows what was found last, and when; asking for it has it computed anew where it is older than a minute.
"""

import json
import pickle
import subprocess
import sys
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from firmware_config.study import Study
from trial.page.counted import Counted
from trial.page.counting import ALTERED

FRESH: timedelta = timedelta(minutes=1)
PATIENCE_S: float = 0.6
"""A page waits for so long for a first answer."""
LONGEST_S: float = 600.0
"""A count that takes longer is ended: something holds it."""


@dataclass(frozen=True)
class Found:
    """What was found last, and in one sentence why there is nothing newer."""

    counted: Counted | None = None
    trouble: str | None = None
    looked_at: datetime | None = None


class Standing:
    """Has it computed by a process of its own, one at a time. Any thread may ask."""

    def __init__(self, engine: Engine, study: Study) -> None:
        self._database = engine.url.render_as_string(hide_password=False)
        self._study = study
        self._lock = threading.Lock()
        self._working: threading.Thread | None = None
        self._found = Found()

    def latest(self) -> Found:
        """Return what was found last."""
        with self._lock:
            looked_at = self._found.looked_at
            old = looked_at is None or datetime.now(UTC) - looked_at > FRESH
            if old and (self._working is None or not self._working.is_alive()):
                self._working = threading.Thread(target=self._work, name="completeness", daemon=True)
                self._working.start()
            working = self._working
        if working is not None and self._found.counted is None:
            working.join(PATIENCE_S)
        return self._found

    def _work(self) -> None:
        now = datetime.now(UTC)
        asked = json.dumps({"database": self._database, "study": self._study.model_dump(mode="json")})
        # -P: nothing that lies in the working folder is taken for a module.
        command = [sys.executable, "-P", "-m", "trial.page.counting"]
        try:
            done = subprocess.run(
                command, input=f"{asked}\n".encode(), capture_output=True, timeout=LONGEST_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            self._found = replace(self._found, trouble=f"it cannot be computed: {type(error).__name__}", looked_at=now)
            return
        if done.returncode == 0:
            self._found = Found(pickle.loads(done.stdout), None, now)  # noqa: S301 - written by this program itself
            return
        said = done.stderr.decode("utf-8", "replace").strip() if done.returncode == ALTERED else ""
        self._found = replace(self._found, trouble=said or "the database does not answer", looked_at=now)
