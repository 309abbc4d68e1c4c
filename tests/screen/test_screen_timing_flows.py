"""A nurse times the refill by hand before the device's number is shown; touched in a real Chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from screen_bench import (
    MEASURED_S,
    Tried,
    choose,
    key,
    opened,
    overflowing,
    picture,
    small_targets,
    sound,
    tried,
    typed,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bedside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tried]:
    with tried(tmp_path_factory.mktemp("timing"), "--crt", "1.0", "--stopwatch") as running:
        yield running


def timed_by(page: Page, code: str, wait_ms: int) -> None:
    key(page, "Stopwatch").tap()
    key(page, "Let go").tap()
    expect(key(page, "Colour is back")).to_be_visible()
    page.wait_for_timeout(wait_ms)
    key(page, "Colour is back").tap()
    picture(page, "timed")
    assert (overflowing(page), small_targets(page), sound(page)) == ([], [], [])
    key(page, "OK").tap()
    typed(page, code)


def test_two_nurses_time_the_skin_and_only_then_the_number_is_shown(browser: Browser, bedside: Tried) -> None:
    page = opened(browser, bedside.url)
    choose(page, "0042", event="inclusion")
    key(page, "Measure").tap()
    key(page, "Start").tap()
    expect(page.get_by_text("Press the skin by hand now")).to_be_visible(timeout=MEASURED_S)
    picture(page, "by-hand")
    assert page.locator(".huge").count() == 0
    assert (overflowing(page), small_targets(page), sound(page)) == ([], [], [])
    timed_by(page, "n7", 900)
    expect(page.get_by_text("Timed so far: 1")).to_be_visible()
    timed_by(page, "n8", 500)
    expect(page.get_by_text("Timed so far: 2")).to_be_visible()
    key(page, "Show the number").tap()
    expect(page.get_by_text("95 % interval")).to_be_visible()

    reading, *times = bedside.readings()
    assert [(each["action"], each["operator"], each["before_number"]) for each in times] == [
        ("timed", "n7", True),
        ("timed", "n8", True),
    ]
    assert {each["about"] for each in times} == {reading["reading_id"]}
    assert 0.9 < times[0]["stopwatch_s"] < 5.0
    assert 0.5 < times[1]["stopwatch_s"] < 5.0

    key(page, "Back").tap()
    key(page, "History").tap()
    page.locator("button.row").first.tap()
    expect(page.get_by_text("s by stopwatch").first).to_be_visible()
    timed_by(page, "n9", 400)
    expect(page.get_by_text("n9: ")).to_be_visible()
    assert bedside.readings()[-1]["before_number"] is False
    page.context.close()
