"""What the nurse's page costs a measurement: frames and control loop with no page, and with four pages open.

`python -m benchmarks.screen_load --measurements 6` measures by turns without and with four pages in a real Chromium, on
one bedside, and reads the frame times and the probe's sample times from the stored traces. It also takes the page's
cold start and its server's memory. It writes `docs/evidence/screen-load.md` and ends with 1 where a target was missed.
"""

import argparse
import os
import statistics
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, sync_playwright

from benchmarks.bedside_bench import Bedside, Pace
from benchmarks.bedside_choice import choose
from benchmarks.bedside_place import CampaignError, Place, a_place
from benchmarks.bedside_probes import SimulatedProbe
from benchmarks.bedside_report import machine
from benchmarks.cpu_groups import cpu_group, joining, weight_of
from benchmarks.servers import Program, free_port, refill
from device.journal import Deliveries
from device.stored_trace import read_stored_trace

EVIDENCE = Path("docs/evidence/screen-load.md")
CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")
PAGES = 4
PROTOCOL = "demo"
PICTURE: dict[str, Any] = {"width_px": 320, "height_px": 240, "fps": 60.0}
ANSWERS_S = 40.0
PROBE_PRIORITY = 20
SLACK = 1.5
"""A measurement with pages may have this many times the spread of one without, and no frame lost more."""


ABOUT = f"""# What the page costs a measurement

Written by the command below, not by hand. One simulated probe, one bedside at 60 frames/s (320 x 240) and the page's
server, each a process of its own on one machine, and a real headless Chromium; measurements by turns without a page and
with {PAGES} open pages, each of which draws pressure and curve all along. Each process stands in a CPU group of its
unit's weight: bedside {weight_of("refill-bedside")}, the page's server {weight_of("refill-screen")}, the browser
{weight_of("refill-kiosk")} as the kiosk; the probe runs real-time as its unit says. A Pi has four cores and a tablet
its own; here browser, phantom and device share two. Intervals are read from the stored traces: frames by their sensor
times, the control loop by the times of the probe's samples (10 ms).
"""


HEAD = (
    "| | frame interval, ms: median | 99th | longest | sd | sample interval, ms: median | 99th | longest | sd "
    "| frames lost | measurements |"
)


@dataclass(frozen=True)
class Times:
    """Intervals of one measurement's frames and of the probe's samples, ms; frames that are missing."""

    frames_ms: np.ndarray
    samples_ms: np.ndarray
    dropped: int
    said: str


@dataclass
class Load:
    """What was measured; s from the start of the page's process, MiB of its server after one page and at the end."""

    without: list[Times] = field(default_factory=list)
    with_pages: list[Times] = field(default_factory=list)
    answer_s: float = 0.0
    touchable_s: float = 0.0
    rss_mb: list[float] = field(default_factory=list)


def run(measurements: int) -> Load:
    """Measure by turns, without and with pages; raises `CampaignError`."""
    load = Load()
    with a_place("sl-", picture=PICTURE) as place, _groups() as groups:
        probe = SimulatedProbe(place)
        probe.start()
        _as_real_time(probe.pid)
        bedside = Bedside(place)
        try:
            groups.bedside.write_text(str(bedside.process.pid), encoding="ascii")
            bedside.until_ready()
            choose(place, PROTOCOL)
            with sync_playwright() as play:
                browser = play.chromium.launch(executable_path=_browser_in(place, groups.kiosk), args=list(FLAGS))
                _turns(place, groups, bedside, browser, measurements, load)
                browser.close()
        finally:
            bedside.stop()
            probe.stop()
    return load


@dataclass(frozen=True)
class Groups:
    """Where a process id is written to weigh it as its unit does."""

    bedside: Path
    screen: Path
    kiosk: Path


@contextmanager
def _groups() -> Iterator[Groups]:
    with (
        cpu_group("bedside", "refill-bedside") as bedside,
        cpu_group("screen", "refill-screen") as screen,
        cpu_group("kiosk", "refill-kiosk") as kiosk,
    ):
        yield Groups(bedside, screen, kiosk)


def _as_real_time(pid: int) -> None:
    """Schedule the probe, whose threads are all there once it answers, as its unit does."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setscheduler(int(thread.name), os.SCHED_RR, os.sched_param(PROBE_PRIORITY))


def _turns(place: Place, groups: Groups, bedside: Bedside, browser: Browser, measurements: int, load: Load) -> None:
    pace = Pace()
    with _served(place, groups.screen, browser, load) as url:
        for number in range(1, measurements + 1):
            pages = number % 2 == 0
            contexts = [_opened(browser, url) for _ in range(PAGES)] if pages else []
            pace.wait_for(1)
            told = bedside.reading(bedside.begin())
            pace.note(bedside.events)
            if told is None:
                raise CampaignError(f"measurement {number} came to no end: {bedside.last_words()}")
            times = _times(place, told)
            (load.with_pages if pages else load.without).append(times)
            for context in contexts:
                context.close()
            sys.stderr.write(
                f"measurement {number}, {len(contexts)} pages: {times.said}, {times.dropped} frames lost\n"
            )


def _browser_in(place: Place, group: Path) -> Path:
    """Return a program that is Chromium in a group."""
    script = place.folder / "chromium"
    script.write_text(f'#!/bin/sh\necho $$ > {group} && exec {CHROMIUM} "$@"\n', encoding="ascii")
    script.chmod(0o700)
    return script


@contextmanager
def _served(place: Place, group: Path, browser: Browser, load: Load) -> Iterator[str]:
    port = free_port()
    options = ("--simulate", "--console", str(place.console), "--data", str(place.data), "--port", str(port))
    screen = Program(joining(group, refill("screen", "serve", *options)), place.folder / "screen.log")
    begun_s = time.monotonic()
    screen.start()
    url = f"http://127.0.0.1:{port}/"
    try:
        while not _answers(url):
            if time.monotonic() - begun_s > ANSWERS_S or not screen.runs:
                raise CampaignError(f"the page does not answer: {screen.text()[-300:]}")
            time.sleep(0.02)
        load.answer_s = time.monotonic() - begun_s
        first = _opened(browser, url)
        load.touchable_s = time.monotonic() - begun_s
        first.close()
        load.rss_mb.append(_rss_mb(screen))
        yield url
        load.rss_mb.append(_rss_mb(screen))
    finally:
        screen.terminate()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()  # noqa: S310 - loopback
    except (urllib.error.URLError, OSError):
        return False
    return True


def _opened(browser: Browser, url: str) -> Any:
    context = browser.new_context(viewport={"width": 800, "height": 480})
    page = context.new_page()
    page.goto(url)
    page.locator("main.body button").first.wait_for(timeout=20_000)
    return context


def _rss_mb(program: Program) -> float:
    assert program.process is not None
    status = Path(f"/proc/{program.process.pid}/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def _times(place: Place, told: dict[str, Any]) -> Times:
    with Deliveries.open(place.journal, read_only=True) as journal:
        record = journal.record(told["device_seq"])
        kept = journal.trace(record.reading_id, 1) if record is not None else None
    if record is None or kept is None:
        raise CampaignError(f"record {told['device_seq']} has no trace: {told['result']}")
    stored = read_stored_trace(kept)
    frames_ms = 1000 * np.diff(stored.trace.time_s)
    samples_ms = 1000 * np.diff(stored.pressure.time_s)
    dropped = sum(press.frames_dropped for press in record.reading.presses)
    said = str(told["result"]["crt_s"] or told["result"]["reason"] or told["result"]["status"])
    return Times(frames_ms, samples_ms, dropped, said)


def _row(name: str, times: Sequence[Times]) -> str:
    frames = np.concatenate([each.frames_ms for each in times])
    samples = np.concatenate([each.samples_ms for each in times])
    cells = [
        f"{np.median(frames):.2f}",
        f"{np.percentile(frames, 99):.2f}",
        f"{frames.max():.2f}",
        f"{frames.std():.2f}",
    ]
    cells += [f"{np.median(samples):.2f}", f"{np.percentile(samples, 99):.2f}", f"{samples.max():.2f}"]
    cells += [f"{samples.std():.2f}", str(sum(each.dropped for each in times)), str(len(times))]
    return f"| {name} | " + " | ".join(cells) + " |"


def report(load: Load, command: str, took_s: float) -> tuple[str, bool]:
    """Return the page, and whether every target was met."""
    spreads = [
        [
            statistics.median(float(getattr(each, what).std()) for each in times)
            for times in (load.without, load.with_pages)
        ]
        for what in ("frames_ms", "samples_ms")
    ]
    lost = [sum(each.dropped for each in times) for times in (load.without, load.with_pages)]
    checks = [
        (f"frames lost with {PAGES} pages: no more than without", lost[1] <= lost[0], f"{lost[0]} and {lost[1]}"),
        *(
            (
                f"{name}: spread with pages at most {SLACK} times that without, or 0.1 ms more",
                b <= max(SLACK * a, a + 0.1),
                f"{a:.3f} and {b:.3f} ms",
            )
            for name, (a, b) in zip(("frame intervals", "control loop"), spreads, strict=True)
        ),
        (
            "the page can be touched within 10 s of its process' start",
            load.touchable_s <= 10,
            f"{load.touchable_s:.1f} s",
        ),
    ]
    lines = [
        ABOUT,
        f"```\n{command}\n```\n",
        machine(took_s) + "\n",
        *(f"- {'met     ' if met else 'NOT MET '} {name}: {figures}" for name, met, figures in checks),
        "",
        HEAD,
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        _row("no page", load.without),
        _row(f"{PAGES} pages", load.with_pages),
        "",
        f"Cold start of the page's process: it answers after {load.answer_s:.1f} s, and can be touched after",
        f"{load.touchable_s:.1f} s.",
        f"Memory of its server: {load.rss_mb[0]:.0f} MiB after one page, {load.rss_mb[1]:.0f} MiB at the end.",
    ]
    return "\n".join(lines) + "\n", all(met for _, met, _ in checks)


def main() -> int:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measurements", type=int, default=10)
    parser.add_argument("--out", type=Path, default=EVIDENCE)
    asked = parser.parse_args()
    begun_s = time.monotonic()
    try:
        load = run(asked.measurements)
    except CampaignError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    command = f"python -m benchmarks.screen_load --measurements {asked.measurements}"
    page, met = report(load, command, time.monotonic() - begun_s)
    asked.out.write_text(page, encoding="utf-8")
    sys.stderr.write("".join(f"{line}\n" for line in page.splitlines() if line.startswith("- ")))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
