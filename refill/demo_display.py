"""What the demo shows in a terminal while it measures: step, countdown, pressure, and the curve as it comes."""

import math
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

STATES: dict[str, str] = {
    "idle": "Ready. The simulated nurse pushes the button.",
    "beginning": "Writing down that a measurement begins",
    "baseline": "Watching the skin before the press",
    "pressing": "Pressing",
    "holding": "Holding: the blood is pressed out",
    "refilling": "Released. Watching the colour come back",
    "resting": "Resting before the next press",
    "repeating": "The presses disagree: resting before they are made again",
    "judging": "Working out the refill time",
    "done": "Done",
    "aborted": "Stopped",
    "probe_fault": "The probe failed",
    "camera_fault": "The camera failed",
    "analysis_fault": "The analysis failed",
    "journal_fault": "The journal takes no record: the reading waits",
}
STEPS: dict[str, str] = {
    "baseline": "watch",
    "pressing": "press",
    "holding": "hold",
    "refilling": "release",
    "judging": "result",
}
"""A press in the order that it takes, as the head of the picture shows it."""
BARS = " ▁▂▃▄▅▆▇█"
MARKS: dict[str, str] = {"baseline": "watch", "pressing": "press and hold", "refilling": "release"}
"""What stands below the curve, from where it began."""
ROWS: int = 7
NARROWEST: int = 30
COLUMN_S: float = 0.2
"""A column of the curve; more, where the press has become too long for the terminal."""
SMALLEST_SPAN: float = 0.06
"""Change of the signal below which the curve does not fill its height: noise alone must not look like a curve."""

Sample = tuple[float, float]
Mark = tuple[float, str]


def curve_text(samples: list[Sample], width: int) -> str:
    """Return `(time_s, signal)` samples as `ROWS` lines of blocks from time 0 on, higher where there is more blood.

    All of a press stays in view: a column is `COLUMN_S`, or what it takes to fit `width`.
    """
    if len(samples) < 2:
        return "\n" * (ROWS - 1)
    high = max(value for _, value in samples)
    low = min(*(value for _, value in samples), high - SMALLEST_SPAN)
    columns = _columns(samples, width)
    heights = [(value - low) / (high - low) * ROWS for value in columns]
    return "\n".join("".join(_block(height - row) for height in heights) for row in range(ROWS - 1, -1, -1))


def ruler_text(marks: list[Mark], samples: list[Sample], width: int) -> str:
    """Return the line below the curve that says what happened from when on."""
    column_s = _column_s(samples, width)
    line = ""
    for time_s, word in marks:
        at = min(int(time_s / column_s), width - 1)
        line = line[:at].ljust(at) + f"│{word} "
    return line[:width]


def _column_s(samples: list[Sample], width: int) -> float:
    return max(COLUMN_S, samples[-1][0] / (width - 1)) if samples else COLUMN_S


def _columns(samples: list[Sample], width: int) -> list[float]:
    """Return the mean signal of each column; one without a sample repeats the one before."""
    column_s = _column_s(samples, width)
    held: dict[int, list[float]] = {}
    for time_s, value in samples:
        held.setdefault(min(max(int(time_s / column_s), 0), width - 1), []).append(value)
    columns, latest = [], samples[0][1]
    for number in range(max(held) + 1):
        if number in held:
            latest = sum(held[number]) / len(held[number])
        columns.append(latest)
    return columns


def _block(height: float) -> str:
    return BARS[max(0, min(8, round(8 * height)))]


class Display:
    """Draws the bedside's progress events; plain lines where nobody watches a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=12, transient=True) if console.is_terminal else None
        self._width = max(NARROWEST, min(console.width, 100) - 4)
        self._samples: list[Sample] = []
        self._marks: list[Mark] = []
        self._state = ""
        self._latest: dict[str, Any] = {}

    def __enter__(self) -> "Display":
        """Take the terminal."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Give the terminal back."""
        if self._live is not None:
            self._live.stop()

    def say(self, line: str) -> None:
        """Print one line that stays."""
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def wait_for_receipts(self) -> None:
        """Say that the measurement is over and the way home is not."""
        if self._live is not None:
            self._live.update(Text(), refresh=True)
        self.say("  waiting for the receipt of the trial database")

    def hear(self, event: dict[str, Any]) -> None:
        """Take one progress event of the bedside; what it does not know, or half of one, it passes over."""
        kind = event.get("event")
        if kind in ("problem", "refused"):
            self.say(f"  {event.get('sentence', kind)}")
        elif kind == "reading":
            self._keep_picture(event)
            self.say(f"  reading {event.get('device_seq', '?')} is in the journal: {outcome(event)}")
        elif kind in ("state", "progress") and isinstance(event.get("state"), str):
            self._follow(event)

    def _follow(self, event: dict[str, Any]) -> None:
        self._latest = event
        changed = event["state"] != self._state
        if changed:
            self._state = event["state"]
            if self._state == "baseline":
                self._samples, self._marks = [], []
            if self._live is None:
                self.say(f"  {STATES.get(self._state, self._state)}")
        time_s, signal = _number(event, "time_s"), _number(event, "signal")
        if changed and self._state in MARKS:
            self._marks.append((time_s or 0.0, MARKS[self._state]))
        if time_s is not None and signal is not None:
            self._samples.append((time_s, signal))
        if self._live is not None and self._state != "done":
            self._live.update(self._picture(self._head(), self._pressure()))

    def _keep_picture(self, event: dict[str, Any]) -> None:
        """Leave the whole curve on the terminal, under its result."""
        if self._live is None or len(self._samples) < 2:
            return
        self._live.update(Text(), refresh=True)
        self._console.print(self._picture(Text(f"Refill time: {outcome(event)}", style="bold")))
        self._samples, self._marks = [], []

    def _head(self) -> Text:
        """Return the steps of a press with the one under way, and what it is, with its countdown."""
        remaining_s = _number(self._latest, "remaining_s")
        working_out = self._state == "refilling" and remaining_s == 0.0
        state = "judging" if working_out else self._state
        steps, head = [*STEPS], Text()
        now = steps.index(state) if state in steps else -1
        for number, step in enumerate(steps):
            mark, style = ("✓", "green") if number < now else ("●", "bold") if number == now else ("○", "dim")
            head.append(f"{mark} {STEPS[step]}   ", style)
        head.append(f"\n\n{STATES.get(state, state)}", "bold")
        if remaining_s and not working_out:
            head.append(f", {remaining_s:.1f} s to go")
        return head

    def _pressure(self) -> Text:
        kpa = max(0.0, _number(self._latest, "kpa") or 0.0)
        return Text(f"pressure on the skin {kpa:5.1f} kPa  " + "█" * min(round(kpa / 1.2), self._width - 33), "green")

    def _picture(self, *head: Text) -> Panel:
        samples = [*self._samples]
        curve = Text(curve_text(samples, self._width), "red", no_wrap=True, overflow="crop")
        ruler = Text(ruler_text([*self._marks], samples, self._width), "dim", no_wrap=True, overflow="crop")
        press, presses = _number(self._latest, "press") or 1, _number(self._latest, "presses") or 1
        return Panel(
            Group(*head, Text("\nblood in the skin, as the camera sees it", "dim"), curve, ruler),
            title=f"Refill on simulated skin: press {max(press, 1):.0f} of {presses:.0f}",
            title_align="left",
            width=self._width + 4,
        )


def _number(event: dict[str, Any], key: str) -> float | None:
    """Return a finite number of an event, or None where there is none."""
    value = event.get(key)
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if value is not None and is_number else None


def outcome(event: dict[str, Any]) -> str:
    """Return the result of a `reading` event in words."""
    result = event.get("result")
    result = result if isinstance(result, dict) else {}
    crt_s, exceeds_s = _number(result, "crt_s"), _number(result, "crt_exceeds_s")
    interval = result.get("crt_ci95_s")
    if crt_s is not None:
        bounds = dict(zip(("low", "high"), interval, strict=False)) if isinstance(interval, list) else {}
        low_s, high_s = _number(bounds, "low"), _number(bounds, "high")
        known = low_s is not None and high_s is not None
        return f"{crt_s:.2f} s" + (f" (95 % interval {low_s:.2f} to {high_s:.2f} s)" if known else "")
    if exceeds_s is not None:
        return f"longer than {exceeds_s:.1f} s"
    return f"not measurable. {event.get('sentence') or ''}".strip()
