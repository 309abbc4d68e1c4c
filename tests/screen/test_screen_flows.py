"""Each way over the screen, touched in a real Chromium on simulated skin, on both sizes and in both languages."""

import os
import signal
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from screen_bench import MEASURED_S, TABLET, Tried, choose, key, opened, overflowing, picture, small_targets, sound

pytestmark = pytest.mark.slow


@pytest.fixture
def page(browser: Browser, bedside: Tried) -> Iterator[Page]:
    made = opened(browser, bedside.url)
    yield made
    made.context.close()


def measured(page: Page) -> None:
    """Touch Measure and Start, and wait for the result."""
    expect(key(page, "Measure")).to_be_enabled()
    picture(page, "ready")
    key(page, "Measure").tap()
    key(page, "Start").tap()
    expect(page.get_by_text("Holding")).to_be_visible(timeout=20_000)
    page.wait_for_timeout(1500)
    picture(page, "measuring")
    expect(page.get_by_text("95 % interval")).to_be_visible(timeout=MEASURED_S)
    picture(page, "result")


def test_nobody_chosen_means_nothing_can_be_measured(page: Page) -> None:
    expect(key(page, "Measure")).to_be_disabled()


def test_from_idle_to_a_stored_reading_in_two_touches(page: Page, bedside: Tried) -> None:
    choose(page, "0042", event="inclusion")
    before = len(bedside.readings())
    measured(page)
    kept = bedside.readings()
    assert len(kept) == before + 1
    assert kept[-1]["subject"] == {"site": "00", "inclusion": "0042"}
    assert (kept[-1]["event"], kept[-1]["side"]) == ("inclusion", "left")
    shown = page.locator(".huge").inner_text()
    assert shown == f"{kept[-1]['result']['crt_s']:.2f} s"
    page.get_by_role("button", name="Inclusion", exact=True).tap()
    expect(page.get_by_text("Norepinephrine started: ").first).to_be_visible()
    picture(page, "inclusion")


def test_stop_is_a_touch_and_is_recorded(page: Page, bedside: Tried) -> None:
    if not page.get_by_text("00-0042").count():
        choose(page, "0042", event="inclusion")
    before = len(bedside.readings())
    key(page, "Measure").tap()
    key(page, "Start").tap()
    expect(page.get_by_text("Holding")).to_be_visible(timeout=20_000)
    key(page, "Stop").tap()
    expect(page.get_by_text("Not measurable")).to_be_visible(timeout=10_000)
    picture(page, "no-number")
    assert len(bedside.readings()) == before + 1
    assert bedside.readings()[-1]["result"]["reason"] == "aborted"


def test_two_browsers_show_the_same_and_a_reload_stops_nothing(browser: Browser, bedside: Tried, page: Page) -> None:
    tablet = opened(browser, bedside.url, TABLET)
    choose(page, "0043", event="inclusion")
    expect(tablet.get_by_text("00-0043")).to_be_visible()
    before = len(bedside.readings())
    key(page, "Measure").tap()
    key(page, "Start").tap()
    for each in (page, tablet):
        expect(key(each, "Stop")).to_be_visible(timeout=10_000)
    tablet.reload()
    expect(key(tablet, "Stop")).to_be_visible(timeout=10_000)
    page.context.set_offline(True)
    time.sleep(2)
    page.context.set_offline(False)
    expect(tablet.get_by_text("95 % interval")).to_be_visible(timeout=MEASURED_S)
    expect(page.get_by_text("95 % interval")).to_be_visible(timeout=30_000)
    assert page.locator(".huge").inner_text() == tablet.locator(".huge").inner_text()
    assert len(bedside.readings()) == before + 1
    tablet.context.close()


def test_who_is_chosen_elsewhere_stands_on_a_page_that_was_about_to_measure(
    browser: Browser, bedside: Tried, page: Page
) -> None:
    choose(page, "0050", event="inclusion")
    key(page, "Measure").tap()
    other = opened(browser, bedside.url, TABLET)
    choose(other, "0051", event="inclusion")
    expect(page.get_by_text("00-0051")).to_be_visible()
    other.context.close()


def test_on_a_tablet_the_same_page_fills_the_screen(browser: Browser, bedside: Tried) -> None:
    tablet = opened(browser, bedside.url, TABLET)
    picture(tablet, "tablet")
    assert (overflowing(tablet), small_targets(tablet)) == ([], [])
    tablet.context.close()


def test_a_bar_code_reader_chooses(page: Page) -> None:
    page.keyboard.type("00-0077\n")
    page.get_by_role("button", name="Knee", exact=True).tap()
    key(page, "inclusion").tap()
    expect(page.get_by_text("00-0077")).to_be_visible()
    expect(page.get_by_role("button", name="Knee")).to_be_visible()


def test_norepinephrines_start_is_typed_as_it_stands_in_the_chart(page: Page) -> None:
    if not page.get_by_text("00-00").count():
        choose(page, "0042", event="inclusion")
    key(page, "Inclusion").tap()
    key(page, "Norepinephrine started").tap()
    for digit in "2561":
        key(page, digit).tap()
    key(page, "Yesterday").tap()
    expect(page.get_by_text("Four digits")).to_be_visible()
    for _ in range(4):
        page.get_by_role("button", name="Clear").tap()
    for digit in "0730":
        key(page, digit).tap()
    key(page, "Yesterday").tap()
    expect(page.get_by_text("Norepinephrine started: ").first).to_contain_text("07:30")


def test_a_number_that_does_not_fit_is_refused_in_words(page: Page) -> None:
    choose(page, "7")
    key(page, "inclusion").tap()
    expect(page.get_by_text("Check the inclusion number")).to_be_visible()


def test_every_view_is_accessible_and_fits_in_french(browser: Browser, bedside: Tried) -> None:
    page = opened(browser, bedside.url)
    key(page, "Français").tap()
    expect(key(page, "Mesurer")).to_be_visible()
    if not page.get_by_text("00-00").count():
        choose(page, "0042", place="Doigt\nGauche", event="inclusion")
    for way in (
        (),
        ("Historique",),
        ("Inclusion",),
        ("Inclusion", "Début de la noradrénaline"),
        ("Aide",),
        ("Mesurer",),
    ):
        for name in way:
            key(page, name).tap()
        page.wait_for_timeout(300)
        picture(page, f"fr-{len(way)}-{(''.join(way) or 'home')[:4].lower()}")
        assert sound(page) == []
        assert overflowing(page) == []
        assert small_targets(page) == []
        while key(page, "Mesurer").count() == 0:
            (key(page, "Retour") if key(page, "Retour").count() else key(page, "Pas encore")).tap()
            page.wait_for_timeout(200)
    page.context.close()


def test_a_bedside_that_dies_in_a_measurement_is_said_and_comes_back(page: Page, bedside: Tried) -> None:
    choose(page, "0060", event="inclusion")
    before = len(bedside.readings())
    key(page, "Measure").tap()
    key(page, "Start").tap()
    expect(page.get_by_text("Holding")).to_be_visible(timeout=20_000)
    os.kill(bedside.pid_of("bedside"), signal.SIGKILL)
    expect(page.get_by_text("The measuring program does not answer")).to_be_visible(timeout=10_000)
    expect(page.get_by_text("The measuring program does not answer")).to_be_hidden(timeout=30_000)
    expect(page.get_by_text("00-0060").first).to_be_visible(timeout=10_000)
    cut = bedside.readings()[before:]
    assert [each["result"]["reason"] for each in cut] == ["interrupted"]
