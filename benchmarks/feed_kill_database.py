"""The campaign's PostgreSQL: killed, started again over what a killed one leaves, held in the middle of a commit.

The server is a child of the campaign, so that its end is seen at once, and nothing of it lingers under its number.
"""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.servers import PostgreSQL, Program, found, wait_for

START_S: float = 30.0
AGAIN_S: float = 0.1
NOBODY: str = "nobody"
"""A standby that there is not: a commit that waits for it is on the disk, and its client has not heard so."""


class DatabaseError(Exception):
    """PostgreSQL does not come up again, or does not answer."""


class Server(Program):
    """PostgreSQL's first process in the foreground. As root, it runs as user postgres."""

    def __init__(self, folder: Path) -> None:
        # Of the same version as `PostgreSQL` has made the data with.
        made_with = found("initdb", *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))[-1:]))
        settings = ("listen_addresses=", f"unix_socket_directories={folder}", "shared_buffers=16MB")
        command = [str(Path(made_with).with_name("postgres")), "-D", str(folder / "data")]
        super().__init__([*command, *(part for setting in settings for part in ("-c", setting))], folder / "log")
        self._who: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []}

    def start(self) -> "Server":
        """Start it; it recovers first, where it was killed."""
        with self.log.open("ab") as log:
            who = self._who if os.geteuid() == 0 else {}
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log, cwd=self.log.parent, **who)
        return self

    def stop(self) -> None:
        """End it at once, without a checkpoint."""
        self._end(signal.SIGQUIT)


class Database:
    """One server. What is asked of it while it is away is answered with None."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.url = PostgreSQL(folder).url
        self._server = Server(folder)
        self._connection: psycopg.Connection[Any] | None = None
        self.holds = False
        """Whether commits are held."""

    @property
    def runs(self) -> bool:
        """Whether its first process is there."""
        return self._server.runs

    @property
    def answers(self) -> bool:
        """Whether it takes questions, as it does not before it has recovered."""
        return self.ask("SELECT 1") is not None

    def last_words(self) -> str:
        """Return what it has printed so far."""
        return self._server.text()

    def begin(self) -> None:
        """Begin to start it, and do not wait for it."""
        self._server.start()

    def start(self) -> None:
        """Start it where it does not run, again and again: processes of a killed one may still hold its memory.

        Raises `DatabaseError` where it does not answer in time.
        """
        until_s = time.monotonic() + START_S
        while True:
            if not self.runs:
                self.begin()
            if wait_for(lambda: self.answers or not self.runs, until_s - time.monotonic(), 0.01) and self.runs:
                break
            if time.monotonic() > until_s:
                raise DatabaseError(f"PostgreSQL does not start: {self.last_words()[-500:]}")
            time.sleep(AGAIN_S)
        if self.holds:
            self.release()

    def kill(self) -> None:
        """SIGKILL its first process; the others see that and end by themselves."""
        self._server.kill()

    def kill_backend(self, name: str) -> bool:
        """SIGKILL the process that serves a client; False where it serves it none. The server then starts afresh."""
        rows = self.ask("SELECT pid FROM pg_stat_activity WHERE application_name = %s", name)
        if not rows:
            return False
        os.kill(rows[0][0], signal.SIGKILL)
        return True

    def hold_commits(self) -> None:
        """Let every commit wait from now on, when it is on the disk and before its client hears of it."""
        self.holds = True
        self.ask(f"ALTER SYSTEM SET synchronous_standby_names = '{NOBODY}'")
        self.ask("SELECT pg_reload_conf()")

    def held(self) -> str | None:
        """Return a client whose commit waits."""
        rows = self.ask("SELECT application_name FROM pg_stat_activity WHERE wait_event = 'SyncRep' LIMIT 1")
        return str(rows[0][0]) if rows else None

    def release(self) -> None:
        """Let commits end again; raises `DatabaseError` where the server does not take that in time."""
        if not wait_for(self._released, START_S):
            raise DatabaseError(f"PostgreSQL does not answer: {self.last_words()[-500:]}")
        self.holds = False

    def _released(self) -> bool:
        reset = self.ask("ALTER SYSTEM RESET synchronous_standby_names")
        return reset is not None and self.ask("SELECT pg_reload_conf()") is not None

    def newest(self) -> int | None:
        """Return a number that grows with each reading stored; None while it does not answer, or has no tables."""
        rows = self.ask("SELECT COALESCE(MAX(id), 0) FROM reading")
        return int(rows[0][0]) if rows else None

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]] | None:
        """Return the rows of an answer, or None where there is none."""
        try:
            if self._connection is None:
                self._connection = psycopg.connect(self.url, autocommit=True, connect_timeout=2)
            cursor = self._connection.execute(query, values or None)
            return cursor.fetchall() if cursor.description is not None else []
        except psycopg.Error:
            self.close()
            return None

    def close(self) -> None:
        """End the connection; the next question makes a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def stop(self) -> None:
        """End the server, whatever its state."""
        self.close()
        if self.runs:
            self._server.stop()
