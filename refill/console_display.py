"""What `refill watch` and `refill health` draw on a terminal; where there is none, plain lines."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from contract.status import PartHealth
from device.health import problem_of

STYLES: dict[str, str] = {"ok": "green", "warning": "yellow", "fault": "bold red", "unknown": "magenta"}
UNITS: dict[str, str] = {"degC": "°C", "fps": "frames/s"}
"""Where a unit is not its own word."""


class Display:
    """Draws what the bedside tells, one line for what happens and one that moves for how far it is."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._live = Live(Text(""), console=self._console, transient=True, auto_refresh=False)
        self._problem: str | None = None

    def __enter__(self) -> Self:
        """Begin to draw."""
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Leave the terminal as it was."""
        if self._console.is_terminal:
            self._live.stop()

    def show(self, event: dict[str, Any]) -> None:
        """Draw one event; one of a kind that is not known here is left out."""
        name = event.get("event")
        if name in ("state", "progress") and self._console.is_terminal:
            self._live.update(progress_line(event), refresh=True)
        line = self._health_line(event) if name == "health" else _LINES[name](event) if name in _LINES else None
        if line is not None:
            self._console.print(line, soft_wrap=True)

    def _health_line(self, event: dict[str, Any]) -> Text | None:
        """Return a line where what is to be read first has changed."""
        problem = problem_of([PartHealth.model_validate(part) for part in event["parts"]])
        changed, self._problem = problem != self._problem, problem
        if not changed:
            return None
        return Text("all parts are well", "green") if problem is None else Text(problem, "yellow")


def progress_line(event: dict[str, Any]) -> Text:
    """Return how far a measurement is: its state, its press, what is left of the phase, the pressure."""
    words = [str(event.get("state"))]
    if event.get("press"):
        words.append(f"press {event['press']} of {event.get('presses')}")
    if event.get("remaining_s") is not None:
        words.append(f"{event['remaining_s']:.0f} s")
    if event.get("kpa") is not None:
        words.append(f"{event['kpa']:.1f} kPa")
    return Text("  ".join(words), "cyan")


def health_table(parts: Sequence[PartHealth], console: Console | None = None) -> None:
    """Print the parts with their conditions, numbers and sentences."""
    table = Table(box=None, pad_edge=False)
    for heading in ("part", "condition", "number", "what it means"):
        table.add_column(heading, overflow="fold")
    for part in parts:
        condition = Text(part.condition.value, STYLES[part.condition.value])
        table.add_row(part.part.value, condition, _number(part), part.sentence or "")
    (console or Console(highlight=False)).print(table)


def _number(part: PartHealth) -> str:
    if part.value is None:
        return ""
    unit = part.unit or ""
    return f"{part.value:.{0 if unit in ('MB', 'records', 's', 'days') else 1}f} {UNITS.get(unit, unit)}".strip()


def _reading(event: dict[str, Any]) -> Text:
    result = event.get("result") or {}
    if event.get("sentence"):
        return Text(f"reading {event.get('device_seq')}: {event['sentence']}", "yellow")
    if result.get("crt_s") is not None:
        low_s, high_s = result.get("crt_ci95_s") or (None, None)
        interval = "" if low_s is None else f" ({low_s:.2f} to {high_s:.2f})"
        return Text(f"reading {event.get('device_seq')}: {result['crt_s']:.2f} s{interval}", "bold green")
    return Text(f"reading {event.get('device_seq')}: > {result.get('crt_exceeds_s')} s", "bold green")


def _mottling(event: dict[str, Any]) -> Text:
    result = event.get("result") or {}
    if event.get("sentence"):
        return Text(f"mottling {event.get('device_seq')}: {event['sentence']}", "yellow")
    at_least = "at least " if result.get("at_least") else ""
    return Text(f"mottling {event.get('device_seq')}: score {at_least}{result.get('score')}", "bold green")


def _press(event: dict[str, Any]) -> Text:
    result = event.get("result") or {}
    crt_s = result.get("crt_s")
    found = f"{crt_s:.2f} s" if crt_s is not None else str(result.get("reason") or result.get("status"))
    return Text(f"press {event.get('number')}: {found}")


def _choice(event: dict[str, Any]) -> Text:
    choice = event.get("choice")
    if not choice:
        return Text("nobody is chosen", "yellow")
    subject = choice["subject"]
    where = " ".join(filter(None, (choice.get("side"), choice["body_site"])))
    return Text(f"chosen: {choice['study']} {subject['site']}-{subject['inclusion']}, {where}, {choice['protocol']}")


_LINES: dict[object, Callable[[dict[str, Any]], Text | None]] = {
    "state": lambda event: Text(str(event.get("state")), "cyan"),
    "press": _press,
    "reading": _reading,
    "mottling": _mottling,
    "amended": lambda event: Text(f"record {event.get('device_seq')}: {event.get('action')}"),
    "verdict": lambda event: Text(f"poor perfusion by the study: {event.get('answer')} ({event.get('note')})"),
    "choice": _choice,
    "problem": lambda event: Text(str(event.get("sentence")), "bold red"),
    "refused": lambda event: Text(str(event.get("sentence")), "bold yellow"),
}
"""Lines by the name of their event."""
