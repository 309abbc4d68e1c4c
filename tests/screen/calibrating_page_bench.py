"""What the tests of the calibration's page share: the page as a process, and an engineer who touches what is asked."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, expect
from screen_bench import SEVEN_INCH, TABLET, key, overflowing, picture, small_targets, sound

from benchmarks.servers import free_port
from calibration.certificate.store import Store
from contract.certificate import Certificate

HERE = Path(__file__).resolve().parents[2]
IMAGES = HERE / "docs/images/calibration"
QUICK = [str(Path(__file__).with_name("calibrating_page_server.py"))]
"""Three steps: the sensor's zero, which corrects something; the ambient light, which cannot; the camera's dark."""


@dataclass
class Served:
    """The page as a process, which may be killed and started again at the same address."""

    folder: Path
    quick: bool
    port: int
    options: tuple[str, ...] = ()
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        whole = ["-m", "refill", "calibrate", "screen", "--simulate", "--seed", "3", "--data", str(self.folder)]
        words = (
            [*QUICK, str(self.port), str(self.folder)]
            if self.quick
            else [*whole, "--port", str(self.port), *self.options]
        )
        environment = {
            **os.environ,
            "PYTHONPATH": str(HERE),
            "OPENBLAS_NUM_THREADS": "1",
            "CREDENTIALS_DIRECTORY": str(self.folder),
        }
        with (self.folder / "page.log").open("ab") as log:
            self.process = subprocess.Popen([sys.executable, *words], cwd=HERE, env=environment, stdout=log, stderr=log)
        until_s = time.monotonic() + 40
        while True:
            try:
                urllib.request.urlopen(self.url, timeout=2).close()  # noqa: S310 - loopback
            except (urllib.error.URLError, OSError):
                assert self.process.poll() is None, (self.folder / "page.log").read_text()
                assert time.monotonic() < until_s, "the page does not answer"
                time.sleep(0.05)
            else:
                return

    def end(self, by: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(by)
            self.process.wait(20)

    def outcomes(self) -> list[str]:
        """The steps whose outcomes are kept, in order, of the run under way or the one that is over."""
        runs = self.folder / "calibration"
        files = [*runs.glob("run/*-measured.json"), *runs.glob("runs/*/*-measured.json")]
        bodies = [
            json.loads(json.loads(file.read_text())["body"]) for file in sorted(files, key=lambda each: each.name)
        ]
        return [body["outcome"]["step"] for body in bodies]

    def certificates(self) -> list[Certificate]:
        kept = Store(self.folder / "calibration" / "certificates").all()
        return [each.certificate for each in kept if each.certificate is not None]


@contextmanager
def served(folder: Path, *options: str, quick: bool) -> Iterator[Served]:
    made = Served(folder, quick, free_port(), options)
    made.start()
    try:
        yield made
    finally:
        made.end(signal.SIGKILL)


def begin(page: Page) -> None:
    """Begin as `eng`."""
    key(page, "Begin").tap()
    for letter in "eng":
        key(page, letter).tap()
    key(page, "OK").tap()
    expect(key(page, "It is done: measure")).to_be_visible()


WAITING = ("It is done: measure", "Repeat", "Yes, write", "OK", "To the start")


def asked(page: Page) -> str:
    """Wait until the page waits for somebody; returns by which key it is known."""
    there = page.wait_for_function(
        """keys => {
            const shown = [...document.querySelectorAll("main.body button")].map(e => e.innerText.replace("\\n", " "));
            return keys.find(each => shown.includes(each));
        }""",
        arg=list(WAITING),
        timeout=120_000,
    )
    return str(there.json_value())


def answer(page: Page) -> None:
    """Touch what a willing engineer touches; the page goes on from there."""
    what = asked(page)
    if what == "OK":
        reference = re.search(r"reference shows (-?[0-9.]+)", page.locator(".question").inner_text())
        page.keyboard.type(reference[1] if reference else "0")
        expect(page.locator(".typed")).to_contain_text(reference[1] if reference else "0")
    touched = key(page, "Go on" if what == "Repeat" else what)
    there = touched.element_handle()
    touched.tap()
    there.wait_for_element_state("hidden")


def to_the_end(page: Page) -> None:
    while asked(page) != "To the start":
        answer(page)


def well_made(page: Page, name: str) -> None:
    """Keep the picture, and see that everybody can use what is shown: on both displays, in both languages."""
    page.wait_for_timeout(250)
    picture(page, name, IMAGES)
    here = page.viewport_size
    fits(page, name)
    for size in (TABLET, SEVEN_INCH):
        page.set_viewport_size(size)  # type: ignore[arg-type] # a plain dict serves
        fits(page, f"{name} {size}")
    other = next((each for each in ("Français", "English") if key(page, each).count()), None)
    if other is not None:
        back = "English" if other == "Français" else "Français"
        key(page, other).tap()
        key(page, back).wait_for()
        fits(page, f"{name} {other}")
        key(page, back).tap()
        key(page, other).wait_for()
    page.set_viewport_size(here)  # type: ignore[arg-type] # it was set


def fits(page: Page, name: str) -> None:
    assert (sound(page), overflowing(page), small_targets(page)) == ([], [], []), name
    assert heading_is_whole(page), f"{name}: the heading is cut"


def heading_is_whole(page: Page) -> bool:
    script = "h => h.scrollWidth <= h.clientWidth + 1 && h.scrollHeight <= 44"
    return bool(page.locator("h1").evaluate(script))
