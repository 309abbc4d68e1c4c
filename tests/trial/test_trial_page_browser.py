"""The data managers' page in a real Chromium: signed in, looked through, a query answered; nothing serious for axe."""

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from page_bench import SECRET, fill, served
from playwright.sync_api import Browser, Page, expect, sync_playwright
from trace_bench import DONE, LEAKS, PRESS, SLOW, arrive, exported, keep, pressed, records
from trial_bench import needed

from contract.reading import Reading
from trial.page.curve_sheet import HEIGHT, WIDTH
from trial.trace_import import bring

pytestmark = pytest.mark.slow

IMAGES = Path(__file__).resolve().parents[2] / "docs/images/page"
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")
PAGES = ("Overview", "Completeness", "Readings", "Queries", "Devices", "Audit trail", "Exports")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = needed("chromium", "/usr/bin/chromium")
    with sync_playwright() as play:
        made = play.chromium.launch(executable_path=path, args=list(FLAGS))
        yield made
        made.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def entry(place: Path) -> Reading:
    """A reading of four presses of site 01, with the curves of three."""
    engine, journal = fill(place), place / "journal.sqlite"
    presses = [pressed(PRESS, 1), pressed(LEAKS, 2), pressed(PRESS.with_(seed=5, crt_s=1.9), 3)]
    made = keep(journal, [*presses, pressed(SLOW, 4)], "probe-01", site="01", event="inclusion")
    arrive(engine, records(journal))
    folder = exported(journal, place / "export")
    (folder / "traces/000001-4.json").unlink()
    assert bring(engine, folder, **DONE).stored == 3
    engine.dispose()
    return made


@pytest.fixture(scope="module")
def port(place: Path, entry: Reading) -> Iterator[int]:
    with served(place) as port:
        yield port


def signed_in(browser: Browser, port: int, account: str) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.goto(f"http://127.0.0.1:{port}/")
    assert sound(page) == []
    page.get_by_label("Account").fill(account)
    page.get_by_label("Password").fill(SECRET)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    return page


def sound(page: Page) -> list[str]:
    """What axe finds that is serious."""
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['help']}" for each in found if each["impact"] in ("serious", "critical")]


def picture(page: Page, name: str) -> None:
    """Keep what is shown for the docs, where `make screen-pictures` asks for it."""
    shot = page.screenshot()
    assert len(shot) > 2000
    if os.environ.get("REFILL_PICTURES"):
        IMAGES.mkdir(parents=True, exist_ok=True)
        (IMAGES / f"{name}.png").write_bytes(shot)


def test_every_page_is_reached_from_the_bar_and_is_sound(browser: Browser, port: int) -> None:
    page = signed_in(browser, port, "dm")
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    for name in PAGES:
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", name=name)).to_be_visible()
        assert sound(page) == [], name
        picture(page, name.lower().replace(" ", "-"))
    assert trouble == []
    page.get_by_role("link", name="Readings", exact=True).click()
    page.get_by_label("site").select_option("01")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("6 readings")).to_be_visible()
    page.locator("table.list tbody a").first.click()
    expect(page.get_by_role("heading", name="Its way")).to_be_visible()
    assert sound(page) == []
    picture(page, "reading")
    page.context.close()


DRAWN = "img => img.decode().then(() => [img.naturalWidth, img.naturalHeight])"
"""Waits until a picture is there; fails where there is none."""


def test_a_reading_shows_the_curves_that_are_here_and_says_where_the_others_are(
    browser: Browser, port: int, entry: Reading
) -> None:
    page = signed_in(browser, port, "s01")
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda said: trouble.append(said.text) if said.type == "error" else None)
    page.goto(f"http://127.0.0.1:{port}/readings/{entry.reading_id}")
    for number, words in ((1, "refill time"), (2, "refused: The probe did not seal"), (3, "refill time")):
        curve = page.get_by_role("img", name=f"Press {number}: {words}")
        curve.scroll_into_view_if_needed()
        assert curve.evaluate(DRAWN) == [WIDTH, HEIGHT]
    expect(page.get_by_role("img")).to_have_count(3)
    expect(page.get_by_text("The curve of press 4 is still on the device probe-01")).to_be_visible()
    expect(page.get_by_text("refill trial traces import FOLDER --by CODE --why TEXT")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "all of it fits a laptop"
    assert sound(page) == []
    page.evaluate("window.scrollTo(0, document.querySelector('h2').getBoundingClientRect().top + window.scrollY - 12)")
    picture(page, "curves")
    with page.expect_download() as handed_out:
        page.get_by_role("link", name="trace").first.click()
    assert handed_out.value.suggested_filename == f"{entry.reading_id}-1.json"
    assert sha256(handed_out.value.path().read_bytes()).hexdigest() == entry.presses[0].trace_sha256
    assert trouble == []
    page.context.close()


def test_a_query_goes_from_the_manager_to_the_site_and_back(browser: Browser, port: int) -> None:
    manager, site = signed_in(browser, port, "dm"), signed_in(browser, port, "s01")
    manager.get_by_role("link", name="Queries").click()
    asking = manager.locator("form[action='/do/ask']")
    asking.get_by_label("site").select_option("01")
    asking.get_by_label("question").fill("Which hand was it?")
    asking.get_by_role("button", name="Open").click()
    expect(manager.get_by_text("Kept, with your code")).to_be_visible()
    site.get_by_role("link", name="Queries").click()
    row = site.get_by_role("row", name="Which hand was it?")
    expect(row.get_by_role("button", name="Close")).to_have_count(0)
    row.get_by_role("textbox").fill("The left one")
    row.get_by_role("button", name="Answer").click()
    expect(site.get_by_text("The left one")).to_be_visible()
    manager.reload()
    row = manager.get_by_role("row", name="Which hand was it?")
    row.get_by_role("textbox").fill("Thank you")
    row.get_by_role("button", name="Close").click()
    row = manager.get_by_role("row", name="Which hand was it?")
    expect(row.get_by_text("closed")).to_be_visible()
    site.get_by_role("link", name="Sign out").click()
    expect(site.get_by_label("Account")).to_be_visible()
    for page in (manager, site):
        page.context.close()
