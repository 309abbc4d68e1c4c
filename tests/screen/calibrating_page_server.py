"""The calibration's page over three quick steps, as a process: `calibrating_page_server.py PORT FOLDER`.

In the folder, `broken` lets the camera's step fail once, and `let-go` says that the machine was let go of in order.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "calibration"))

import run_bench

from calibration.rig import Rig, RigError
from calibration.step import Bench, Step
from contract.certificate import Curve, StepName, StepOutcome
from device.calibrating_screen.server import serve
from device.screen.server import Place
from firmware_config.device import DeviceConfig
from refill.calibrate_screen_cli import BenchSite
from refill.calibrate_wiring import bench

MEASURES_S = 0.5
"""Long enough for a page to be seen measuring, and to go away in the middle."""


def slow(step: Step, folder: Path) -> Step:
    """The step as it takes its time on a machine, with a curve."""

    def measure(on: Bench) -> StepOutcome:
        on.say("looking at the machine")
        time.sleep(MEASURES_S)
        broken = folder / "broken"
        if step.name is StepName.CAMERA_DARK and broken.exists():
            broken.unlink()
            raise RigError("The camera gave no picture.")
        curve = Curve(name="drift", x_label="time, s", y_label="level", x=(0.0, 1.0, 2.0), y=(1.0, 1.1, 1.05))
        return step.run(on).model_copy(update={"at": datetime.now(UTC), "curves": (curve,)})

    return replace(step, run=measure)


def main() -> None:
    port, folder = int(sys.argv[1]), Path(sys.argv[2])

    @contextmanager
    def let_go(device: DeviceConfig) -> Iterator[Rig]:
        try:
            with run_bench.rig(device) as found:
                yield found
        finally:
            (folder / "let-go").touch()

    on = bench(None, folder, simulate=True, seed=0, errors=None)
    steps = tuple(slow(step, folder) for step in run_bench.STEPS)
    on = replace(on, steps=steps, machine=replace(on.machine, rig=let_go))
    serve(Place("127.0.0.1", port), BenchSite(on), "en")


if __name__ == "__main__":
    main()
