"""Frozen data as the page, the feeds and the list of amendments show them; and that the page changes nothing there."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from feed_bench import DONE, LATER, STUDY, keep, small_trial
from lxml import etree
from page_bench import Visitor, after_a_while, fill, served
from sqlalchemy import Engine
from test_trial_feed_fhir import exported
from test_trial_feed_odm import KINDS, ODM, SCHEMA
from test_trial_feed_odm import exported as odm
from trial_bench import NOON, corrected, new_database, reading
from typer.testing import CliRunner

from refill.trial_cli import app
from trial.amendments import queries
from trial.crf.fhir import RELEASES
from trial.freezing import change
from trial.schedule.asked import open_by_hand

SAID = "frozen since 2026-11-23 13:00:00Z by dm-1"


def test_odm_says_of_a_frozen_subject_that_it_is_and_stays_valid(engine: Engine, tmp_path: Path) -> None:
    small_trial(engine)
    change(engine, "demo", ("00", "7"), "frozen", LATER, actor="dm-1", why="clean & <whole>")
    change(engine, "demo", ("00", None), "frozen", LATER, actor="dm-1", why="site done")
    schema = etree.XMLSchema(etree.parse(SCHEMA))
    for kind in KINDS:
        root = odm(engine, tmp_path / "odm.xml", kind)
        schema.assertValid(root.getroottree())
        said = {
            subject.get("SubjectKey"): [each.text for each in subject.iter(f"{ODM}Comment")]
            for subject in root.iter(f"{ODM}SubjectData")
            if subject.findall(f"{ODM}StudyEventData/{ODM}FormData/{ODM}ItemGroupData/{ODM}ItemData")
        }
        both = [f"site 00 is {SAID}: site done", f"subject 00-7 is {SAID}: clean & <whole>"]
        assert said == {"00-7": both, "01-7": []}


@pytest.mark.slow
def test_fhir_tags_what_is_frozen_and_nothing_else(engine: Engine, tmp_path: Path) -> None:
    small_trial(engine)
    change(engine, "demo", ("01", None), "frozen", LATER, **DONE)
    for release in RELEASES:
        found = exported(engine, tmp_path / "fhir.ndjson", release)
        tags = {
            each["subject"]["identifier"]["value"]: each["meta"].get("tag")
            for url, each in found.items()
            if url.startswith("Observation/")
        }
        text = f"site 01 is {SAID}: nothing of it is changed"
        assert tags == {
            "00-7": None,
            "01-7": [{"system": "urn:refill:state", "code": "frozen", "display": text}],
        }


@pytest.mark.slow
@pytest.mark.parametrize("command", [["export", "--out"], ["feed", "odm", "--out"], ["feed", "fhir", "--out"]])
def test_a_command_that_hands_data_on_says_what_of_them_is_frozen(command: list[str], tmp_path: Path) -> None:
    engine = new_database(tmp_path / "trial.sqlite3")
    small_trial(engine)
    change(engine, "demo", ("00", "7"), "frozen", LATER, actor="dm-1", why="clean")
    engine.dispose()
    where = [str(tmp_path / "out"), "--study", "demo", "--database", str(tmp_path / "trial.sqlite3")]
    result = CliRunner().invoke(app, command + where)
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[0] == f"subject 00-7 is {SAID}: clean"


def test_a_correction_from_the_bedside_that_a_freeze_holds_back_is_listed_with_that_reason(engine: Engine) -> None:
    entry = reading(1, event="inclusion")
    keep(engine, entry)
    change(engine, "demo", ("00", "7"), "frozen", NOON - timedelta(hours=1), **DONE)
    keep(engine, entry, corrected(2, entry, ("side", entry.side, "right")))
    with engine.connect() as connection:
        (asked,) = queries(connection, "demo")
    assert asked.reason == "subject 00-7 is frozen since 2026-11-23 11:00:00Z by dm-1: nothing of it is changed"
    change(engine, "demo", ("00", "7"), "unfrozen", LATER, **DONE)
    with engine.connect() as connection:
        assert queries(connection, "demo")[0].reason == "fits what stands now; it did not when it came"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("frozen")


@pytest.fixture(scope="module")
def page(place: Path) -> Iterator[tuple[int, Engine]]:
    engine = fill(place)
    for site in ("00", "01"):
        open_by_hand(engine, STUDY.name, site, "which side?", NOON, actor="dm-1", inclusion="7")
    change(engine, STUDY.name, ("01", "7"), "frozen", datetime.now(UTC), actor="dm-1", why="clean")
    with served(place) as port:
        yield port, engine
    engine.dispose()


@pytest.mark.slow
def test_the_page_shows_what_is_frozen_offers_no_form_there_and_refuses_one_that_is_sent(
    page: tuple[int, Engine],
) -> None:
    port, engine = page
    visitor = Visitor(port)
    assert visitor.sign_in("dm") == 303
    said = "subject 01-7 is frozen since "
    with engine.connect() as connection:
        ids = dict(connection.exec_driver_sql("SELECT site, min(reading_id) FROM reading GROUP BY site").all())
    assert said in visitor.ask("/")[1]
    assert said in visitor.ask(f"/readings/{ids['01']}")[1]
    assert "frozen since" not in visitor.ask(f"/readings/{ids['00']}")[1]
    assert said in after_a_while(visitor, "/completeness?site=01&inclusion=7", "as it stood")
    forms = {
        site: (
            visitor.ask(f"/completeness?site={site}&inclusion=7")[1].count("/do/missing"),
            re.findall(r'action\\*" value=\\*"(answered|closed)', visitor.ask(f"/queries?site={site}")[1]),
        )
        for site in ("00", "01")
    }
    assert forms == {"00": (2, ["answered", "closed"]), "01": (0, ["closed"])}
    numbers = re.findall(r'name=\\*"number\\*" value=\\*"(\d+)', visitor.ask("/queries?site=01")[1])
    missing = {"inclusion": "7", "event": "hour-1", "kind": "finger", "code": "died"}
    before = rows(engine)
    assert visitor.send("/do/say", number=numbers[0], action="answered", why="left") == 303
    assert "said=frozen" in visitor.headers["location"]
    assert visitor.send("/do/missing", site="01", **missing) == 303
    assert "said=frozen" in visitor.headers["location"]
    assert "Nothing was changed: it is frozen." in visitor.ask(visitor.headers["location"])[1]
    assert rows(engine) == before
    assert visitor.send("/do/missing", site="00", **missing) == 303
    assert rows(engine) != before


def rows(engine: Engine) -> str:
    with engine.connect() as connection:
        said = [list(connection.exec_driver_sql(f"SELECT * FROM {name}")) for name in ("query_event", "missing_reason")]  # noqa: S608 - constants
    return json.dumps(said, default=str)


@pytest.mark.slow
def test_a_site_sees_no_freeze_of_another(page: tuple[int, Engine]) -> None:
    port, _ = page
    visitor = Visitor(port)
    assert visitor.sign_in("mon") == 303  # of site 00
    for path in ("/", "/queries", "/completeness"):
        assert "01-7" not in visitor.ask(path)[1]
