"""What the tests of the screen share: the page as processes on simulated skin, and a real Chromium that touches it."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from benchmarks.servers import free_port

PLACES = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SEVEN_INCH = {"width": 800, "height": 480}
TABLET = {"width": 1280, "height": 800}
IMAGES = Path(__file__).resolve().parents[2] / "docs/images/screen"
MEASURED_S = 60_000
"""For a whole measurement, ms."""


def chromium() -> str:
    """The browser's path; without it these tests are skipped here, and fail where CI is set."""
    found = next((place for place in PLACES if Path(place).is_file()), None)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("chromium is not installed")
        pytest.skip("chromium is not installed")
    return found


@contextmanager
def a_browser() -> Iterator[Browser]:
    """A Chromium of our own."""
    path = chromium()
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Tried:
    """`refill screen try` on a port of its own."""

    port: int
    data: Path
    process: "subprocess.Popen[bytes]"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def pid_of(self, command: str) -> int:
        """The process of ours that runs `refill COMMAND`."""
        for task in Path("/proc").glob("[0-9]*"):
            try:
                words = (task / "cmdline").read_bytes().split(b"\0")
                parent = int((task / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
            if parent == self.process.pid and command.encode() in words:
                return int(task.name)
        raise AssertionError(f"no process {command}")

    def inbox(self) -> Path:
        """Where photos wait for the bedside: beside the console's socket, which stands on the command line."""
        words = (Path("/proc") / str(self.pid_of("bedside")) / "cmdline").read_bytes().split(b"\0")
        return Path(words[words.index(b"--console") + 1].decode()).with_name("photos")

    def readings(self) -> list[dict[str, Any]]:
        """The journal's records, as `refill journal show` would read them."""
        from device.journal import Deliveries

        path = self.data / "journal.sqlite"
        if not path.exists():
            return []
        with Deliveries.open(path, read_only=True) as journal:
            return [json.loads(record.body) for record in journal.records()]


@contextmanager
def tried(folder: Path, *options: str, language: str = "en") -> Iterator[Tried]:
    """The screen with everything behind it, until it answers; ended at the end."""
    port = free_port()
    data = folder / "data"
    command = [sys.executable, "-m", "refill", "screen", "try", "--data", str(data), "--port", str(port)]
    log = (folder / "try.log").open("ab")
    process = subprocess.Popen([*command, "--language", language, *options], stdout=log, stderr=log)
    made = Tried(port, data, process)
    try:
        until_s = time.monotonic() + 40
        while True:
            try:
                urllib.request.urlopen(made.url, timeout=2).close()  # noqa: S310 - loopback
                break
            except (urllib.error.URLError, OSError):
                assert process.poll() is None, (folder / "try.log").read_text()
                assert time.monotonic() < until_s, "the page does not answer"
                time.sleep(0.1)
        yield made
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
        log.close()
        shutil.rmtree(data, ignore_errors=True)


def key(page: Page, text: str) -> Any:
    """The touch target with this text."""
    return page.get_by_role("button", name=text, exact=True)


def opened(browser: Browser, url: str, size: dict[str, int] = SEVEN_INCH) -> Page:
    """A page on a touch display of this size, once it is alive."""
    context = browser.new_context(viewport=size, has_touch=True)  # type: ignore[arg-type] # a plain dict serves
    page = context.new_page()
    page.goto(url)
    page.locator("main.body button").first.wait_for(timeout=20_000)
    return page


def choose(page: Page, digits: str, place: str = "Finger\nLeft", event: str | None = None) -> None:
    """Choose a subject by touch."""
    page.locator("button.key").first.tap()
    for digit in digits:
        key(page, digit).tap()
    key(page, "OK").tap()
    page.locator("button.key", has_text=place.split("\n")[0]).first.wait_for()
    page.get_by_role("button", name=place.replace("\n", " "), exact=True).tap()
    if event is not None:
        key(page, event).tap()


def typed(page: Page, code: str) -> None:
    """Type a code on the pad, letters first."""
    expect(page.get_by_text("Your code, never a name")).to_be_visible()
    for sign in code:
        if not key(page, sign).count():
            page.get_by_role("button", name="123" if sign.isdigit() else "abc", exact=True).tap()
        key(page, sign).tap()
    key(page, "OK").tap()


def sound(page: Page) -> list[str]:
    """What axe finds that is serious."""
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['help']}" for each in found if each["impact"] in ("serious", "critical")]


def overflowing(page: Page) -> list[str]:
    """Texts that do not fit where they stand."""
    return page.evaluate(
        """() => [...document.querySelectorAll("main.body *, .top-row")]
            .filter(e => (e.childElementCount === 0 || e.className === "top-row") && e.innerText && !e.closest("svg"))
            .filter(e => e.scrollWidth > e.clientWidth + 1 || e.getBoundingClientRect().right > innerWidth + 1
                || (!e.closest(".scroll") && e.getBoundingClientRect().bottom > innerHeight + 1))
            .map(e => e.innerText)"""
    )


def small_targets(page: Page) -> list[str]:
    """Touch targets below 20 mm on the 7-inch display, 104 px."""
    return page.evaluate(
        """() => [...document.querySelectorAll("button")].map(e => [e.innerText, e.getBoundingClientRect()])
            .filter(([_, r]) => r.width < 104 || r.height < 104).map(([t, r]) => `${t} ${r.width} x ${r.height}`)"""
    )


def picture(page: Page, name: str, images: Path = IMAGES) -> None:
    """Keep what is shown for the docs, where `make screen-pictures` asks for it; otherwise only see that it can be."""
    shot = page.screenshot()
    assert len(shot) > 2000
    if os.environ.get("REFILL_PICTURES"):
        images.mkdir(parents=True, exist_ok=True)
        (images / f"{name}.png").write_bytes(shot)
