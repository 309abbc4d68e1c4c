"""The probe process: hardware, engine, threads and link brought up in order, taken down vented whatever ends it."""

import contextlib
import logging
import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from device.clock import SystemClock
from device.probe.engine import Engine
from device.probe.faults import FAULTS, FaultCode
from device.probe.hardware import open_outputs, open_pressure_sensor, open_thermometer, refuse_unreachable
from device.probe.latch import Keeper
from device.probe.loop import ControlThread, GuardThread
from device.probe.messages import Clock, Event, FaultCleared, FaultRaised, Injected, Released, State, boot_ns
from device.probe.notify import notify
from device.probe.ports import HardwareError
from device.probe.safety import STALL_S
from device.probe.server import LinkServer, open_listener, uids_of
from firmware_config.device import DeviceConfig

SERVE_S = 0.02
LAST_LOOK_S = 0.5
DEAD_S = 2.0
"""A thread silent for so long does not come back: end, so that systemd starts the probe afresh."""
WATCHDOG_NS = 1_000_000_000

_log = logging.getLogger("refill.probe")


class ControlEndedError(Exception):
    """The control loop or its guard ended by itself; the probe is vented and the process has to be started again."""


def run(
    config: DeviceConfig,
    pin_factory: Any,
    socket_path: Path,
    clock: Clock = boot_ns,
    *,
    simulated: bool,
    ready: Callable[[], None] | None = None,
    state_folder: Path | None = None,
) -> None:
    """Be the probe until SIGTERM or SIGINT, then vent and return. Call from the main thread.

    `state_folder` is where a latched fault and the last presses outlive this process; None: they do not.

    Raises `HardwareError` or `LinkError` where it cannot start, `ControlEndedError` where the control loop died; vented
    in every case.
    """
    refuse_unreachable(config, pin_factory)
    allowed_uids = uids_of(config.probe.peer_users)
    with contextlib.ExitStack() as undo:
        listener = open_listener(socket_path)
        undo.callback(listener.close)
        stop = _StopSignals()
        undo.callback(stop.restore)
        outputs = open_outputs(config, pin_factory)
        undo.callback(outputs.close)
        sensor = open_pressure_sensor(config, pin_factory, clock)
        undo.callback(sensor.close)
        thermometer = open_thermometer(config, pin_factory, clock)
        if thermometer is not None:
            undo.callback(thermometer.close)
        # The outputs have been released by now; only then is there time for a disk.
        keeper = Keeper(state_folder, SystemClock())
        engine = Engine(
            config, sensor, outputs, clock, simulated=simulated, thermometer=thermometer, memory=keeper.memory
        )
        server = LinkServer(listener, engine, allowed_uids)
        undo.callback(server.close)
        keeper.start()
        undo.callback(keeper.close)
        _serve(config, engine, server, keeper, clock, stop, ready)


def _serve(
    config: DeviceConfig,
    engine: Engine,
    server: LinkServer,
    keeper: Keeper,
    clock: Clock,
    stop: "_StopSignals",
    ready: Callable[[], None] | None,
) -> None:
    control = ControlThread(engine, config.pressure_sensor.rate_hz, clock)
    guard = GuardThread(engine.gate, clock)
    guard.start()
    control.start()
    notify("READY=1")
    if ready is not None:
        ready()
    fed_ns = 0
    try:
        while not stop.asked:
            _serve_once(engine, server, keeper)
            if not (control.is_alive() and guard.is_alive()):
                raise ControlEndedError("the probe's control or guard thread ended; the probe has released")
            now_ns = clock()
            silent_s = (now_ns - min(engine.gate.beat_ns, guard.beat_ns)) / 1e9
            if silent_s > DEAD_S:
                engine.tell_stalled(now_ns)
                raise ControlEndedError("the probe's control or guard thread hangs; the probe has released")
            beating = silent_s < STALL_S
            if beating and now_ns - fed_ns > WATCHDOG_NS:
                notify("WATCHDOG=1")
                fed_ns = now_ns
    finally:
        _vent_and_see(engine, server, keeper, clock)
        control.end()
        guard.end()


def _serve_once(engine: Engine, server: LinkServer, keeper: Keeper) -> None:
    """One round: hear, tell, write down what was told, and have kept what has to outlive this process."""
    engine.faults_kept = keeper.kept
    for event in server.serve_once(SERVE_S):
        _write_down(event)
        if isinstance(event, FaultCleared):
            keeper.cleared(event.code, event.operator)
    keeper.note(engine.latched, engine.presses_ns, injected=engine.injected)


def _vent_and_see(engine: Engine, server: LinkServer, keeper: Keeper, clock: Clock) -> None:
    """Vent, then wait up to `LAST_LOOK_S` for the pressure to be gone, and say so where it is not."""
    try:
        engine.close()
    except HardwareError as error:
        _log.error("%s", error)
    notify("STOPPING=1")
    end_ns = clock() + round(LAST_LOOK_S * 1e9)
    while clock() < end_ns and (engine.pressed or engine.phase != "idle"):
        _serve_once(engine, server, keeper)
    if engine.pressed:
        _log.error("%s", FAULTS[FaultCode.BLOCKED_VENT].english)


class _StopSignals:
    """Takes SIGTERM and SIGINT as a wish to end; gives them back to whoever had them."""

    def __init__(self) -> None:
        self.asked = False
        self._before = {number: signal.signal(number, self._note) for number in (signal.SIGTERM, signal.SIGINT)}

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True

    def restore(self) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)


def _write_down(event: Event) -> None:
    if isinstance(event, FaultRaised):
        why = " (only calibration's raised reading showed it)" if event.injected else ""
        _log.warning("%s%s: %s", event.code, why, FAULTS[event.code].english)
    elif isinstance(event, FaultCleared):
        _log.warning("%s cleared by operator %s", event.code, event.operator or "not named")
    elif isinstance(event, Injected):
        _log.warning("calibration: %g kPa/s are added to what is read, until the probe lets go", event.kpa_per_s)
    elif isinstance(event, State):
        _log.info("%s", event.phase)
    elif isinstance(event, Released) and event.release_s is not None:
        _log.info(
            "held %.1f s at %.1f kPa, released in %.0f ms", event.held_s, event.hold_mean_kpa, event.release_s * 1e3
        )
