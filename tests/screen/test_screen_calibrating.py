"""A calibration led on the screen, touched in a real Chromium: the whole plan, and whatever comes in between."""

import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from calibrating_page_bench import Served, answer, asked, begin, heading_is_whole, served, to_the_end, well_made
from playwright.sync_api import Browser, Page, expect
from screen_bench import TABLET, key, opened

from calibration.certificate.keys import DeviceKey
from calibration.certificate.make import signed
from calibration.certificate.standing import NEEDED
from calibration.plan import ALL_STEPS
from contract.certificate import StepName
from device.screen.access import sealed
from firmware_config.device import DEFAULT_PATH

pytestmark = pytest.mark.slow


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path, quick=True) as found:
        yield found


@pytest.fixture
def page(browser: Browser, quick: Served) -> Iterator[Page]:
    made = opened(browser, quick.url)
    yield made
    made.context.close()


def test_the_whole_plan_is_led_to_a_certificate_and_its_pdf(browser: Browser, tmp_path: Path) -> None:
    with served(tmp_path, quick=False) as whole:
        page = opened(browser, whole.url)
        well_made(page, "start")
        key(page, "Begin").tap()
        well_made(page, "operator")
        key(page, "Back").tap()
        begin(page)
        drawn: set[str] = set()
        while (what := asked(page)) != "To the start":
            assert heading_is_whole(page), page.locator("h1").inner_text()
            name = {"It is done: measure": "ready", "Repeat": "figures", "Yes, write": "corrections"}.get(what, "asked")
            if what == "Repeat" and page.locator(".plots svg").count():
                name = "curves"
            if name == "ready" and page.get_by_text("Once more").count():
                name = "again"
            if name not in drawn:
                drawn.add(name)
                well_made(page, name)
            answer(page)
        well_made(page, "end")
        (certificate,) = whole.certificates()
        # This device has no light pin: what its light has of the room is not known, and is not needed.
        done = [step.name for step in ALL_STEPS if step.name is not StepName.LIGHT_AMBIENT]
        assert [step.step for step in certificate.steps] == done
        assert certificate.passed
        assert certificate.operator == "eng"
        complete = {step.name for step in ALL_STEPS} >= NEEDED
        expect(page.get_by_text("Passed" if complete else "Incomplete", exact=True)).to_be_visible()
        expect(page.get_by_text(str(certificate.certificate_id)).first).to_be_visible()
        with page.expect_download() as waiting:
            page.get_by_role("link", name="Certificate").tap()
        assert Path(waiting.value.path()).read_bytes().startswith(b"%PDF")
        key(page, "To the start").tap()
        expect(page.get_by_text("The calibration is in force" if complete else "is not complete")).to_be_visible()
        page.context.close()


def test_a_process_killed_at_every_question_is_gone_on_with_to_the_end(page: Page, quick: Served) -> None:
    begin(page)
    killed: set[tuple[str, str]] = set()

    def kill(what: str) -> bool:
        """Kill it where it was not killed yet, and go on in the page that is still open."""
        again = page.get_by_text("Once more").count() > 0
        place = (page.locator("h1").inner_text() + again * " again", what)
        if place in killed:
            return False
        killed.add(place)
        before = quick.outcomes()
        quick.end(signal.SIGKILL)
        quick.start()
        expect(page.get_by_text("by eng")).to_be_visible(timeout=30_000)
        assert quick.outcomes() == before, "what was kept stays"
        key(page, "Go on").tap()
        return True

    while (what := asked(page)) != "To the start":
        if kill(what):
            continue
        answer(page)
        if page.get_by_text("Measuring").count() and not any(what == "in the middle" for _, what in killed):
            kill("in the middle")
    (certificate,) = quick.certificates()
    assert [step.step.value for step in certificate.steps] == ["pressure_zero", "camera_dark"]
    assert certificate.passed, "the zero that counts is the one after the correction"
    assert {what for _, what in killed} >= {"It is done: measure", "OK", "Repeat", "Yes, write", "in the middle"}
    assert len(killed) > 11


def test_one_browser_leads_the_other_looks_on_and_may_take_over(browser: Browser, quick: Served, page: Page) -> None:
    begin(page)
    other = opened(browser, quick.url, TABLET)
    expect(other.get_by_text("Another screen leads this calibration")).to_be_visible()
    expect(key(other, "It is done: measure")).to_be_disabled()
    well_made(other, "watching")
    page.reload()
    expect(key(page, "It is done: measure")).to_be_enabled(timeout=10_000)
    key(other, "Take over").tap()
    expect(key(other, "It is done: measure")).to_be_enabled()
    expect(key(page, "It is done: measure")).to_be_disabled()
    expect(page.get_by_text("Another screen leads this calibration")).to_be_visible()
    answer(other)
    expect(key(page, "Take over")).to_be_visible()
    expect(page.get_by_text("What does it show?")).to_be_visible(timeout=10_000)
    other.context.close()


def test_a_reload_loses_nothing_of_what_was_typed_or_measured(page: Page, quick: Served) -> None:
    begin(page)
    key(page, "Français").tap()
    key(page, "C'est fait : mesurer").tap()
    expect(key(page, "OK")).to_be_visible(timeout=10_000)
    for sign in ("-", "0", ",", "5"):
        key(page, sign).tap()
    expect(page.locator(".typed")).to_have_text("-0,5 kPa")
    well_made(page, "question-fr")
    page.reload()
    expect(page.locator(".typed")).to_have_text("-0,5 kPa", timeout=10_000)
    key(page, "3").tap()
    for _ in range(3):
        key(page, "Effacer").tap()
    key(page, "9").tap()
    key(page, "OK").tap()
    expect(page.get_by_text("n'est pas un nombre de -1 à 1 kPa")).to_be_visible()
    key(page, "Effacer").tap()
    page.keyboard.type("0.25")
    page.keyboard.press("Enter")
    expect(page.get_by_text("✕ NON CONFORME").first).to_be_visible(timeout=10_000)
    expect(page.get_by_text("0,55 kPa")).to_be_visible()
    well_made(page, "failed-fr")
    page.reload()
    expect(page.get_by_text("0,55 kPa")).to_be_visible(timeout=10_000)
    key(page, "Répéter").tap()
    expect(key(page, "C'est fait : mesurer")).to_be_visible()
    assert quick.outcomes() == ["pressure_zero"]


def test_a_browser_that_goes_away_in_mid_step_ends_nothing(browser: Browser, quick: Served, page: Page) -> None:
    begin(page)
    for _ in range(3):  # the zero and its number, go on
        answer(page)
    key(page, "It is done: measure").tap()
    expect(page.get_by_text("looking at the machine")).to_be_visible()
    well = urllib.request.urlopen(quick.url, timeout=0.4)  # noqa: S310 - loopback
    assert well.status == 200, "the server answers while it measures"
    page.close()
    time.sleep(1.0)
    later = opened(browser, quick.url)
    expect(later.get_by_text("There is no light pin.")).to_be_visible()
    key(later, "Take over").tap()
    to_the_end(later)
    assert len(quick.certificates()) == 1
    later.context.close()


def test_what_the_machine_cannot_do_is_said_and_repeated(page: Page, quick: Served) -> None:
    (quick.folder / "broken").touch()
    begin(page)
    while not page.get_by_text("The camera gave no picture.").count():
        answer(page)
        asked(page)
    well_made(page, "could-not")
    expect(page.get_by_text("Going on fails the certificate.")).to_be_visible()
    assert "camera_dark" not in quick.outcomes()
    key(page, "Repeat").tap()
    expect(key(page, "It is done: measure")).to_be_visible()
    to_the_end(page)
    (certificate,) = quick.certificates()
    assert certificate.passed
    expect(page.get_by_text("Left out: light_ambient: There is no light pin.")).to_be_visible()


def test_a_second_calibration_says_what_changed_and_an_altered_certificate_is_refused(
    page: Page, quick: Served, browser: Browser
) -> None:
    for _ in range(2):
        begin(page)
        to_the_end(page)
        changed = page.get_by_text("What changed since").count()
        key(page, "To the start").tap()
    assert changed == 1
    whole = quick.certificates()[-1]
    newest = max((quick.folder / "calibration" / "certificates").glob("*.json"))
    newest.write_text(newest.read_text().replace("eng", "bob"))
    page.reload()
    expect(page.get_by_text("The calibration certificate was altered.")).to_be_visible(timeout=10_000)
    expect(page.get_by_text(newest.name)).to_be_visible()
    well_made(page, "altered")
    stranger = signed(whole, DeviceKey.open(quick.folder / "stranger"))
    for forged in (newest.read_text(), stranger.model_dump_json()):
        newest.write_text(forged)
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{quick.url}certificates/{whole.certificate_id}.pdf", timeout=5)  # noqa: S310 - loopback


def test_the_end_of_the_service_lets_go_of_the_machine_and_keeps_what_was_measured(page: Page, quick: Served) -> None:
    begin(page)
    for _ in range(2):
        answer(page)
    assert asked(page) == "Repeat"
    assert not (quick.folder / "let-go").exists()
    quick.end(signal.SIGTERM)
    assert (quick.folder / "let-go").exists()
    assert quick.outcomes() == ["pressure_zero"]
    quick.start()
    expect(key(page, "Go on")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("by eng, 1 of 3 steps done")).to_be_visible()
    key(page, "Begin anew").tap()
    well_made(page, "sure")
    key(page, "Yes, begin anew").tap()
    for letter in "bob":
        key(page, letter).tap()
    key(page, "OK").tap()
    expect(key(page, "It is done: measure")).to_be_visible()
    (aside,) = (quick.folder / "calibration" / "runs").iterdir()
    assert list(aside.glob("*-measured.json"))


def test_where_the_screen_wants_a_pin_the_calibration_and_its_papers_want_it_too(
    browser: Browser, tmp_path: Path
) -> None:
    pins = f"{sealed('nurse', '2718')}\n{sealed('engineer', '271828')}\n"
    (tmp_path / "screen-pins").write_text(pins, encoding="ascii")
    config = tmp_path / "device.toml"
    packaged = DEFAULT_PATH.read_text(encoding="utf-8")
    config.write_text(packaged.replace("[screen]", '[screen]\npins_credential = "screen-pins"'), encoding="utf-8")
    with served(tmp_path, "--config", str(config), quick=False) as closed:
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{closed.url}certificates/{UUID(int=0)}.pdf", timeout=5)  # noqa: S310 - loopback
        page = browser.new_context(viewport=TABLET).new_page()  # type: ignore[arg-type] # a plain dict serves
        page.goto(closed.url)
        expect(page.get_by_text("Nurse")).to_have_count(0)  # whoever measures does not calibrate
        for pin, comes in (("314159", page.get_by_text("Wrong PIN")), ("271828", key(page, "Begin"))):
            page.get_by_text("Engineer").click()
            page.locator("input[name=pin]").fill(pin)
            page.get_by_role("button", name="OK").click()
            expect(comes).to_be_visible(timeout=20_000)
        page.context.close()
