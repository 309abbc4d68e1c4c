"""Opens the drivers of what the device file names, on the pin factory handed in: the Pi's or a simulated one."""

from typing import Any

from device.probe.drivers import PumpAndValve
from device.probe.mcp3008 import Mcp3008PressureSensor
from device.probe.messages import Clock
from device.probe.ports import HardwareError, OutputPort, SensorPort
from firmware_config.device import DeviceConfig
from firmware_config.hardware import Mcp3008Sensor, SoftwarePwm


def refuse_undriven(config: DeviceConfig) -> None:
    """Raise `HardwareError` in one line where the device file names what no driver is there for yet.

    Called before anything is opened; a part that is named and silently not used would be worse than none.
    """
    named = []
    if not isinstance(config.pressure_sensor, Mcp3008Sensor):
        named.append(f"pressure_sensor.kind = {config.pressure_sensor.kind}")
    if not isinstance(config.pump_pwm, SoftwarePwm):
        named.append(f"pump_pwm.kind = {config.pump_pwm.kind}")
    if not config.pins.pump_active_high:
        named.append("pins.pump_active_high = false")
    if not config.pins.vent_valve_active_high:
        named.append("pins.vent_valve_active_high = false")
    if config.temperature_sensor is not None:
        named.append("temperature_sensor")
    if named:
        raise HardwareError(f"device file: no driver yet for {', '.join(named)}")


def open_outputs(config: DeviceConfig, pin_factory: Any) -> OutputPort:
    """Return pump and valve, released; raises `HardwareError`."""
    refuse_undriven(config)
    return PumpAndValve(config, pin_factory)


def open_pressure_sensor(config: DeviceConfig, pin_factory: Any, clock: Clock) -> SensorPort:
    """Return the pressure sensor; raises `HardwareError`."""
    refuse_undriven(config)
    if isinstance(config.pressure_sensor, Mcp3008Sensor):
        return Mcp3008PressureSensor(config.pressure_sensor, pin_factory, clock)
    raise HardwareError(f"pressure sensor: no driver for {config.pressure_sensor.kind}")
