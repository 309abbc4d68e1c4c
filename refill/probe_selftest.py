"""`refill probe selftest`: the probe put through what it has to do, level by level, and what only a Pi can show.

Every level says first what to do and what will happen. The probe is left vented however the test ends.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from device.probe.link import ProbeClient, ProbeUnreachableError
from device.probe.ports import HardwareError
from device.probe.pressing import BenchError, vented
from firmware_config.device import DeviceConfig
from firmware_config.hardware import Mcp3008Sensor
from refill import probe_selftest_latch as latch
from refill import probe_selftest_levels as levels
from refill import probe_selftest_simulated as simulated
from refill.probe_selftest_by_hand import procedures
from refill.probe_selftest_levels import Bench, Figure, Say

Answer = Literal["go", "skip", "stop"]
Ask = Callable[[], Answer]
"""Asked before air is pressed, and where a hand is needed; what will happen has been said before."""
Verdict = Literal["pass", "FAIL", "skip"]


@dataclass(frozen=True)
class Level:
    """One step of the test. `asks`: air is pressed, or a hand is needed, so somebody has to agree first."""

    name: str
    what: str
    run: Callable[[], list[Figure]]
    asks: bool = False
    by_hand: bool = False


@dataclass(frozen=True)
class Result:
    """How a level ended."""

    name: str
    verdict: Verdict
    figures: list[Figure]
    sentence: str

    @property
    def line(self) -> str:
        """The result in one line."""
        return f"{self.verdict}  {self.name}: {', '.join(map(str, self.figures)) or self.sentence}"


@dataclass
class Selftest:
    """What was tested and how it ended."""

    device: DeviceConfig
    simulated: bool
    results: list[Result] = field(default_factory=list)
    stopped: bool = False
    left_vented: bool = False

    @property
    def passed(self) -> bool:
        """Whether every level was run and passed, and the probe was left vented."""
        return not self.stopped and self.left_vented and all(result.verdict == "pass" for result in self.results)

    def as_json(self) -> dict[str, Any]:
        """Return all of it for a program."""
        return {
            "device": self.device.name,
            "simulated": self.simulated,
            "passed": self.passed,
            "stopped": self.stopped,
            "left_vented": self.left_vented,
            "levels": [_as_json(result) for result in self.results],
            "only_by_hand": [vars(procedure) for procedure in procedures(self.device.pins)],
        }


def run_selftest(
    device: DeviceConfig, socket_path: Path | None, say: Say, ask: Ask, *, device_file: Path | None = None
) -> Selftest:
    """Run all levels against the probe at `socket_path`, or a simulated one of our own where that is None.

    `device_file` is what a simulated probe of our own is started with; None: the packaged one. Never raises on what
    the probe does; Ctrl-C ends it with `stopped`, the probe asked to release.
    """
    test = Selftest(device, socket_path is None)
    with contextlib.ExitStack() as opened:
        own: simulated.OwnProbe | None = None
        if socket_path is None:
            try:
                own = opened.enter_context(simulated.own_probe(device_file))
            except BenchError as error:
                test.results.append(Result("start", "FAIL", [], str(error)))
                say(test.results[-1].line)
                return test
            socket_path = own.path
        bench = Bench(socket_path, device, say)
        try:
            for level in _levels(bench, own, device_file, ask):
                if not _run(test, level, say, ask):
                    test.stopped = True
                    break
        except KeyboardInterrupt:
            test.stopped = True
        finally:
            # The last word, whatever came before: also where a level or a person ended the test.
            test.left_vented = _leave_vented(bench, own, say)
    if test.stopped:
        say("stopped before its end")
    return test


def _levels(bench: Bench, own: "simulated.OwnProbe | None", device_file: Path | None, ask: Ask) -> Iterator[Level]:
    kpa = f"{bench.target_kpa:g} kPa"
    yield Level("probe", "Asks the probe how it is. Nothing moves.", partial(levels.answers, bench))
    yield Level(
        "sensor",
        "Listens for two seconds. Nothing moves; leave the probe alone.",
        partial(levels.sensor_at_rest, bench),
    )
    yield Level(
        "limit",
        "Asks for a press above the limit, which has to be refused. Nothing moves.",
        partial(levels.over_limit_refused, bench),
    )
    press = (
        f"Seat the calibration plug, no finger. The pump presses {kpa} for {levels.HOLD_S:g} s and the valve lets go."
    )
    yield Level("pump", press, partial(levels.pump_raises, bench), asks=True)
    yield Level("hold", "Judges that same press.", partial(levels.hold, bench))
    yield Level("leak", "Judges that same press.", partial(levels.seal, bench))
    yield Level("vent and release", "Judges that same press.", partial(levels.release, bench))
    yield Level(
        "lease, client silent",
        f"Presses {kpa} and stops renewing: the probe has to vent by itself and to say why.",
        partial(levels.silent_client, bench),
        asks=True,
    )
    yield Level(
        "lease, client gone",
        f"Presses {kpa} and breaks the connection: the probe has to vent by itself.",
        partial(levels.gone_client, bench),
        asks=True,
    )
    if own is not None:
        yield from _simulated_levels(bench, own, device_file)
    elif isinstance(bench.device.pressure_sensor, Mcp3008Sensor):
        yield Level(
            "latch and clear",
            "Needs a hand: a bridge from the converter's input to ground, put on and taken off again when asked.",
            lambda: latch.by_hand(bench, lambda: ask() == "go"),
            asks=True,
            by_hand=True,
        )


def _simulated_levels(bench: Bench, own: "simulated.OwnProbe", device_file: Path | None) -> Iterator[Level]:
    device = bench.device
    yield Level("latch and clear", "A simulated sensor is broken and mended.", lambda: latch.stepped(device))
    yield Level("guard", "A simulated sensor hangs in mid-hold.", lambda: simulated.guard_vents(device))
    yield Level("faults", "Simulated probes are broken in every way.", lambda: simulated.faults_named(device))
    yield Level("SIGTERM in mid-hold", "The simulated probe is ended.", lambda: simulated.ends_vented(own, bench))
    yield Level(
        "SIGKILL in mid-hold",
        "A second simulated probe is killed, and its outputs are put off from a fresh process.",
        lambda: simulated.killed_then_off(bench, device_file),
    )


def _run(test: Selftest, level: Level, say: Say, ask: Ask) -> bool:
    """Run a level and say how it ended; False where the person wants to stop."""
    say(f"      {level.name}. {level.what}")
    answer: Answer = ask() if level.asks else "go"
    if answer == "stop":
        return False
    result = Result(level.name, "skip", [], "not run") if answer == "skip" else _tried(level)
    test.results.append(result)
    say(result.line)
    return True


def _tried(level: Level) -> Result:
    try:
        figures = level.run()
    except levels.NothingToJudgeError as error:
        return Result(level.name, "skip", [], str(error))
    except (BenchError, ProbeUnreachableError, HardwareError) as error:
        return Result(level.name, "FAIL", [], str(error))
    return Result(level.name, "pass" if all(figure.good for figure in figures) else "FAIL", figures, "")


def _leave_vented(bench: Bench, own: "simulated.OwnProbe | None", say: Say) -> bool:
    """Ask for a release and look; a probe of our own that was ended is vented by its end."""
    if own is not None and own.process.poll() is not None:
        return True
    with contextlib.closing(ProbeClient(bench.path)) as client:
        done = vented(client)
    say(
        "      left vented"
        if done
        else "FAIL  the probe does not confirm that it has released: look at it, cut its power"
    )
    return done


def _as_json(result: Result) -> dict[str, Any]:
    figures = [{**vars(figure), "good": figure.good} for figure in result.figures]
    for figure in figures:
        figure.pop("digits")
    return {"level": result.name, "verdict": result.verdict.lower(), "figures": figures, "sentence": result.sentence}
