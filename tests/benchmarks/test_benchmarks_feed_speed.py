"""The speed of the feed: the peer does the same inserts, the page says what was measured, and a short round runs."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks import feed_speed, feed_speed_bare, feed_speed_report
from benchmarks.feed_records import sealed
from benchmarks.feed_speed import Speed
from benchmarks.feed_speed_devices import Load
from benchmarks.servers import MissingError, found
from contract.reading import Reading
from firmware_config.loading import load_named
from firmware_config.study import Study
from trial import rows, tables
from trial.judge import Accepted, judge


def figures(bare_per_s: float = 2000.0) -> Speed:
    speed = Speed(500, 4000, [bare_per_s] * 3, {1: [1500.0, 1400.0, 1600.0], 2: [1700.0] * 3, 4: [1600.0] * 3})
    latencies_s = [0.010 + 0.0001 * number for number in range(100)]
    speed.loads = [
        Load(10, 24, 100, latencies_s, 100),
        Load(400, 6, 100, latencies_s, 99),
        Load(800, 6, 200, [1.0 + 0.02 * number for number in range(100)], 50),
    ]
    speed.journalled, speed.journal_s = 2, [0.2, 0.3]
    return speed


def test_the_peer_puts_the_same_rows_into_the_same_tables() -> None:
    [(_, envelope)] = sealed(1)
    payload, now = envelope.model_dump_json().encode(), datetime.now(UTC)
    verdict = judge("refill/v1/demo/00/bedside-1/reading", payload, load_named("studies", "demo", Study))
    assert isinstance(verdict, Accepted)
    record = verdict.record
    assert isinstance(record, Reading)
    whole = rows.reading_row(verdict, record, now)
    both = [{name: whole[name] for name in whole if name in table.c} for table in (tables.record, tables.reading)]
    ours = [[both[0]], [both[1]], rows.press_rows(record)]
    peers = feed_speed_bare.rows_of([(1, payload, now)])
    for statement, own, peer in zip(feed_speed_bare.INSERTS, ours, peers, strict=False):
        names = statement.split("(")[1].split(")")[0].split(", ")
        assert [set(row) for row in own] == [set(names)] * len(own)
        for mine, theirs in zip(own, peer, strict=True):
            told = {name: value for name, value in zip(names, theirs, strict=True) if not name.endswith("_at")}
            assert told == {name: mine[name] for name in told}
    assert [len(each) for each in peers] == [1, 1, 3, 1]


def test_the_figures_are_held_against_their_targets() -> None:
    assert [verdict.met for verdict in figures().verdicts()] == [True, True, True]
    assert [verdict.met for verdict in figures(bare_per_s=2500.0).verdicts()] == [False, True, True]
    lost = figures()
    lost.loads[0].latencies_s = lost.loads[0].latencies_s[:99]
    lost.journal_s.pop()
    assert [verdict.met for verdict in lost.verdicts()] == [True, False, False]


@pytest.mark.parametrize(
    ("load", "carried"),
    [
        (Load(10, 6, 60, [0.01] * 60, 60), True),
        (Load(10, 6, 60, [0.01] * 60, 56), False),
        (Load(10, 6, 60, [0.01] * 57 + [2.5] * 3, 60), False),
        (Load(10, 6, 60, [0.01] * 60, 60, late_s=1.5), False),
        (Load(10, 6, 60), False),
    ],
)
def test_a_load_is_carried_where_nothing_piles_up(load: Load, carried: bool) -> None:
    assert load.carried is carried


@pytest.mark.slow
def test_the_page_is_made_of_its_own_figures(tmp_path: Path) -> None:
    feed_speed_report.write(figures(), tmp_path, "--rounds 3", 60.0)
    page = (tmp_path / "feed-speed.md").read_text(encoding="utf-8")
    assert "takes 1500 readings a second into PostgreSQL, 0.75 of" in page
    assert "2 ingesters 1.13 times, 4 ingesters 1.07 times" in page
    assert "carries 400 a second and ends before 800" in page
    assert "within 15 ms of the publish and 99 % within 20 ms" in page
    assert "NOT MET" not in page
    assert "| 800 | 200 | 100 | 1990.0 | 2980.0 | NO |" in page
    assert (tmp_path / "feed-speed.png").stat().st_size > 5000


def needed(name: str, *places: str) -> None:
    """Skip here, and fail where CI is set, without a program that a round needs."""
    try:
        found(name, *places)
    except MissingError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.mark.slow
def test_a_short_round_on_real_servers() -> None:
    needed("mosquitto", "/usr/sbin/mosquitto")
    needed("initdb", *map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")))
    speed = feed_speed.measure(1, 20, 200, 0.5, steps=(40.0,))
    assert [load.asked_per_s for load in speed.loads] == [feed_speed.REALISTIC_PER_S, 40.0]
    # A round's first load is so small that it is answered whole; how fast, `make feed-speed` says.
    assert all(load.sent > 0 for load in speed.loads)
    assert speed.loads[0].answered == speed.loads[0].sent
    assert len(speed.journal_s) == speed.journalled > 0
    assert len(speed.bare_per_s) == len(speed.ingest_per_s[4]) == 1
