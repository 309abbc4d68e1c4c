"""The data managers' page as its tests see it: a study of two sites, accounts, the process, a faceless browser."""

import http.client
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

from sqlalchemy import Engine
from trial_bench import STUDY, Program, free_port, journal, listening, mottling_reading, reading, refill_trial

from contract.topics import Topic
from trial.accounts import Account, open_account
from trial.database import open_database, upgrade
from trial.judge import judge
from trial.store import Arrival, store

SECRET = "seven blue horses"  # noqa: S105 - of a test's accounts
STUDY_FILE = """name = "demo"
title = "A study of two sites <b>"
sites = ["00", "01"]
accept_simulated = true
events = ["inclusion", "hour-1"]

[[expected]]
event = "inclusion"
readings = ["finger", "knee", "mottling"]

[[expected]]
event = "hour-1"
readings = ["finger"]
after = "inclusion"
from_h = 0.5
to_h = 2.0
"""
ACCOUNTS = (("dm", "data_manager", None), ("s01", "site", "01"), ("mon", "monitor", "00"), ("gone", "site", "00"))


class Visitor:
    """A browser without a face: one session's cookie."""

    def __init__(self, port: int) -> None:
        self.port, self.cookie = port, ""
        self.headers: dict[str, str] = {}

    def ask(self, path: str, method: str = "GET", body: str = "", **headers: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body, {"Cookie": self.cookie, **headers})
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        if cookie := answer.getheader("set-cookie"):
            self.cookie = cookie.partition(";")[0]
        self.headers = {name.lower(): value for name, value in answer.getheaders()}
        connection.close()
        return answer.status, text

    def send(self, path: str, **fields: str) -> int:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask(path, "POST", urlencode(fields), **form)[0]

    def sign_in(self, account: str, password: str = SECRET) -> int:
        return self.send("/login", account=account, password=password)


def after_a_while(visitor: Visitor, path: str, word: str) -> str:
    """What a page shows once it has been computed; a word that has to stand in it by then."""
    page = ""
    for _ in range(100):
        page = visitor.ask(path)[1]
        if word in page:
            return page
        time.sleep(0.2)
    raise AssertionError(page[-3000:])


def records_of(site: str) -> list[Arrival]:
    """Three numbers, a refusal and a score, from a device of a site."""
    place = {"site": site, "device": f"bed-{site}", "event": "inclusion"}
    kept = [reading(seq, **place) for seq in (1, 2, 3)]
    sent = journal(*kept, reading(4, crt_s=None, **place), mottling_reading(5, **place))
    topic = str(Topic("demo", site, f"bed-{site}", "reading"))
    return [Arrival(topic, each, datetime.now(UTC), judge(topic, each, STUDY)) for each in sent]


def fill(place: Path) -> Engine:
    """Write the study and its database into a folder."""
    (place / "studies").mkdir()
    (place / "studies/demo.toml").write_text(STUDY_FILE, encoding="utf-8")
    engine = open_database(str(place / "trial.sqlite3"))
    upgrade(engine)
    for site in ("00", "01"):
        outcomes = store(engine, records_of(site), datetime.now(UTC))
        assert [outcome.kind for outcome in outcomes] == ["stored"] * 5
    for name, role, only in ACCOUNTS:
        open_account(engine, STUDY, Account("demo", name, role, only), SECRET, actor="lead", why="a test")
    return engine


@contextmanager
def served(place: Path, **env: str) -> Iterator[int]:
    """Serve the page of a filled folder; yields its port."""
    port = free_port()
    text = f'study = "demo"\ndatabase = "{place / "trial.sqlite3"}"\n[page]\nport = {port}\n'
    (place / "trial.toml").write_text(text, encoding="utf-8")
    server = Program(refill_trial("serve", "--config", str(place)), place / "serve.log", env).start()
    try:
        listening(port, 30)
        yield port
    finally:
        ended = server.terminate()
    assert ended in (0, -15), server.text()  # after its end in order, the server gives the signal on
