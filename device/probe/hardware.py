"""Opens the drivers of what the device file names, on the board handed in: the Pi's or a simulated one.

A board is gpiozero's pin factory, with `i2c(bus, address)` and `sysfs` where it has them (`board.PiBoard`,
`phantom.pins.SimulatedPinFactory`). There is no other way to a bus, so that nothing simulated ever reaches a real one.
"""

from typing import Any

from device.probe.drivers import PumpAndValve
from device.probe.mcp3008 import Mcp3008PressureSensor
from device.probe.messages import Clock
from device.probe.mprls import MprlsPressureSensor
from device.probe.ports import HardwareError, OutputPort, SensorPort, Thermometer
from device.probe.safety import RELEASED
from device.probe.temperature import Ds18b20
from firmware_config.device import DeviceConfig
from firmware_config.hardware import HardwarePwm, Mcp3008Sensor


def refuse_unreachable(config: DeviceConfig, pin_factory: Any) -> None:
    """Raise `HardwareError` in one line where the device file names what this board has no way to.

    Called before anything is opened; a part that is named and silently not used would be worse than none.
    """
    named = []
    if not isinstance(config.pressure_sensor, Mcp3008Sensor) and not hasattr(pin_factory, "i2c"):
        named.append(f"I2C, for pressure_sensor.kind = {config.pressure_sensor.kind}")
    if not hasattr(pin_factory, "sysfs"):
        if isinstance(config.pump_pwm, HardwarePwm):
            named.append(f"/sys, for pump_pwm.kind = {config.pump_pwm.kind}")
        if config.temperature_sensor is not None:
            named.append("/sys, for temperature_sensor")
    if named:
        raise HardwareError(f"device file: {type(pin_factory).__name__} has no {'; no '.join(named)}")


def open_outputs(config: DeviceConfig, pin_factory: Any) -> OutputPort:
    """Return pump and valve, released; raises `HardwareError`."""
    refuse_unreachable(config, pin_factory)
    return PumpAndValve(config, pin_factory, getattr(pin_factory, "sysfs", None))


def outputs_off(config: DeviceConfig, pin_factory: Any) -> None:
    """Put pump and valve at rest and let go of them, with nothing but the configuration: what a killed probe leaves.

    Raises `HardwareError` after having tried both, as where a probe that still runs holds the lines.
    """
    outputs = open_outputs(config, pin_factory)
    try:
        outputs.apply(RELEASED)
    finally:
        outputs.close()


def open_pressure_sensor(config: DeviceConfig, pin_factory: Any, clock: Clock) -> SensorPort:
    """Return the pressure sensor; raises `HardwareError`."""
    refuse_unreachable(config, pin_factory)
    sensor = config.pressure_sensor
    if isinstance(sensor, Mcp3008Sensor):
        return Mcp3008PressureSensor(sensor, pin_factory, clock)
    try:
        i2c = pin_factory.i2c(sensor.bus, sensor.address)
    except OSError as error:
        raise HardwareError(f"pressure sensor: {error}") from error
    return MprlsPressureSensor(sensor, i2c, clock)


def open_thermometer(config: DeviceConfig, pin_factory: Any, clock: Clock) -> Thermometer | None:
    """Return the thermometer, reading in a thread of its own, or None where none is fitted.

    Raises `HardwareError` only where the board has no way to one; a thermometer that fails gives no value, and no more.
    """
    refuse_unreachable(config, pin_factory)
    if config.temperature_sensor is None:
        return None
    return Ds18b20(config.temperature_sensor, pin_factory.sysfs, clock).start()
