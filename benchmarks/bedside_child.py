"""The simulated bedside process of the campaigns: the real `refill bedside`, with hands on what a command cannot reach.

`python -m benchmarks.bedside_child PICTURE bedside --simulate ...`: PICTURE is the phantom's picture as JSON, such as
`{"fps": 60}`; the rest is the command line. Then one JSON object a line on standard input:

    {"push_s": 0.15}                the button goes down, and up again after so long
    {"skin": {"crt_s": 3.0}}        another skin is under the probe
    {"wall_s": 86400}               the wall clock is so far off from now on; CLOCK_BOOTTIME stays
    {"tell": "FILE"}                names of the threads, what drawing the skin has cost so far, instants of the pushes

The end of standard input ends the process, so that nothing outlives a campaign. `--protocol campaign` is the short
protocol of two presses in the `protocols` beside this file.
"""

import contextlib
import functools
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
from gpiozero.pins.mock import MockFactory

import firmware_config.loading
from firmware_config.device import load_device
from phantom.live import History, LiveScene
from phantom.scene import Frame
from phantom.spec import PressSpec


class ChangingScene:
    """A live scene that can become another one, and counts what drawing it costs its thread."""

    def __init__(
        self, spec: PressSpec, pressure_at: Callable[[int], float], history: Callable[[int], History] | None = None
    ) -> None:
        self._spec, self._pressure_at, self._history = spec, pressure_at, history
        self._live = LiveScene(spec, pressure_at, history)
        self.drawn = self.drawn_ns = 0
        SCENES.append(self)

    def become(self, **changes: Any) -> None:
        """Be another skin from the next frame on."""
        self._spec = self._spec.with_(**changes).check()
        self._live = LiveScene(self._spec, self._pressure_at, self._history)

    def frame(self, t_boot_ns: int) -> Frame:
        """Return the picture at an instant."""
        begun_ns = time.thread_time_ns()
        picture = self._live.frame(t_boot_ns)
        self.drawn_ns += time.thread_time_ns() - begun_ns
        self.drawn += 1
        return picture


SCENES: list[ChangingScene] = []
PUSHED_NS: list[int] = []


class SteppedDatetime(datetime):
    """The wall clock as the product asks for it, off by `off`."""

    off = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        """Return the present time, as far off as it is."""
        return datetime.now(tz) + cls.off


def obey(command: dict[str, Any], button: Any) -> None:
    """Do one command."""
    if "push_s" in command:
        PUSHED_NS.append(time.clock_gettime_ns(time.CLOCK_BOOTTIME))
        button.drive_low()
        time.sleep(command["push_s"])
        button.drive_high()
    if "skin" in command:
        for scene in SCENES:
            scene.become(**command["skin"])
    if "wall_s" in command:
        SteppedDatetime.off = timedelta(seconds=command["wall_s"])
    if "tell" in command:
        _tell(Path(command["tell"]))


def _tell(path: Path) -> None:
    threads = {str(thread.native_id): thread.name for thread in threading.enumerate()}
    drawn, drawn_ns = (sum(getattr(scene, name) for scene in SCENES) for name in ("drawn", "drawn_ns"))
    part = path.with_suffix(".part")
    told = {"threads": threads, "drawn": drawn, "drawn_ns": drawn_ns, "pushed_ns": PUSHED_NS}
    part.write_text(json.dumps(told), encoding="utf-8")
    part.replace(path)


def _listen(button: Any) -> None:
    for line in sys.stdin:
        obey(json.loads(line), button)
    os.kill(os.getpid(), signal.SIGTERM)


def _own_protocols() -> Callable[..., Any]:
    """Let the campaigns' own protocols stand beside the packaged ones, and after those of a device's own folder."""
    packaged = firmware_config.loading.load_named
    own = Path(__file__).parent

    def load_named(kind: str, name: str, model: Any, folder: Path | None = None) -> Any:
        there = folder is not None and (folder / kind / f"{name}.toml").is_file()
        return packaged(kind, name, model, folder if there else own)

    return load_named


def _step_wall_clock() -> None:
    """Let every module of the device that asks `datetime` for the time ask ours."""
    for name, module in list(sys.modules.items()):
        if name.startswith("device.") and getattr(module, "datetime", None) is datetime:
            vars(module)["datetime"] = SteppedDatetime


def main() -> None:
    """Be the bedside."""
    picture, arguments = json.loads(sys.argv[1]), sys.argv[2:]
    cv2.setNumThreads(1)  # or some of the drawing is done in threads that nobody's clock counts
    pins = MockFactory()
    with contextlib.ExitStack() as patched:
        for what, by in (
            ("gpiozero.pins.mock.MockFactory", lambda: pins),
            ("phantom.live.LiveScene", ChangingScene),
            ("phantom.spec.PressSpec", functools.partial(PressSpec, **picture)),
            ("firmware_config.loading.load_named", _own_protocols()),
        ):
            patched.enter_context(mock.patch(what, by))
        import refill.bedside_wiring
        from refill.cli import app

        assert refill.bedside_wiring is not None
        _step_wall_clock()
        config = Path(arguments[arguments.index("--config") + 1]) if "--config" in arguments else None
        button = pins.pin(load_device(config).pins.button)
        threading.Thread(target=_listen, args=(button,), name="campaign", daemon=True).start()
        app(arguments, prog_name="refill")


if __name__ == "__main__":
    main()
