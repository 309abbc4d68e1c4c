"""The faults of the bedside: what breaks, when it may, and what has to come of it. Data, to be read and argued with."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.bedside_faults_rig import Rig
from benchmarks.probe_faults_table import NAMES
from device.probe.faults import FAULTS

NUMBER = "a number"
"""The measurement goes on, and its record holds a refill time."""
EVERYWHERE = ("baseline", "pressing", "holding", "refilling")
PRESSED = ("pressing", "holding")
BY_PICTURE = (
    "moved",
    "no_blanch",
    "not_settled",
    "too_uncertain",
    "window_too_short",
    "not_a_refill",
    "baseline_drift",
)
"""What the picture's own checks may say of any press: "repeat" for the nurse, and no fault of the machine."""
BEFORE_RELEASE = ("baseline", *PRESSED)
DAY_S = 86_400.0

Act = Callable[[Rig, random.Random], None]


def _nothing(_: Rig, __: random.Random) -> None:
    return


@dataclass(frozen=True)
class Fault:
    """One way for the bedside's world to break, and the outcomes that are right for it."""

    what: str
    breaks: Act
    mends: Act
    outcomes: dict[str, tuple[str, ...]]
    """The states that the measurement may end in, each with what its record may say; a number has to be right."""
    phases: tuple[str, ...] = EVERYWHERE
    vent_s: float | None = None
    """A pressed skin has to be vented so long after it; None: the press goes on, or its end is watched otherwise."""
    needs: str = ""
    """"disk" where a real disk has to be mounted for it; "ext4" where one that can go read-only."""


def _camera(what: str, outcomes: dict[str, tuple[str, ...]], vent_s: float | None, **faults: Any) -> Fault:
    return Fault(
        what, lambda rig, _: rig.camera(**faults), lambda rig, _: rig.camera(), outcomes=outcomes, vent_s=vent_s
    )


def _probe(what: str, name: str, phases: tuple[str, ...] = BEFORE_RELEASE, vent_s: float | None = 1.5) -> Fault:
    said = tuple(sorted({FAULTS[code].reason.value for code in NAMES[name]}))
    return Fault(
        what,
        lambda rig, dice: rig.probe.tell(**{"break": name, "seed": dice.randrange(1000)}),
        lambda rig, _: rig.probe.tell(mend=True),
        outcomes={"probe_fault": said},
        phases=phases,
        vent_s=vent_s,
    )


def _full(rig: Rig, _: random.Random) -> None:
    if rig.disk is not None:
        rig.disk.fill()


def _free(rig: Rig, _: random.Random) -> None:
    if rig.disk is not None:
        rig.disk.free()


def _read_only(rig: Rig, _: random.Random) -> None:
    if rig.disk is not None:
        rig.disk.fail()


CAMERA_FAULT: Final[dict[str, tuple[str, ...]]] = {"camera_fault": ("camera_fault",)}
SETTINGS_MOVED: Final[dict[str, tuple[str, ...]]] = {"camera_fault": ("camera_settings_moved",)}

FAULTS_OF_THE_BEDSIDE: Final[dict[str, Fault]] = {
    "camera_frozen": _camera(
        "the camera gives the same picture again and again, with new times",
        CAMERA_FAULT | {"done": (NUMBER, "frames_repeated", *BY_PICTURE)},
        None,
        frozen=True,
    ),
    "camera_silent": _camera("no frame comes any more", CAMERA_FAULT, 1.5, silent=True),
    "camera_drops": _camera(
        "every other frame is lost", {"done": (NUMBER, "frames_lost", *BY_PICTURE)}, None, drop_share=0.5
    ),
    "camera_unplugged": _camera("the camera is unplugged, and plugged in again", CAMERA_FAULT, 1.5, unplugged=True),
    "camera_hung": _camera("the camera does not come back from a wait", CAMERA_FAULT, 1.5, hung=True),
    "exposure_drift": _camera(
        "the exposure creeps by a tenth a second, and the frames say so", SETTINGS_MOVED, 1.5, drift_per_s=0.1
    ),
    "hidden_drift": _camera(
        "the same, while every frame claims the locked exposure",
        {"done": (NUMBER, "camera_settings_moved", "light_changed", "saturated", *BY_PICTURE)},
        None,
        hidden_drift_per_s=0.1,
    ),
    "white_balance_step": _camera(
        "white balance steps by a quarter of red, and the frames say so", SETTINGS_MOVED, 1.5, red_gain=1.25
    ),
    "probe_killed": Fault(
        "the probe process is killed, and started again",
        lambda rig, _: rig.probe.kill(),
        lambda rig, _: rig.probe.start(),
        outcomes={"probe_fault": ("probe_fault",)},
        vent_s=0.7,
    ),
    "sensor_silent": _probe("the pressure converter does not answer any more", "sensor_silent"),
    "sensor_stuck": _probe("the pressure read does not move any more", "sensor_stuck"),
    "sensor_jumps": _probe("every other pressure is 43 kPa too high", "sensor_jumps"),
    "seal_lost": _probe("the finger is out of the probe", "seal_lost"),
    "valve_open": _probe("the valve drops open", "valve_open"),
    "pump_dead": _probe("the pump does not turn", "pump_dead", ("baseline",)),
    "pump_runs_on": _probe("the pump runs at full speed whatever it is told", "pump_runs_on"),
    "pump_line_dead": _probe("writes to the pump's line fail", "pump_line_dead", ("baseline", "pressing")),
    "disk_full": Fault(
        "the disk is full to the last block, and emptied once the measurement has ended; the journal has its reserve",
        _full,
        _free,
        outcomes={"done": (NUMBER,), "journal_fault": (NUMBER,)},
        needs="disk",
    ),
    "disk_read_only": Fault(
        "the file system goes read-only after an error, as a worn card's does; checked and mounted again",
        _read_only,
        lambda rig, _: rig.repair_disk(),
        outcomes={"journal_fault": ("interrupted",)},
        needs="ext4",
    ),
    "broker_gone": Fault(
        "the broker is killed, and started again after the measurement",
        lambda rig, _: rig.feed.kill_broker(),
        lambda rig, _: rig.feed.start_broker(),
        outcomes={"done": (NUMBER,)},
    ),
    "clock_forward": Fault(
        "the wall clock jumps a day ahead, and back afterwards",
        lambda rig, _: rig.wall(DAY_S),
        lambda rig, _: rig.wall(0.0),
        outcomes={"done": (NUMBER,)},
    ),
    "clock_back": Fault(
        "the wall clock jumps a day back, and ahead afterwards",
        lambda rig, _: rig.wall(-DAY_S),
        lambda rig, _: rig.wall(0.0),
        outcomes={"done": (NUMBER,)},
    ),
}
