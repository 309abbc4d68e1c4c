"""A nurse adds to a reading: confirms it, comments on it, corrects what was entered; touched in a real Chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from screen_bench import MEASURED_S, Tried, choose, key, opened, overflowing, picture, small_targets, sound, typed

pytestmark = pytest.mark.slow


@pytest.fixture
def page(browser: Browser, bedside: Tried) -> Iterator[Page]:
    """A page with one stopped measurement of a subject in the journal: as good as any to be added to."""
    made = opened(browser, bedside.url)
    if not made.get_by_text("00-0042").count():
        choose(made, "0042", event="inclusion")
        key(made, "Measure").tap()
        key(made, "Start").tap()
        expect(key(made, "Stop")).to_be_visible(timeout=20_000)
        key(made, "Stop").tap()
        expect(made.get_by_text("Not measurable")).to_be_visible(timeout=MEASURED_S)
        key(made, "Back").tap()
    yield made
    made.context.close()


def opened_reading(page: Page) -> None:
    key(page, "History").tap()
    page.locator("button.row").first.tap()
    expect(key(page, "Comment")).to_be_visible()


def test_a_reading_is_confirmed_by_somebody_and_the_record_says_so(page: Page, bedside: Tried) -> None:
    opened_reading(page)
    key(page, "Confirm").tap()
    expect(page.get_by_text("Your code, never a name")).to_be_visible()
    picture(page, "who")
    assert (overflowing(page), small_targets(page), sound(page)) == ([], [], [])
    typed(page, "n7")
    expect(page.get_by_text("n7: confirmed")).to_be_visible()
    kept = bedside.readings()
    assert (kept[-1]["kind"], kept[-1]["action"], kept[-1]["operator"]) == ("amendment", "confirmed", "n7")
    assert kept[-1]["about"] == kept[0]["reading_id"]
    picture(page, "reading")


def test_a_comment_is_one_of_a_list(page: Page, bedside: Tried) -> None:
    opened_reading(page)
    key(page, "Comment").tap()
    expect(key(page, "The skin was cold.")).to_be_visible()
    picture(page, "comments")
    assert (overflowing(page), small_targets(page), sound(page)) == ([], [], [])
    key(page, "The skin was cold.").tap()
    typed(page, "n7")
    expect(page.get_by_text("n7: The skin was cold.")).to_be_visible()
    assert bedside.readings()[-1]["comment"] == "cold_skin"


def test_a_correction_asks_who_and_why_and_keeps_the_old_value(page: Page, bedside: Tried) -> None:
    opened_reading(page)
    key(page, "Correct").tap()
    page.get_by_role("button", name="Side").tap()
    key(page, "Right").tap()
    key(page, "Something else was chosen by mistake.").tap()
    typed(page, "n7")
    expect(page.get_by_text("Left → Right")).to_be_visible()
    expect(page.get_by_text("The old value stays in the record.")).to_be_visible()
    picture(page, "sure")
    before = bedside.readings()
    key(page, "Write down").tap()
    expect(page.get_by_text("Side: Left → Right")).to_be_visible()
    kept = bedside.readings()
    assert kept[-1]["changes"] == [{"field": "side", "old": "left", "new": "right"}]
    assert kept[:-1] == before
    key(page, "Back").tap()
    expect(page.locator("button.row").first).to_contain_text("Right")
    picture(page, "history")


def test_a_value_that_the_study_does_not_take_is_refused_in_words(page: Page, bedside: Tried) -> None:
    opened_reading(page)
    before = len(bedside.readings())
    key(page, "Correct").tap()
    page.get_by_role("button", name="Inclusion number").tap()
    key(page, "7").tap()
    key(page, "OK").tap()
    key(page, "It was typed wrong.").tap()
    typed(page, "n7")
    key(page, "Write down").tap()
    expect(page.get_by_role("alert")).to_contain_text("inclusion number")
    assert len(bedside.readings()) == before


def test_a_reading_corrected_to_another_subject_is_that_ones(page: Page, bedside: Tried) -> None:
    opened_reading(page)
    key(page, "Correct").tap()
    page.get_by_role("button", name="Inclusion number").tap()
    for digit in "0043":
        key(page, digit).tap()
    key(page, "OK").tap()
    key(page, "Something else was chosen by mistake.").tap()
    typed(page, "n7")
    key(page, "Write down").tap()
    expect(page.get_by_text("This reading is another subject's now")).to_be_visible()
    key(page, "Back").tap()
    expect(page.get_by_text("No reading yet")).to_be_visible()
    key(page, "Back").tap()
    choose(page, "0043", event="inclusion")
    key(page, "History").tap()
    expect(page.locator("button.row").first).to_be_visible()
    assert bedside.readings()[0]["subject"]["inclusion"] == "0042"


def test_every_question_fits_and_is_accessible_in_french(browser: Browser, bedside: Tried) -> None:
    page = opened(browser, bedside.url)
    key(page, "Français").tap()
    if not page.get_by_text("00-0043").count():
        choose(page, "0043", place="Doigt\nGauche", event="inclusion")
    for way in (
        ("Confirmer",),
        ("Commenter",),
        ("Corriger",),
        ("Corriger", "Côté"),
        ("Corriger", "Numéro d'inclusion"),
    ):
        key(page, "Historique").tap()
        page.locator("button.row").first.tap()
        for name in way:
            page.get_by_role("button", name=name).first.tap()
        page.wait_for_timeout(300)
        picture(page, f"fr-{len(way)}-{way[-1][:4].lower()}")
        assert (way, sound(page)) == (way, [])
        assert (way, overflowing(page), small_targets(page)) == (way, [], [])
        while not key(page, "Mesurer").count():
            key(page, "Retour").first.tap()
            page.wait_for_timeout(200)
    page.context.close()
