"""Mottling on the screen: photo, marks, score, and the nurse's word on it; touched in a real Chromium."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from screen_bench import (
    SEVEN_INCH,
    TABLET,
    Tried,
    choose,
    key,
    opened,
    overflowing,
    picture,
    small_targets,
    sound,
    typed,
)
from typer.testing import CliRunner

from refill.cli import app

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Leg:
    """A photo of a simulated leg, and where its landmarks are."""

    photo: Path
    marks: dict[str, tuple[float, float]]


@pytest.fixture(scope="module")
def leg(tmp_path_factory: pytest.TempPathFactory) -> Leg:
    file = tmp_path_factory.mktemp("photo") / "leg.jpg"
    made = CliRunner().invoke(app, ["phantom", "leg", str(file), "--score", "3", "--tone", "III", "--seed", "4"])
    assert made.exit_code == 0, made.output
    marks = json.loads(file.with_suffix(".landmarks.json").read_text())
    return Leg(file, {name: (at[0], at[1]) for name, at in marks.items()})


@pytest.fixture
def page(browser: Browser, bedside: Tried) -> Iterator[Page]:
    made = opened(browser, bedside.url, SEVEN_INCH)
    if not made.get_by_text("00-0042").count():
        choose(made, "0042", event="inclusion")
    yield made
    made.context.close()


def touch(page: Page, at: tuple[float, float]) -> None:
    """Touch the photo at its own pixels, wherever they lie on the screen."""
    x, y = page.evaluate(
        """([x, y]) => { const svg = document.querySelector(".photo svg");
            const at = new DOMPoint(x, y).matrixTransform(svg.getScreenCTM()); return [at.x, at.y]; }""",
        list(at),
    )
    page.mouse.click(x, y)
    page.wait_for_timeout(300)


def marked(page: Page, leg: Leg) -> None:
    """Take the photo of a leg and mark it: two touches a mark."""
    key(page, "Mottling").tap()
    expect(page.get_by_text("Take the photo")).to_be_visible()
    picture(page, "photo")
    page.locator("input[type=file]").set_input_files(leg.photo)
    expect(page.get_by_text("Touch near the centre of the knee")).to_be_visible(timeout=20_000)
    picture(page, "marks")
    for name in ("knee", "patella", "groin"):
        touch(page, leg.marks[name])
        if name == "knee":
            expect(page.get_by_text("Now exactly: the centre of the knee")).to_be_visible()
            picture(page, "marks-larger")
        touch(page, leg.marks[name])
    expect(page.get_by_text("Marked.")).to_be_visible()
    picture(page, "marked")


def test_a_photo_is_marked_scored_and_confirmed_by_the_nurse(page: Page, bedside: Tried, leg: Leg) -> None:
    marked(page, leg)
    assert (overflowing(page), small_targets(page), sound(page)) == ([], [], [])
    key(page, "Score").tap()
    expect(page.get_by_text("not confirmed").or_(page.locator(".huge"))).to_be_visible(timeout=30_000)
    picture(page, "score")
    assert (overflowing(page), small_targets(page), sound(page)) == ([], [], [])
    found = bedside.readings()[-1]
    assert (found["kind"], found["subject"]["inclusion"]) == ("mottling", "0042")
    assert found["landmarks"]["knee"] == pytest.approx(leg.marks["knee"], abs=3)
    key(page, "Confirm").tap()
    typed(page, "n7")
    expect(page.get_by_text("confirmed").first).to_be_visible()
    kept = bedside.readings()[-1]
    assert (kept["kind"], kept["about"], kept["mottling_score"]) == (
        "amendment",
        found["reading_id"],
        found["result"]["score"],
    )
    assert not list(bedside.inbox().glob("*[0-9a-f].jpg"))


def test_the_nurse_may_see_it_otherwise_and_both_scores_are_kept(page: Page, bedside: Tried, leg: Leg) -> None:
    marked(page, leg)
    key(page, "Score").tap()
    expect(page.locator(".huge")).to_be_visible(timeout=30_000)
    found = bedside.readings()[-1]["result"]["score"]
    key(page, "Another score").tap()
    picture(page, "scores")
    other = 5 if found != 5 else 4
    page.get_by_role("button", name=f"{other} ").tap()
    typed(page, "n7")
    expect(page.get_by_text(f"Mottling {other}, confirmed")).to_be_visible()
    kept = bedside.readings()
    assert kept[-1]["mottling_score"] == other
    assert kept[-2]["result"]["score"] == found


def test_what_is_no_photo_is_refused_in_words(page: Page, tmp_path: Path) -> None:
    text = tmp_path / "note.jpg"
    text.write_text("no photo")
    key(page, "Mottling").tap()
    page.locator("input[type=file]").set_input_files(text)
    expect(page.get_by_role("alert")).to_contain_text("no photo that can be used")


def test_a_photo_that_is_let_go_of_is_removed(page: Page, bedside: Tried, leg: Leg) -> None:
    key(page, "Mottling").tap()
    page.locator("input[type=file]").set_input_files(leg.photo)
    expect(page.get_by_text("Touch near the centre of the knee")).to_be_visible(timeout=20_000)
    before = {file.name for file in bedside.inbox().glob("*.jpg")}
    assert before
    key(page, "Back").tap()
    page.wait_for_timeout(300)
    assert not {file.name for file in bedside.inbox().glob("*.jpg")} & before - {
        name for name in before if ".map." in name
    }


def test_it_all_fits_on_a_tablet_and_in_french(browser: Browser, bedside: Tried, leg: Leg) -> None:
    page = opened(browser, bedside.url, TABLET)
    if not page.get_by_text("00-0042").count():
        choose(page, "0042", event="inclusion")
    key(page, "Français").tap()
    for size in (TABLET, SEVEN_INCH):
        page.set_viewport_size(size)  # type: ignore[arg-type] # a plain dict serves
        key(page, "Marbrures").tap()
        assert (overflowing(page), small_targets(page), sound(page)) == ([], [], [])
        page.locator("input[type=file]").set_input_files(leg.photo)
        expect(page.get_by_text("Toucher près du centre du genou")).to_be_visible(timeout=20_000)
        picture(page, f"fr-marks-{size['width']}")
        assert (overflowing(page), small_targets(page), sound(page)) == ([], [], [])
        key(page, "Retour").tap()
    page.context.close()
