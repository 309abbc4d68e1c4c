"""What stands in for the bedside's parts, on a clock that is moved by hand: a probe that obeys, a camera that ticks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from device_bench import BOOT, DEVICE

from device.console_words import Asked
from device.probe.messages import Event as ProbeEvent
from device.probe.messages import Pressure, Released, State, Status
from device.session_words import Held, Pushed
from vision.trace import Trace

STEP_NS = 40_000_000
LEASE = "a" * 32


@dataclass
class HandClock:
    """Both clocks, moved by hand; the wall clock may be moved alone."""

    boot_ns: int = 10**13
    wall: datetime = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
    set_by_server: bool = True

    def boottime_ns(self) -> int:
        return self.boot_ns

    def now(self) -> datetime:
        return self.wall

    def boot_id(self) -> UUID:
        return BOOT

    def synchronised(self) -> bool:
        return self.set_by_server

    def pass_ns(self, ns: int) -> None:
        self.boot_ns += ns
        self.wall += timedelta(microseconds=ns / 1000)


class ObedientProbe:
    """Presses as it is asked to, in phases by the clock; `said` is what it says next."""

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self.said: list[ProbeEvent] = [self.status()]
        self.presses = self.releases = 0
        self._pressed_ns: int | None = None
        self._sampled_ns = clock.boot_ns
        self._phase = "idle"
        self._shape = (1.0, 5.0)

    def status(self) -> Status:
        return Status(
            t_boot_ns=self.clock.boot_ns,
            device=DEVICE,
            simulated=True,
            config_sha256="c" * 64,
            phase="idle",
            pressure_kpa=0.0,
            fault=None,
            faults_kept=False,
            lease_s=0.5,
            pressure_limit_kpa=60,
            hold_limit_s=20,
            samples=1,
            worst_gap_ms=10,
        )

    @property
    def pressed(self) -> bool:
        return self._pressed_ns is not None

    def poll(self) -> list[ProbeEvent]:
        self._go_on()
        said, self.said = self.said, []
        return said

    def press(self, _: float, ramp_s: float, hold_s: float) -> str:
        self.presses += 1
        self._pressed_ns, self._shape = self.clock.boot_ns, (ramp_s, hold_s)
        self._to("ramp")
        return LEASE

    def renew(self) -> None: ...

    def release(self) -> None:
        self.releases += 1
        if self._pressed_ns is not None:
            self._end("asked")

    def close(self) -> None: ...

    def _go_on(self) -> None:
        now_ns = self.clock.boot_ns
        self.said.append(Pressure(t_boot_ns=(now_ns,), kpa=(40.0 if self.pressed else 0.0,)))
        if self._pressed_ns is None:
            return
        gone_s = (now_ns - self._pressed_ns) / 1e9
        ramp_s, hold_s = self._shape
        if self._phase == "ramp" and gone_s >= ramp_s:
            self._to("hold")
        if self._phase == "hold" and gone_s >= ramp_s + hold_s:
            self._end("held")

    def _end(self, why: Any) -> None:
        self._pressed_ns = None
        self.said.append(
            Released(
                lease=LEASE,
                why=why,
                fault=None,
                t_boot_ns=self.clock.boot_ns,
                release_s=0.1,
                valve_open_ns=self.clock.boot_ns,
                held_s=5,
                hold_mean_kpa=40,
                hold_sd_kpa=0.1,
                overshoot=0,
            )
        )
        self._to("idle")

    def _to(self, phase: Any) -> None:
        self._phase = phase
        self.said.append(State(t_boot_ns=self.clock.boot_ns, phase=phase, lease=None if phase == "idle" else LEASE))


class TickingCamera:
    """In place of the recorder and its thread: frames come at every turn unless it is told otherwise."""

    simulated, width, height = True, 64, 48

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self.ticks = True
        self.hung = False
        self.trouble: str | None = None
        self.records = False

    @property
    def camera_ticked_ns(self) -> int:
        return self.clock.boot_ns

    def start(self) -> None: ...

    def begin(self) -> int:
        self.records = True
        return self.clock.boot_ns

    def so_far(self) -> object | None:
        return object() if self.records else None

    def latest(self) -> None:
        return None

    def end(self) -> None:
        self.records = False

    def flow(self) -> None:
        return None

    def close(self) -> bool:
        return True


@dataclass
class QuietPanel:
    """A panel that is pushed from the test."""

    meant: list[Pushed | Held] = field(default_factory=list)
    shown: list[tuple[str, bool]] = field(default_factory=list)
    refusals: int = 0
    trouble: str | None = None

    def poll(self) -> list[Pushed | Held]:
        meant, self.meant = self.meant, []
        return meant

    def show(self, state: Any, *, problem: bool = False) -> None:
        self.shown.append((state.value, problem))

    def refuse(self) -> None:
        self.refusals += 1

    def ended(self, measured: bool) -> None: ...

    def close(self) -> None: ...


@dataclass
class HandConsole:
    """A screen that asks from the test."""

    asked: list[Asked] = field(default_factory=list)
    told: list[dict[str, object]] = field(default_factory=list)
    answers: list[str | None] = field(default_factory=list)

    def poll(self) -> list[Asked]:
        asked, self.asked = self.asked, []
        return asked

    def tell(self, event: dict[str, object]) -> None:
        self.told.append(event)

    def answer(self, _: Asked, refusal: str | None) -> None:
        self.answers.append(refusal)

    def close(self) -> None: ...


TRACE = Trace(
    time_s=np.linspace(0, 10, 50),
    signal=np.linspace(0.5, 0.6, 50),
    light=np.full((50, 3), 0.5),
    repeated=np.zeros(50, dtype=bool),
)


class AtOnce:
    """An executor without a thread."""

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Any:
        from concurrent.futures import Future

        future: Future[Any] = Future()
        try:
            future.set_result(work(*arguments))
        except Exception as error:  # noqa: BLE001 - as an executor does
            future.set_exception(error)
        return future

    def shutdown(self, **_: Any) -> None: ...
