"""Queries that the data open and people answer, and coded reasons: each kept once, and only added to."""

from datetime import timedelta
from pathlib import Path

import pytest
from feed_bench import keep
from sqlalchemy import Engine, func, select
from trial_bench import NOON, journal, new_database, reading
from typer.testing import CliRunner

from firmware_config.study import Study
from refill.trial_cli import app
from trial.judge import judge
from trial.schedule.asked import AskedError, code_missing, open_by_hand, open_findings, queries, say, with_reasons
from trial.schedule.findings import findings
from trial.schedule.stored import schedules
from trial.store import Arrival, store
from trial.tables import audit, query_event

STUDY = Study.model_validate(
    {
        "name": "demo",
        "title": "demo",
        "sites": ["00", "01"],
        "accept_simulated": True,
        "events": ["inclusion", "day-1"],
        "expected": [
            {"event": "inclusion", "readings": ["finger"]},
            {"event": "day-1", "readings": ["finger"], "after": "inclusion", "from_h": 12, "to_h": 36},
        ],
    }
)


@pytest.fixture
def filled(tmp_path: Path) -> Engine:
    engine = new_database(tmp_path / "trial.db")
    unclear = reading(3).model_dump(mode="json")
    moment = unclear["measured"] | {"clock_synchronised": False}
    records = [
        reading(1, event="inclusion", crt_s=2.0),
        reading(2, event="day-1", crt_s=2.1),
        reading(3, event="inclusion", crt_s=8.0, measured=moment),
        reading(4, event="inclusion", crt_s=7.0, crt_spread=0.8),
        reading(5),
    ]
    sent = journal(*records)
    topic = "refill/v1/demo/00/bedside-1/reading"
    now = NOON + timedelta(days=2)
    store(engine, [Arrival(topic, each, now, judge(topic, each, STUDY)) for each in (*sent[:3], sent[3])], now)
    keep(engine, reading(1, event="inclusion", device="bedside-2", site="01"), study=STUDY)
    return engine


def found_codes(engine: Engine, site: str | None = None) -> set[tuple[str, str]]:
    with engine.connect() as connection:
        return {(each.site, each.code) for each in findings(connection, STUDY, NOON + timedelta(days=5), site)}


def test_the_data_ask_and_one_site_hears_only_its_own(filled: Engine) -> None:
    asked = {"late", "out-of-window", "clock", "press-disagreement", "implausible-change"}
    assert found_codes(filled) == {("00", code) for code in asked}
    assert found_codes(filled, "01") == set()


def test_a_gap_is_asked_about_at_its_site(filled: Engine) -> None:
    sent = journal(*(reading(seq, device="bedside-3", site="01", event="inclusion") for seq in (1, 2, 3)))
    topic = "refill/v1/demo/01/bedside-3/reading"
    store(filled, [Arrival(topic, each, NOON, judge(topic, each, STUDY)) for each in (sent[0], sent[2])], NOON)
    assert found_codes(filled, "01") == {("01", "gap")}


def test_run_again_nothing_is_asked_twice_even_when_closed(filled: Engine) -> None:
    with filled.connect() as connection:
        found = findings(connection, STUDY, NOON)
    assert open_findings(filled, "demo", found, NOON, actor="refill") == len(found) > 0
    say(filled, "demo", 1, "closed", "seen", NOON, actor="dm-1", site=None)
    assert open_findings(filled, "demo", found, NOON, actor="refill") == 0
    with filled.connect() as connection:
        assert [each.action for each in queries(connection, "demo")].count("closed") == 1


def test_a_query_is_answered_and_closed_and_every_step_stays(filled: Engine) -> None:
    number = open_by_hand(filled, "demo", "00", "was it the left side?", NOON, actor="dm-1")
    say(filled, "demo", number, "answered", "it was", NOON, actor="n12", site="00")
    with pytest.raises(AskedError, match="no query 1 in study demo at site 01"):
        say(filled, "demo", number, "closed", "fine", NOON, actor="dm-1", site="01")
    say(filled, "demo", number, "closed", "fine", NOON, actor="dm-1", site=None)
    with pytest.raises(AskedError, match="is closed and cannot be answered"):
        say(filled, "demo", number, "answered", "again", NOON, actor="n12", site=None)
    with filled.connect() as connection:
        steps = list(connection.execute(select(query_event.c.action).order_by(query_event.c.id)).scalars())
        noted = connection.execute(select(func.count()).where(audit.c.action.like("query %"))).scalar_one()
        assert queries(connection, "demo", "01") == []
    assert steps == ["opened", "answered", "closed"]
    assert noted == 3


def test_a_coded_reason_stands_at_what_is_missing_and_the_last_one_counts(filled: Engine) -> None:
    for code in ("not_done", "device_failed"):
        code_missing(filled, "demo", ("01", "7"), "day-1", "finger", code, NOON, actor="dm-1")
    with pytest.raises(AskedError, match="one of not_done"):
        code_missing(filled, "demo", ("01", "7"), "day-1", "finger", "lazy", NOON, actor="dm-1")
    with filled.connect() as connection:
        found = with_reasons(connection, "demo", schedules(connection, STUDY, NOON + timedelta(days=5)))
    whys = {(slot.subject[0], slot.event): slot.why for one in found for slot in one.slots}
    assert whys["01", "day-1"] == "device_failed"
    assert whys["00", "inclusion"] is None


@pytest.mark.slow
def test_the_commands_ask_answer_and_list(filled: Engine, tmp_path: Path) -> None:
    options = ["--study", "demo", "--database", str(tmp_path / "trial.db")]

    def said(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["queries", *arguments, *options])
        assert done.exit_code == 0, done.output
        return done.output

    assert "new queries" in said("run")
    assert ", 0 new queries" in said("run")
    assert "is open" in said("open", "--site", "00", "--question", "left side?", "--actor", "dm-1")
    assert "query 1 is answered" in said("answer", "1", "--why", "yes", "--actor", "n12")
    assert "query 1 is closed" in said("close", "1", "--why", "fine", "--actor", "dm-1")
    assert "1 closed 00-7" in said("list")
    assert CliRunner().invoke(app, ["queries", "list", *options, "--site", "13"]).exit_code == 2
