"""The data managers' page as it is served: who comes in, what each sees, and what nobody gets by typing an address."""

import re
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from page_bench import Visitor, after_a_while, fill, served
from sqlalchemy import Engine

from trial.accounts import close_account

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def engine(place: Path) -> Iterator[Engine]:
    engine = fill(place)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def port(place: Path, engine: Engine) -> Iterator[int]:
    with served(place) as port:
        yield port


def signed_in(port: int, account: str) -> Visitor:
    visitor = Visitor(port)
    assert visitor.sign_in(account) == 303
    return visitor


def reading_of(engine: Engine, site: str) -> str:
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT reading_id FROM reading WHERE site = ? ORDER BY device_seq", (site,))
        return str(found.scalars().first())


def test_nobody_sees_anything_without_signing_in(port: int, engine: Engine) -> None:
    visitor = Visitor(port)
    status, page = visitor.ask("/")
    assert (status, "Sign in" in page, "bed-00" in page) == (200, True, False)
    assert "A study of two sites &lt;b&gt;" in page
    for path in ("/readings", "/devices", "/audit", "/files/refill.csv", f"/readings/{reading_of(engine, '00')}"):
        assert visitor.ask(path) == (401, "")
    assert visitor.sign_in("dm", "wrong wrong wrong") == 401
    assert visitor.ask("/devices")[0] == 401


def test_another_hosts_name_and_another_origin_are_refused(port: int) -> None:
    visitor = signed_in(port, "dm")
    assert visitor.ask("/devices", Host="evil.example")[0] == 403
    assert visitor.ask("/devices", Origin="http://evil.example")[0] == 403


def test_every_answer_has_the_strict_headers_and_nothing_is_kept_by_the_browser(port: int) -> None:
    visitor = signed_in(port, "dm")
    visitor.ask("/readings")
    assert visitor.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in visitor.headers["content-security-policy"]
    assert visitor.headers["x-content-type-options"] == "nosniff"
    assert "server" not in visitor.headers


def test_a_data_manager_sees_every_site(port: int, engine: Engine) -> None:
    visitor = signed_in(port, "dm")
    _, page = visitor.ask("/readings")
    assert "10 readings" in page
    assert "00-7" in page
    assert "01-7" in page
    assert "score 2" in page
    for site in ("00", "01"):
        assert visitor.ask(f"/readings/{reading_of(engine, site)}")[0] == 200
    assert "account opened" in visitor.ask("/audit")[1]
    status, csv = visitor.ask("/files/refill.csv")
    assert (status, csv.count("\n")) == (200, 9)
    assert "crf handed out" in visitor.ask("/audit")[1]
    for name, content in (
        ("odm-snapshot.xml", "<ODM"),
        ("odm-transactional.xml", "AuditRecord"),
        ("fhir-r5.ndjson", "{"),
    ):
        status, text = visitor.ask(f"/files/{name}")
        assert (status, content in text) == (200, True), name
    assert visitor.ask("/files/../trial.sqlite3")[0] == 404


def test_a_user_of_one_site_can_see_nothing_of_another_by_page_by_address_or_by_file(port: int, engine: Engine) -> None:
    visitor = signed_in(port, "s01")
    for path in ("/", "/readings", "/devices", "/readings?site=01", "/readings?inclusion=7"):
        status, page = visitor.ask(path)
        assert status == 200
        assert "bed-00" not in page
        assert "00-7" not in page
        assert ">00<" not in page
    assert "5 readings" in visitor.ask("/readings")[1]
    assert visitor.ask("/readings?site=00")[0] == 403
    assert visitor.ask(f"/readings/{reading_of(engine, '00')}")[0] == 403
    assert visitor.ask(f"/readings/{reading_of(engine, '01')}")[0] == 200
    for path in (
        "/audit",
        "/exports",
        "/files/refill.csv",
        "/files/mottling.csv",
        "/files/refill.dictionary.csv",
        "/files/odm-snapshot.xml",
    ):
        assert visitor.ask(path)[0] == 403, path


def test_what_is_not_there_and_what_is_not_yours_look_the_same(port: int, engine: Engine) -> None:
    visitor = signed_in(port, "s01")
    there, away = visitor.ask(f"/readings/{reading_of(engine, '00')}"), visitor.ask("/readings/0000")
    assert there == away


@pytest.mark.parametrize(
    "query",
    [
        "site=%27%20OR%201=1--",
        "page=99999999999999999999",
        "page=-1",
        "kind=press",
        "inclusion=%3Cscript%3E",
        "event=x",
    ],
)
def test_nonsense_in_an_address_ends_in_no_error_and_no_markup(port: int, query: str) -> None:
    status, page = signed_in(port, "dm").ask(f"/readings?{query}")
    assert status in (200, 403)
    assert "<script>" not in page.partition("<main")[2]


def test_who_signs_out_or_is_closed_sees_nothing_more(port: int, engine: Engine) -> None:
    visitor = signed_in(port, "mon")
    visitor.ask("/logout")
    assert visitor.ask("/devices")[0] == 401
    gone = signed_in(port, "gone")
    assert gone.ask("/devices")[0] == 200
    close_account(engine, "demo", "gone", actor="lead", why="left")
    assert not wait_while(lambda: gone.ask("/devices")[0] == 200)


def wait_while(condition: Callable[[], bool], limit_s: float = 10.0) -> bool:
    """Whether something is still so in the end."""
    until_s = time.monotonic() + limit_s
    while condition() and time.monotonic() < until_s:
        time.sleep(0.3)
    return condition()


def test_what_is_missing_is_seen_by_site_and_subject_and_gets_a_reason_once(port: int) -> None:
    manager, site = signed_in(port, "dm"), signed_in(port, "s01")
    page = after_a_while(manager, "/completeness", "as it stood")
    assert page.count("/completeness?site=0") == 2
    page = site.ask("/completeness?site=01&amp;inclusion=7".replace("amp;", ""))[1]
    assert page.count('action=\\"/do/missing\\"') + page.count('action="/do/missing"') == 2, "knee, and hour-1"
    fields = {"site": "01", "inclusion": "7", "event": "hour-1", "kind": "finger", "code": "discharged"}
    assert site.send("/do/missing", **fields) == 303
    assert "said=kept" in site.headers["location"]
    after_a_while(site, site.headers["location"], "discharged")
    assert site.send("/do/missing", **{**fields, "code": "had the placebo"}) == 303
    assert "said=refused" in site.headers["location"]


def test_a_query_is_asked_answered_and_closed_by_those_who_may(port: int) -> None:
    manager, site = signed_in(port, "dm"), signed_in(port, "s01")
    assert manager.send("/do/ask", site="01", inclusion="7", why="Was <b>this</b> the left hand?") == 303
    page = site.ask("/queries")[1]
    assert "Was &lt;b&gt;this&lt;/b&gt;" in page.replace("\\u003c", "<").replace("&amp;", "&")
    number = max(int(each) for each in re.findall(r'name=\\*"number\\*" value=\\*"(\d+)', page))
    assert site.send("/do/say", number=str(number), action="closed", why="done") == 403, "a site answers only"
    assert site.send("/do/say", number=str(number), action="answered", why="it was") == 303
    assert "said=kept" in site.headers["location"]
    assert manager.send("/do/say", number=str(number), action="closed", why="thank you") == 303
    assert manager.send("/do/say", number=str(number), action="answered", why="more") == 303
    assert "said=refused" in manager.headers["location"], "closed is closed"
    assert "query closed" in manager.ask("/audit")[1]


def test_nobody_can_change_anything_of_another_site_nor_who_only_reads(port: int) -> None:
    manager, site, monitor = signed_in(port, "dm"), signed_in(port, "s01"), signed_in(port, "mon")
    assert manager.send("/do/ask", site="00", why="A question for the other site?") == 303
    number = re.findall(r'name=\\*"number\\*" value=\\*"(\d+)', manager.ask("/queries?site=00")[1])[0]
    missing = {"inclusion": "7", "event": "hour-1", "kind": "finger", "code": "died"}
    assert site.ask("/queries?site=00")[0] == 403
    assert site.ask("/completeness?site=00")[0] == 403
    assert "other site" not in site.ask("/queries")[1]
    assert site.send("/do/say", number=number, action="answered", why="mine") == 303
    assert "said=refused" in site.headers["location"]
    assert site.send("/do/missing", site="00", **missing) == 403
    assert site.send("/do/ask", site="00", why="why?") == 403
    for path, fields in (("/do/say", {"number": number, "action": "answered"}), ("/do/missing", missing)):
        assert monitor.send(path, site="00", why="mine", **fields) == 403
    assert Visitor(port).send("/do/ask", site="00", why="why?") == 401
    elsewhere = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "http://evil.example"}
    assert manager.ask("/do/ask", "POST", urlencode({"site": "00", "why": "x"}), **elsewhere)[0] == 403


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/do/say", {"number": "9" * 30, "action": "closed", "why": "x"}),
        ("/do/say", {"number": "1", "action": "deleted", "why": "x"}),
        ("/do/missing", {"site": "01", "inclusion": "x'; --", "event": "hour-1", "kind": "finger", "code": "died"}),
        ("/do/missing", {"site": "01", "inclusion": "7", "event": "nowhere", "kind": "finger", "code": "died"}),
        ("/do/ask", {"site": "01", "why": ""}),
        ("/do/ask", {"site": "01", "inclusion": "abc", "why": "x"}),
        ("/do/ask", {"site": "01", "why": "x" * 9000}),
        ("/do/nothing", {}),
    ],
)
def test_a_form_with_nonsense_in_it_changes_nothing_and_breaks_nothing(
    port: int, path: str, fields: dict[str, str]
) -> None:
    manager = signed_in(port, "dm")
    before = manager.ask("/queries")[1].count("/do/say")
    status = manager.send(path, **fields)
    assert status in (303, 403, 404, 413)
    assert status != 303 or "said=refused" in manager.headers["location"]
    assert manager.ask("/queries")[1].count("/do/say") == before


def test_the_service_manager_is_told_that_the_page_is_served_and_alive(place: Path, engine: Engine) -> None:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(f"{folder}/notify")
        heard.settimeout(30)
        with served(place, NOTIFY_SOCKET=f"{folder}/notify") as port:
            told = [heard.recv(200).decode().splitlines()[0] for _ in range(3)]
            assert Visitor(port).ask("/")[0] == 200
    assert told == ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]
