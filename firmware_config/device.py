"""The device: what one bedside machine is made of, where it stands, and what it may do. A site's own `device.toml`."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from firmware_config.camera import Camera
from firmware_config.clock import Clock
from firmware_config.hardware import (
    Mcp3008Sensor,
    Pins,
    PressureSensor,
    PumpPwm,
    SoftwarePwm,
    TemperatureSensor,
    wiring_conflicts,
)
from firmware_config.loading import PACKAGED, Section, load
from firmware_config.mqtt import Mqtt, Slug, is_loopback
from firmware_config.panel import Panel
from firmware_config.protocol import CEILING_HOLD_S, CEILING_KPA
from firmware_config.screen import Screen
from firmware_config.wrong import refuse

CEILING_PRESS_S: float = 26.0
"""Longest time for which the valve may be closed in one press, rise included. The probe's code holds it again."""
CEILING_PRESSES_PER_MINUTE: int = 6
TRIP_FACTOR: float = 1.10
"""The probe vents at this many times the pressure limit; the sensor has to be able to see that far."""

DEFAULT_PATH: Path = PACKAGED / "device.toml"


class PressLimits(Section):
    """May lower the ceilings that are in the probe's code, never raise them."""

    pressure_kpa: float = Field(
        CEILING_KPA, gt=0, le=CEILING_KPA, description="most that may be asked for; 10 % above it the probe vents"
    )
    hold_s: float = Field(CEILING_HOLD_S, gt=0, le=CEILING_HOLD_S, description="longest hold that may be asked for")
    press_s: float = Field(CEILING_PRESS_S, gt=0, le=CEILING_PRESS_S, description="valve closed, rise included")
    presses_per_minute: int = Field(
        CEILING_PRESSES_PER_MINUTE, ge=1, le=CEILING_PRESSES_PER_MINUTE, description="more are refused, whoever asks"
    )

    @model_validator(mode="after")
    def _a_hold_fits_into_a_press(self) -> Self:
        if self.press_s <= self.hold_s:
            raise ValueError(f"press_s = {self.press_s:g} leaves no time to rise before hold_s = {self.hold_s:g}")
        return self


class Probe(Section):
    """The pneumatic side and who may speak to it."""

    lease_s: float = Field(0.5, ge=0.1, le=0.5, description="the probe vents when not renewed for this long")
    plate_area_mm2: float = Field(120.0, gt=10, le=2000, description="window plate; turns kPa into newton")
    pump_start_duty: float = Field(0.10, ge=0, le=0.5, description="duty below which the pump does not turn")
    socket: Path = Field(Path("/run/refill-probe/probe.sock"), description="where the probe listens; at most 100 bytes")
    state_folder: Path = Field(
        Path("/var/lib/refill-probe"), description="where a latched fault and the last presses outlive the process"
    )
    peer_users: list[str] = Field(
        default_factory=list, description="users who may connect; none named: whoever the folder's permissions admit"
    )

    @model_validator(mode="after")
    def _paths_fit(self) -> Self:
        if not self.socket.is_absolute() or len(str(self.socket).encode()) > 100:
            raise ValueError("socket: must be an absolute path of at most 100 bytes")
        if not self.state_folder.is_absolute():
            raise ValueError("state_folder: must be an absolute path")
        return self


class Bedside(Section):
    """The bedside process: where others speak to it, and how long it believes what it was told."""

    socket: Path = Field(Path("/run/refill/bedside.sock"), description="where screens and commands speak to it")
    run_folder: Path = Field(Path("/run/refill"), description="what the processes tell each other; gone after a boot")
    choice_lasts_h: float = Field(
        12.0, gt=0, le=72, description="after this the chosen subject counts no more: the bed may have another patient"
    )

    @model_validator(mode="after")
    def _paths_fit(self) -> Self:
        if not self.socket.is_absolute() or len(str(self.socket).encode()) > 100:
            raise ValueError("socket: must be an absolute path of at most 100 bytes")
        if not self.run_folder.is_absolute():
            raise ValueError("run_folder: must be an absolute path")
        return self


class Storage(Section):
    """Where the source data is, and for how long what is allowed to go is kept. Readings are never deleted."""

    journal_folder: Path = Field(
        Path("/var/lib/refill"), description="the source data: journal and knee photos; a disk of its own is best"
    )
    trace_retention_days: int = Field(9131, ge=365, le=36525, description="25 years: re-analysis must stay possible")
    knee_photo_retention_days: int = Field(
        365, ge=0, le=36525, description="after this a photo may go; its reading stays"
    )
    minimum_free_mb: int = Field(200, ge=50, description="below this no measurement is started")

    @model_validator(mode="after")
    def _folder_is_absolute(self) -> Self:
        if not self.journal_folder.is_absolute():
            raise ValueError("journal_folder: must be an absolute path")
        return self


class Calibration(Section):
    """How long a calibration holds."""

    due_days: int = Field(365, ge=1, le=730, description="days from a certificate to the next calibration")


class DeviceConfig(Section):
    """One bedside machine. `name` and `site` have no default: two machines must not share them by accident."""

    name: Slug = Field(
        description="of this one machine, and no other in the trial: lower-case letters, digits, hyphens"
    )
    site: Annotated[str, Field(pattern=r"^[0-9]{2,4}$")] = Field(
        description="number of the hospital in the study, in quotes"
    )
    language: Literal["en", "fr"] = Field("en", description="of the sentences for the nurse")
    pins: Pins = Field(default_factory=Pins)
    pump_pwm: PumpPwm = Field(default_factory=SoftwarePwm)
    pressure_sensor: PressureSensor = Field(default_factory=Mcp3008Sensor)
    temperature_sensor: TemperatureSensor | None = None
    press_limits: PressLimits = Field(default_factory=PressLimits)
    probe: Probe = Field(default_factory=Probe)
    camera: Camera = Field(default_factory=Camera)
    panel: Panel = Field(default_factory=Panel)
    bedside: Bedside = Field(default_factory=Bedside)
    screen: Screen = Field(default_factory=Screen)
    storage: Storage = Field(default_factory=Storage)
    mqtt: Mqtt = Field(default_factory=Mqtt)
    clock: Clock = Field(default_factory=Clock)
    calibration: Calibration = Field(default_factory=Calibration)

    @model_validator(mode="after")
    def _sensor_sees_beyond_the_limit(self) -> Self:
        trip_kpa = self.press_limits.pressure_kpa * TRIP_FACTOR
        reach_kpa = self.pressure_sensor.reach_kpa
        if reach_kpa < 1.05 * trip_kpa:
            raise ValueError(
                f"pressure_sensor: reaches {reach_kpa:g} kPa, not beyond {trip_kpa:g} kPa, where the probe has to "
                "vent; lower press_limits.pressure_kpa or fit another sensor"
            )
        return self

    @model_validator(mode="after")
    def _can_be_wired(self) -> Self:
        refuse(wiring_conflicts(self.pins, self.pressure_sensor, self.pump_pwm, self.temperature_sensor))
        return self

    @model_validator(mode="after")
    def _nobody_is_in_the_others_place(self) -> Self:
        wrong = []
        if self.bedside.socket == self.probe.socket:
            wrong.append(f"bedside.socket: {self.bedside.socket} is the probe's already")
        if self.probe.state_folder == self.storage.journal_folder:
            wrong.append(
                f"probe.state_folder: {self.probe.state_folder} is the journal's already; they have two owners"
            )
        if self.screen.serve and is_loopback(self.mqtt.host) and self.screen.port == self.mqtt.port:
            wrong.append(f"screen.port: {self.screen.port} is the port of the broker on this machine already")
        refuse(wrong)
        return self


def load_device(path: Path | None = None) -> DeviceConfig:
    """Return the device configuration at `path`, or the packaged one; raises `ConfigurationError` with every error."""
    return load(path or DEFAULT_PATH, DeviceConfig)
