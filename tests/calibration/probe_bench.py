"""A bench for the pressure steps: the phantom's probe alone, in its own time, and an engineer with a manometer."""

from collections.abc import Callable
from typing import Final

from calibration.pressure_steps import STEPS
from calibration.rig import Film, Look, Pictures, Pressed, Pressure, RigError, Target
from calibration.step import Bench, Question, Step
from contract.certificate import StepName, StepOutcome
from firmware_config.camera import CameraLock
from firmware_config.device import DeviceConfig
from phantom.bench.probe import BenchProbe
from phantom.bench.probe_errors import ProbeErrors
from phantom.streams import stream

BY_NAME: Final[dict[StepName, Step]] = {step.name: step for step in STEPS}


class ProbeRig:
    """A machine that only presses; what is in place may be another thing than the step asked for."""

    simulated = True
    has_light_pin = False

    def __init__(
        self, errors: ProbeErrors, device: DeviceConfig | None = None, seed: int = 0, instead: Target | None = None
    ) -> None:
        self.device = device or site_device()
        self.probe = BenchProbe(self.device, errors, stream(seed, "probe bench"))
        self.instead = instead
        self.alters: Callable[[Pressed], Pressed] = lambda pressed: pressed
        self.hears: Callable[[Pressure], Pressure] = lambda pressure: pressure
        self._target = Target.NOTHING
        self._now_ns = 5_000_000_000

    def now_ns(self) -> int:
        return self._now_ns

    def wait(self, seconds: float) -> None:
        self._now_ns += round(seconds * 1e9)

    def put(self, target: Target) -> None:
        self._target = self.instead or target

    def pressure(self, seconds: float) -> Pressure:
        found = self.probe.listen(self._now_ns, seconds)
        self.wait(seconds)
        return self.hears(found)

    def press(self, target_kpa: float, hold_s: float, ramp_s: float = 1.0) -> Pressed:
        pressed, _ = self.probe.press(self._now_ns, self._target, target_kpa, hold_s, ramp_s)
        self._now_ns = int(pressed.pressure.t_boot_ns[-1])
        return self.alters(pressed)

    def ceiling_kpa(self, _operator: str | None = None) -> float:
        found = self.probe.ceiling_kpa(self._now_ns)
        self.wait(3.0)
        return found

    def pictures(self, count: int, lock: CameraLock | None = None) -> Pictures:
        raise RigError(f"no camera for {count} {lock}")

    def light(self, level: float) -> int:
        raise RigError(f"no light pin for {level}")

    def film(self, seconds: float, look: Look) -> Film:
        raise RigError(f"no film of {seconds} {look}")

    def filmed_press(self, target_kpa: float, hold_s: float, look: Look, ramp_s: float = 1.0) -> tuple[Pressed, Film]:
        raise RigError(f"no film of {target_kpa} {hold_s} {look} {ramp_s}")

    def filmed_light(self, level_at: Callable[[float], float], seconds: float, look: Look) -> tuple[Film, int]:
        raise RigError(f"no light pin for {level_at} {seconds} {look}")


def site_device(**pressure_sensor: float | str | list[dict[str, float]]) -> DeviceConfig:
    """Return a device with the given keys of its pressure sensor."""
    content = {"name": "bench-1", "site": "01", "pressure_sensor": {"kind": "mcp3008", **pressure_sensor}}
    return DeviceConfig.model_validate(content)


def reads(question: Question) -> float:
    """Answer as an engineer does who reads the simulated manometer."""
    assert question.shown is not None
    assert question.at_least <= question.shown <= question.at_most
    return question.shown


def run(
    rig: ProbeRig, name: StepName, ask: Callable[[Question], float] = reads, said: list[str] | None = None
) -> StepOutcome:
    """Run one step as a calibration does."""
    step = BY_NAME[name]
    rig.put(step.target)
    return step.run(Bench(rig, rig.device, ask, (said if said is not None else []).append, {}))


def figure(outcome: StepOutcome, name: str) -> tuple[float, float]:
    """Return a figure's value and its expanded uncertainty."""
    found = next((figure for figure in outcome.figures if figure.name == name), None)
    assert found is not None, outcome.trouble
    return found.value, found.uncertainty or 0.0


def corrected(device: DeviceConfig, *outcomes: StepOutcome) -> DeviceConfig:
    """Return the device as its file says after the corrections."""
    content = device.model_dump()
    for outcome in outcomes:
        for key, value in outcome.corrections.items():
            section, leaf = key.split(".")
            content[section][leaf] = value
    return DeviceConfig.model_validate(content)
