"""What the demo shows in a terminal while it measures: state, countdown, pressure and the curve as it comes."""

from collections import deque
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

STATES: dict[str, str] = {
    "idle": "Ready. The simulated nurse pushes the button.",
    "baseline": "Watching the skin",
    "pressing": "Pressing",
    "holding": "Holding",
    "refilling": "Released. Watching the colour come back",
    "resting": "Resting before the next press",
    "judging": "Judging",
    "done": "Done",
}
BARS = " ▁▂▃▄▅▆▇█"
ACROSS: int = 72
ROWS: int = 6


def curve_text(signal: list[float]) -> Text:
    """Return a signal as `ROWS` lines of blocks, newest at the right; flat below two values."""
    shown = signal[-ACROSS:]
    if len(shown) < 2:
        return Text("\n" * (ROWS - 1))
    low, high = min(signal), max(signal)
    span = max(high - low, 1e-9)
    heights = [(value - low) / span * ROWS for value in shown]
    lines = ["".join(_block(height - row) for height in heights) for row in range(ROWS - 1, -1, -1)]
    return Text("\n".join(lines), style="cyan")


def _block(height: float) -> str:
    return BARS[max(0, min(8, round(8 * height)))]


class Display:
    """Draws the bedside's progress events; plain lines where nobody watches a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._signal: deque[float] = deque(maxlen=600)
        self._live = Live(console=console, refresh_per_second=12, transient=True) if console.is_terminal else None
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
        self._console.print(line, highlight=False, soft_wrap=True)

    def hear(self, event: dict[str, Any]) -> None:
        """Take one progress event of the bedside."""
        kind = event.get("event")
        if kind in ("problem", "refused"):
            self.say(f"  {event['sentence']}")
        if kind == "reading":
            self.say(f"  reading {event['device_seq']} is in the journal: {_outcome(event)}")
        if kind not in ("state", "progress"):
            return
        self._latest = event
        if event["state"] != self._state:
            self._state = event["state"]
            if self._state == "baseline":
                self._signal.clear()
            if self._live is None:
                self.say(f"  {STATES.get(self._state, self._state)}")
        if isinstance(event.get("signal"), float):
            self._signal.append(event["signal"])
        if self._live is not None:
            self._live.update(self._drawn())

    def _drawn(self) -> Panel:
        event = self._latest
        head = STATES.get(self._state, self._state)
        if event.get("remaining_s") is not None:
            head += f", {event['remaining_s']:.1f} s"
        kpa = event.get("kpa") or 0.0
        pressure = Text(f"pressure {kpa:5.1f} kPa  " + "█" * max(0, round(kpa / 1.2)), style="green")
        title = f"press {event.get('press', 1)} of {event.get('presses', 1)}"
        return Panel(
            Group(Text(head, style="bold"), pressure, Text("blood under the window"), curve_text([*self._signal])),
            title=title,
        )


def _outcome(event: dict[str, Any]) -> str:
    result = event["result"]
    if result["crt_s"] is not None:
        low, high = result["crt_ci95_s"]
        return f"{result['crt_s']:.2f} s (95 % interval {low:.2f} to {high:.2f} s)"
    if result["crt_exceeds_s"] is not None:
        return f"longer than {result['crt_exceeds_s']:.1f} s"
    return f"not measurable. {event['sentence']}"
