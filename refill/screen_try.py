"""The screen to be touched without a Pi: simulated probe and bedside beside it, each a process of its own."""

import shutil
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from refill.supervisor import Child, Supervisor

TICK_S: float = 0.2


@dataclass(frozen=True)
class Skin:
    """The simulated skin that every press finds."""

    crt_s: float
    tone: str
    kind: str


class TryError(Exception):
    """One of the processes does not stay up; the text is one sentence."""


def run_try(
    data: Path, port: int, language: str, skin: Skin, stop: threading.Event, *, stopwatch: bool = False
) -> None:
    """Run until `stop`; what is measured stays in `data`. Raises `TryError`."""
    run = Path(tempfile.mkdtemp(prefix="refill-screen-"))
    supervisor = Supervisor(_children(data, run, port, language, skin, stopwatch))
    try:
        data.mkdir(parents=True, exist_ok=True)
        supervisor.start()
        while not stop.wait(TICK_S):
            broken = supervisor.tick()
            if broken is not None:
                raise TryError(f"{broken.name} does not stay up: {broken.last_words()}")
    finally:
        supervisor.stop()
        shutil.rmtree(run, ignore_errors=True)


def _children(data: Path, run: Path, port: int, language: str, skin: Skin, stopwatch: bool) -> list[Child]:
    probe, world, console = (str(run / name) for name in ("probe.sock", "world", "bedside.sock"))
    skinned = ["--tone", skin.tone, "--crt", str(skin.crt_s), "--kind", skin.kind]
    by_hand = ["--stopwatch"] if stopwatch else []
    both = ["--simulate", "--console", console, "--data", str(data)]
    return [
        Child("probe", ["probe", "run", "--simulate", "--socket", probe, "--world", world], run / "probe.log"),
        Child("bedside", ["bedside", *both, "--socket", probe, "--world", world, *skinned], run / "bedside.log"),
        Child(
            "screen",
            ["screen", "serve", *both, "--port", str(port), "--language", language, *by_hand],
            run / "screen.log",
        ),
    ]
