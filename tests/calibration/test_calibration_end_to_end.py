"""A known refill from a screen, measured through vision's own chain; and the page that shows it."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, sync_playwright
from timing_bench import TimingRig, run, value
from typer.testing import CliRunner

from calibration.camera_frames import TargetError
from calibration.end_to_end import ERROR_S, find_flashes
from calibration.recovery_page import page
from calibration.recovery_target import CURVES_S, FLASH_S, RED_SHARE, SEQUENCE_S, STEP, light_at, parts, refilled_share
from calibration.rig import Target
from contract.certificate import StepName as S
from contract.certificate import StepOutcome
from phantom.bench.timing_errors import healthy_timing, with_timing_error
from refill.cli import app
from vision.grid import GridRecording
from vision.signal import blood_index, exponent, haemoglobin
from vision.tone import linear_to_srgb, srgb_to_linear


@pytest.fixture(scope="module")
def healthy() -> StepOutcome:
    return run(TimingRig(healthy_timing(200)), S.END_TO_END)


@pytest.mark.slow
def test_a_good_device_measures_the_known_refills_within_the_limits(healthy: StepOutcome) -> None:
    assert healthy.passed, healthy
    for crt_s in CURVES_S:
        error_ms, uncertainty_ms = value(healthy, f"error-{crt_s * 1e3:.0f}-ms")
        assert abs(error_ms) <= uncertainty_ms < 1e3 * max(ERROR_S, 0.06 * crt_s)
    assert value(healthy, "repeatability-s")[0] < 0.05
    rate, uncertainty = value(healthy, "stamps-rate-pct")
    assert abs(rate - healthy_timing(200).clock_pct) <= uncertainty < 0.05
    assert {curve.name for curve in healthy.curves} >= {"refill-1500-ms-seen", "refill-4000-ms-fitted"}


@pytest.mark.slow
def test_stamps_of_a_clock_that_runs_wrong_are_found_with_their_rate() -> None:
    errors = with_timing_error("clock", 200)
    done = run(TimingRig(errors), S.END_TO_END)
    rate, uncertainty = value(done, "stamps-rate-pct")
    assert abs(rate - errors.clock_pct) <= uncertainty
    assert not done.passed
    for crt_s in CURVES_S:
        error_ms, uncertainty_ms = value(done, f"error-{crt_s * 1e3:.0f}-ms")
        assert abs(error_ms - 10 * errors.clock_pct * crt_s) <= uncertainty_ms


@pytest.mark.slow
def test_without_the_page_there_is_no_end_to_end() -> None:
    done = run(TimingRig(healthy_timing(5), instead=Target.WHITE), S.END_TO_END)
    assert "recovery page is not seen" in (done.trouble or "")


def test_what_the_page_shows_is_an_exponential_in_the_index_that_vision_measures() -> None:
    for part in parts():
        at_s = np.array([0.0, 0.1, 0.5, 0.9, 1.0]) * part.crt_s
        share, flash = refilled_share(FLASH_S + part.released_s + at_s + 1e-9)
        assert not flash.any()
        h = haemoglobin(light_at(share))
        blanched = float(haemoglobin(light_at(np.zeros(1)))[0])
        whole = float(haemoglobin(light_at(np.ones(1)))[0]) - blanched
        assert whole == pytest.approx(STEP)
        index = blood_index(h, blanched, exponent(RED_SHARE))
        full = float(blood_index(np.array(blanched + STEP), blanched, exponent(RED_SHARE)))
        assert index / full == pytest.approx(1 - 10 ** (-at_s / part.crt_s), abs=1e-6)
        assert index[-1] / full == pytest.approx(0.9)


def test_every_colour_of_the_page_is_one_a_screen_has() -> None:
    codes = linear_to_srgb(light_at(np.linspace(0.0, 1.0, 11)))
    assert codes.min() > 60
    assert codes.max() < 230
    assert 0.1 <= STEP <= 0.3


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_page_is_one_file_that_asks_for_no_other(tmp_path: Path, language: str) -> None:
    file = tmp_path / "recovery.html"
    done = CliRunner().invoke(app, ["calibrate", "target", "--recovery", str(file), "--language", language])
    assert done.exit_code == 0, done.output
    text = file.read_text(encoding="utf-8")
    assert f'lang="{language}"' in text
    assert not any(word in text for word in ("http", "src=", "href=", "import", "@WORDS@", "@SHOWN@"))
    assert not list(tmp_path.glob(".*"))


@pytest.mark.slow
def test_a_target_command_with_nothing_to_write_says_so(tmp_path: Path) -> None:
    for arguments, said in (([], "--pdf FILE, --recovery FILE.html"), (["--recovery", str(tmp_path)], "a folder")):
        done = CliRunner().invoke(app, ["calibrate", "target", *arguments])
        assert done.exit_code == 2
        assert said in done.output
        assert len(done.output.strip().splitlines()) == 1


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    chromium = Path("/usr/bin/chromium")
    if not chromium.is_file():
        if os.environ.get("CI") == "true":
            pytest.fail("chromium is not installed")
        pytest.skip("chromium is not installed")
    file = tmp_path_factory.mktemp("page") / "recovery.html"
    file.write_text(page(), encoding="utf-8")
    with sync_playwright() as play:
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = play.chromium.launch(executable_path=str(chromium), args=flags)
        shown = browser.new_page(viewport={"width": 400, "height": 300})
        shown.goto(file.as_uri())
        yield shown
        browser.close()


@pytest.mark.slow
def test_a_browser_shows_what_the_analysis_takes_it_for(opened: Page) -> None:
    at_s = np.linspace(0.05, SEQUENCE_S - 0.05, 200)
    share, flash = refilled_share(at_s)
    expected = light_at(share)
    expected[flash] = 1.0
    drawn = opened.evaluate("times => times.map(lightAt)", at_s.tolist())
    assert np.array(drawn) == pytest.approx(expected, rel=1e-9)


@pytest.mark.slow
def test_the_mean_of_the_browsers_pixels_is_the_light_that_is_meant(opened: Page) -> None:
    ratios = []
    for share in (0.0, 0.45, 0.9, 1.0):
        light = light_at(np.array([share]))[0]
        pixels = opened.evaluate("light => { drawTile(light); return Array.from(pixels.data); }", light.tolist())
        mean = srgb_to_linear(np.array(pixels, dtype=float).reshape(-1, 4)[:, :3]).mean(axis=0)
        ratios.append(mean / light)
    # The texture's mean is the same for all: only what differs from colour to colour bends a curve.
    assert np.ptp(np.array(ratios), axis=0).max() < 2e-4
    assert haemoglobin(np.array(ratios[0])) == pytest.approx(0.0, abs=2e-4)


@pytest.mark.slow
def test_a_tap_starts_the_page_and_another_ends_it(opened: Page) -> None:
    assert not opened.locator("canvas").is_visible()
    opened.mouse.click(200, 150)
    opened.wait_for_function("began !== null && last !== ''")
    assert opened.locator("canvas").is_visible()
    opened.mouse.click(200, 150)
    assert not opened.locator("canvas").is_visible()


def flashing(every_s: float) -> GridRecording:
    time_s = np.arange(0.0, 150.0, 1 / 60)
    level = np.where(time_s % every_s < 0.5, 0.9, 0.4).astype(np.float32)
    cells = np.broadcast_to(level[:, None, None, None], (len(time_s), 2, 2, 3))
    none = np.zeros((len(time_s), 2, 2), np.float32)
    still = np.zeros(len(time_s))
    return GridRecording(time_s, cells, none, none, np.zeros((len(time_s), 2)), still, still.astype(bool), 4)


def test_what_flashes_otherwise_is_not_the_page() -> None:
    assert find_flashes(flashing(SEQUENCE_S), 0.004).count == 7
    with pytest.raises(TargetError, match="recovery page is not seen"):
        find_flashes(flashing(5.0), 0.004)
