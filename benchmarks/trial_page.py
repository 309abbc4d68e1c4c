"""How fast the data managers' page answers over 100,000 readings, and what its process holds.

`python -m benchmarks.trial_page --readings 100000` fills a SQLite database through the ingester's own judge and store,
serves the page as a process, and asks for each of its pages by turns as a signed-in data manager, beside the floor: the
one query that counts the readings. Before that it asks for completeness, which looks at every reading, and for the
devices again and again until it is there. One reading has the traces of its presses: its curves are asked for once
anew, all at once, and the first page of readings meanwhile. It writes `docs/evidence/trial-page.md` and ends with 1
where a page took a second.
"""

import argparse
import http.client
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from sqlalchemy import Engine, func, select

from benchmarks.bedside_report import machine
from benchmarks.servers import Program, answers, free_port, refill, wait_for
from benchmarks.trial_curves import with_curves
from benchmarks.trial_readings import fill, one_more
from firmware_config.study import Study
from trial.accounts import Account, open_account
from trial.database import open_database, upgrade
from trial.tables import reading

EVIDENCE = Path("docs/evidence/trial-page.md")
SECRET = "a benchmark's own words"  # noqa: S105 - of a database that is thrown away
LIMIT_S = 1.0
STUDY = Study(
    name="page-speed",
    title="Speed of the page",
    sites=[f"{number:02d}" for number in range(1, 33)],
    accept_simulated=True,
    devices="any",
    events=["inclusion", *(f"day-{number}" for number in range(1, 8))],
)
WHILE = "devices, while completeness is computed"
WHILE_DRAWN = "readings, first page, while curves are drawn"
READING, CURVE = "a reading of 3 presses with curves", "one of its curves, drawn before"
PRESSES = 3
PAGES = {
    "overview": "/",
    "readings, first page": "/readings",
    "readings, page 1,000": "/readings?page=1000",
    "readings of one site": "/readings?site=12",
    "readings, one subject": "/readings?site=12&inclusion=0003",
    "readings not measurable": "/readings?status=not_measurable",
    "completeness": "/completeness",
    "completeness of one site": "/completeness?site=12",
    "queries": "/queries",
    "devices": "/devices",
    "audit trail": "/audit",
}


@dataclass
class Measured:
    """Seconds of each answer, by page, and of the floor; `counting_s`: until completeness was there; MiB of memory.

    `curves`: seconds until each curve of a reading was there, asked for at once.
    """

    pages: dict[str, list[float]]
    floor: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    counting_s: float = 0.0
    curves: list[float] = field(default_factory=list)
    filled_s: float = 0.0


def run(readings: int, rounds: int) -> Measured:
    """Fill a database, serve the page, and ask."""
    with tempfile.TemporaryDirectory(prefix="page-") as folder:
        place = Path(folder)
        engine = open_database(str(place / "trial.sqlite3"))
        upgrade(engine)
        begun_s = time.monotonic()
        fill(engine, STUDY, readings)
        filled_s = time.monotonic() - begun_s
        chosen = with_curves(engine, STUDY, place, one_more(STUDY, "bed-with-curves"), PRESSES)
        open_account(engine, STUDY, Account(STUDY.name, "dm", "data_manager", None), SECRET, actor="lead", why="speed")
        found = _asked(place, engine, str(chosen.reading_id), rounds)
        found.filled_s = filled_s
        engine.dispose()
    return found


def _asked(place: Path, engine: Engine, with_curves_id: str, rounds: int) -> Measured:
    port = free_port()
    curves = [f"/curves/{with_curves_id}/{number}.svg" for number in range(1, PRESSES + 1)]
    pages = PAGES | {READING: f"/readings/{with_curves_id}", CURVE: curves[0]}
    (place / "studies").mkdir()
    sites, events = (str(each).replace("'", '"') for each in (STUDY.sites, STUDY.events))
    expected = "".join(f'[[expected]]\nevent = "{event}"\nreadings = ["finger", "knee"]\n' for event in STUDY.events)
    named = f'name = "{STUDY.name}"\ntitle = "{STUDY.title}"\nsites = {sites}\nevents = {events}\n'
    text = f"{named}accept_simulated = true\n{expected}"
    (place / f"studies/{STUDY.name}.toml").write_text(text, encoding="utf-8")
    config = f'study = "{STUDY.name}"\ndatabase = "{place / "trial.sqlite3"}"\n[page]\nport = {port}\n'
    (place / "trial.toml").write_text(config, encoding="utf-8")
    command = refill("trial", "serve", "--study", STUDY.name, "--config", str(place))
    server = Program(command, place / "serve.log").start()
    try:
        if not wait_for(lambda: answers(port), 30):
            raise SystemExit(f"the page does not answer: {server.text()[-300:]}")
        ask = _signed_in(port)
        found = Measured({WHILE: [], WHILE_DRAWN: [], **{name: [] for name in pages}}, memory=[_rss_mb(server)])
        begun_s = time.monotonic()
        while "as it stood" not in ask("/completeness"):
            found.pages[WHILE].append(_timed(partial(ask, "/devices")))
        found.counting_s = time.monotonic() - begun_s
        _draw(ask, curves, found)
        for number in range(rounds):
            for name, path in pages.items():
                found.pages[name].append(_timed(partial(ask, path)))
            found.floor.append(_timed(lambda: _count(engine)))
            sys.stderr.write(f"\rround {number + 1} of {rounds}")
        sys.stderr.write("\n")
        found.memory.append(_rss_mb(server))
        return found
    finally:
        server.terminate()


def _draw(ask: Callable[[str], str], curves: list[str], found: Measured) -> None:
    """Ask for every curve at once, and for the readings until they are there."""
    with ThreadPoolExecutor(len(curves)) as visitors:
        asked = [visitors.submit(_timed, partial(ask, path)) for path in curves]
        while not all(each.done() for each in asked):
            found.pages[WHILE_DRAWN].append(_timed(partial(ask, "/readings")))
        found.curves = sorted(each.result() for each in asked)


def _signed_in(port: int) -> Callable[[str], str]:
    def request(method: str, path: str, body: str, headers: dict[str, str]) -> tuple[http.client.HTTPResponse, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        connection.close()
        return answer, text

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    entered, _ = request("POST", "/login", urlencode({"account": "dm", "password": SECRET}), form)
    cookie = (entered.getheader("set-cookie") or "").partition(";")[0]

    def ask(path: str) -> str:
        answer, text = request("GET", path, "", {"Cookie": cookie})
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status}")
        return text

    return ask


def _timed(work: Callable[[], object]) -> float:
    begun_s = time.perf_counter()
    work()
    return time.perf_counter() - begun_s


def _count(engine: Engine) -> int:
    with engine.connect() as connection:
        query = select(func.count()).select_from(reading).where(reading.c.study == STUDY.name)
        return int(connection.execute(query).scalar_one())


def _rss_mb(program: Program) -> float:
    assert program.process is not None
    status = Path(f"/proc/{program.process.pid}/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def main() -> int:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readings", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--out", type=Path, default=EVIDENCE)
    asked = parser.parse_args()
    begun_s = time.monotonic()
    found = run(asked.readings, asked.rounds)
    pages = {name: each for name, each in found.pages.items() if each}
    bare_s = statistics.median(found.floor)
    met = all(max(each) < LIMIT_S for each in pages.values())
    lines = [
        "# How fast the data managers' page answers\n",
        "Written by the command below, not by hand. A SQLite database filled through the ingester's own judge and",
        f"store: 32 sites, {asked.readings:,} readings. The page is a process of its own, asked over loopback by a",
        "signed-in data manager, whole answers. The floor is the one query that counts the readings.\n",
        f"```\npython -m benchmarks.trial_page --readings {asked.readings} --rounds {asked.rounds}\n```\n",
        machine(time.monotonic() - begun_s) + "\n",
        f"- {'met     ' if met else 'NOT MET '} every page in less than {LIMIT_S:g} s, each time\n",
        "| page | median, ms | longest, ms | times the floor |",
        "| --- | --- | --- | --- |",
        *(
            f"| {name} | {1000 * statistics.median(each):.0f} | {1000 * max(each):.0f} | "
            f"{statistics.median(each) / bare_s:.1f} |"
            for name, each in pages.items()
        ),
        f"| floor: one counting query | {1000 * bare_s:.1f} | {1000 * max(found.floor):.1f} | 1 |\n",
        f"Completeness was there {found.counting_s:.1f} s after it was first asked for; the devices were asked for",
        f"{len(found.pages[WHILE])} times meanwhile. A process of its own computes it, and gives way to others.",
        f"The curves of a reading's {PRESSES} presses, asked for at once and for the first time, were there after",
        f"{', '.join(f'{each:.2f}' for each in found.curves)} s: each is an analysis; their process starts with them.",
        f"Memory of the page's process: {found.memory[0]:.0f} MiB signed in, {found.memory[1]:.0f} MiB at the end.",
        f"The database was filled in {found.filled_s:.0f} s: {asked.readings / found.filled_s:.0f} readings a second.",
    ]
    asked.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.stderr.write("".join(f"{line}\n" for line in lines if line.startswith(("- ", "| "))))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
