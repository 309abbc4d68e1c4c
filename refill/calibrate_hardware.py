"""A device's own camera, probe and light for its calibration, put together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from calibration.rig import Rig
    from device.calibrating.light import BenchLight
    from firmware_config.device import DeviceConfig


@contextlib.contextmanager
def own_hardware(device: DeviceConfig) -> Iterator[Rig]:
    """Yield the device itself; what is missing is said in a line, and every step that needs it says so again.

    Raises `RigError` where there is neither camera nor probe, or the light cannot be switched.
    """
    from device.calibrating.camera import BenchCamera
    from device.calibrating.probe import BenchProbe
    from device.calibrating.rig import DeviceRig, Parts
    from device.camera.pi import PiCamera
    from device.clock import SystemClock

    clock = SystemClock()
    parts = Parts(
        camera=BenchCamera(device.camera, PiCamera, clock, simulated=False),
        probe=BenchProbe(device.probe.socket, device, simulated=False),
        light=_light(device),
        simulated=False,
    )
    with DeviceRig(parts, clock) as rig:
        for sentence in rig.missing():
            typer.echo(f"refill: {sentence} Steps that need it cannot be done.", err=True)
        yield rig


def _light(device: DeviceConfig) -> BenchLight | None:
    """Return the light, where the device can switch it."""
    if device.pins.light is None:
        return None
    from calibration.rig import RigError
    from device.calibrating.light import BenchLight
    from device.probe.drivers import hardware_pin_factory
    from device.probe.ports import HardwareError

    try:
        return BenchLight(device.pins.light, device.camera.lock.exposure_us, hardware_pin_factory())
    except HardwareError as error:
        raise RigError(f"The light cannot be switched: {error}.") from error
