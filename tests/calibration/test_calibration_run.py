"""A calibration under way: killed anywhere and gone on with, refused where it is not the same any more."""

import json
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from run_bench import NOW, STEPS, WHO, Engineer, machine, step

from calibration.guide import Machine, carry_out, results
from calibration.rig import RigError
from calibration.run import Run, begin, resume
from calibration.state import RunError, Who
from calibration.step import Step
from contract.certificate import StepName, StepOutcome
from firmware_config.device import load_device

SAID = WHO.model_dump()


def start(folder: Path, at: Machine, fresh: bool = False) -> Run:
    return begin(folder, WHO, at.sha256(load_device(at.file)), STEPS, NOW, fresh)


def go_on(folder: Path, at: Machine, who: dict[str, object] | None = None) -> Run:
    return resume(folder, who or SAID, at.sha256(load_device(at.file)), STEPS, NOW)


def whole(tmp_path: Path, engineer: Engineer) -> tuple[Run, Machine]:
    at = machine(tmp_path)
    run = start(tmp_path, at)
    carry_out(run, at, load_device(at.file), engineer)
    return run, at


def test_every_step_then_corrections_then_what_corrected_again(tmp_path: Path) -> None:
    engineer = Engineer()
    run, at = whole(tmp_path, engineer)
    assert engineer.heard[:-4] == [
        "ready pressure_zero 1/3",
        "ask pressure_zero kPa",
        "shown pressure_zero failed",
        "ready light_ambient 2/3",
        "could not light_ambient: There is no light pin.",
        "ready camera_dark 3/3",
        "say looking",
        "shown camera_dark passed",
        "agree [('pressure_sensor.zero_kpa', 0.0, 0.8)]",
    ]
    assert engineer.heard[-3:] == ["ready pressure_zero 1/1", "ask pressure_zero kPa", "shown pressure_zero passed"]
    assert load_device(at.file).pressure_sensor.zero_kpa == 0.8
    assert [(found.step, found.passed) for found in results(run, STEPS)] == [
        (StepName.PRESSURE_ZERO, True),
        (StepName.CAMERA_DARK, True),
    ]
    assert run.skipped == {StepName.LIGHT_AMBIENT: "There is no light pin."}
    run.close()


def test_what_another_one_corrected_and_what_depends_on_all_is_done_again(tmp_path: Path) -> None:
    def of(name: StepName, wants: dict[str, float | int | tuple[float, ...]]) -> Step:
        return step(name, lambda _: StepOutcome(step=name, at=NOW, corrections=wants))

    steps = (
        of(StepName.PRESSURE_ZERO, {"pressure_sensor.zero_kpa": 0.0}),  # as it is already: nobody corrects that
        of(StepName.LIGHT_FLICKER, {"camera.lock.exposure_us": 10000}),
        of(StepName.CAMERA_LOCK, {"camera.lock.exposure_us": 9000}),
        of(StepName.CAMERA_DARK, {}),
        of(StepName.END_TO_END, {}),
    )
    at, engineer = machine(tmp_path), Engineer()
    with closing(begin(tmp_path, WHO, at.sha256(load_device(at.file)), steps, NOW)) as run:
        carry_out(run, at, load_device(at.file), engineer)
        again = [said for said in engineer.heard if said.startswith("ready")][len(steps) :]
        assert run.left() == []
    assert again == ["ready light_flicker 1/3", "ready camera_lock 2/3", "ready end_to_end 3/3"]
    assert load_device(at.file).camera.lock.exposure_us == 9000


def test_declined_corrections_leave_the_file_and_the_failure(tmp_path: Path) -> None:
    at = machine(tmp_path)
    before = at.file.read_bytes()
    run, _ = whole(tmp_path, Engineer(agrees=False))
    assert at.file.read_bytes() == before
    assert not run.outcomes[StepName.PRESSURE_ZERO].passed
    assert run.left() == []
    run.close()


def test_a_repeated_step_keeps_both_and_the_last_counts(tmp_path: Path) -> None:
    run, _ = whole(tmp_path, Engineer(repeats=2))
    kept = sorted(path.name for path in (tmp_path / "run").glob("*-measured.json"))
    assert len(kept) == 2 + 1 + 1 + 1  # zero twice more, dark, the verification
    assert len(results(run, STEPS)) == 2
    run.close()


def test_a_step_that_could_not_be_done_and_is_needed_has_failed(tmp_path: Path) -> None:
    needed = tuple(replace(step, optional=False) for step in STEPS)
    at = machine(tmp_path)
    with closing(begin(tmp_path, WHO, at.sha256(load_device(at.file)), needed, NOW)) as run:
        carry_out(run, at, load_device(at.file), Engineer())
        ambient = run.outcomes[StepName.LIGHT_AMBIENT]
    assert ambient.trouble == "There is no light pin."
    assert not ambient.passed


def killed(folder: Path, at: Machine, call: int, open_: Callable[[Path, Machine], Run]) -> None:
    """Carry on in a process of its own, which is killed at its n-th word with the engineer."""
    child = os.fork()
    if child == 0:
        try:
            carry_out(open_(folder, at), at, load_device(at.file), Engineer(killed_at=call))
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "it was to be killed, and was not"


@pytest.mark.slow
@pytest.mark.parametrize("call", range(13))
def test_killed_at_any_word_it_is_gone_on_with(tmp_path: Path, call: int) -> None:
    at = machine(tmp_path)
    killed(tmp_path, at, call, start)
    before = len(list((tmp_path / "run").glob("*-measured.json")))
    engineer = Engineer()
    with closing(go_on(tmp_path, at)) as run:
        carry_out(run, at, load_device(at.file), engineer)
        assert [found.passed for found in results(run, STEPS)] == [True, True]
    assert load_device(at.file).pressure_sensor.zero_kpa == 0.8
    # Three outcomes make a whole run: none was lost, and only the step in the middle was done twice.
    assert len(list((tmp_path / "run").glob("*-measured.json"))) == 3
    assert sum(said.startswith("shown") for said in engineer.heard) == 3 - before


def test_killed_again_and_again_it_comes_to_its_end(tmp_path: Path) -> None:
    at = machine(tmp_path)
    killed(tmp_path, at, 3, start)
    for _ in range(2):
        killed(tmp_path, at, 2, go_on)
    with closing(go_on(tmp_path, at)) as run:
        carry_out(run, at, load_device(at.file), Engineer())
        assert len(results(run, STEPS)) == 2


def test_killed_between_the_answer_and_the_file_the_engineer_is_asked_again(tmp_path: Path) -> None:
    def die(*_: object) -> Path:
        raise KeyboardInterrupt

    at = machine(tmp_path)
    run = start(tmp_path, at)
    with pytest.raises(KeyboardInterrupt):
        carry_out(run, replace(at, write=die), load_device(at.file), Engineer())
    run.close()
    assert load_device(at.file).pressure_sensor.zero_kpa == 0.0
    engineer = Engineer()
    with closing(go_on(tmp_path, at)) as run:
        carry_out(run, at, load_device(at.file), engineer)
    assert engineer.heard[0].startswith("agree")
    assert load_device(at.file).pressure_sensor.zero_kpa == 0.8


def interrupted(folder: Path) -> Machine:
    at = machine(folder)
    killed(folder, at, 7, start)
    return at


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("device", "refill-9", "device refill-demo, and this is refill-9"),
        ("software_version", "1.1", "software version 1.0, and this is 1.1"),
        ("simulated", False, "simulated yes, and this is no"),
        ("operator", "eng-2", "operator eng-1, and this is eng-2"),
    ],
)
def test_a_run_of_another_is_refused(tmp_path: Path, field: str, value: object, said: str) -> None:
    at = interrupted(tmp_path)
    with pytest.raises(RunError, match=said):
        go_on(tmp_path, at, {**SAID, field: value})


def test_a_run_under_another_configuration_is_refused(tmp_path: Path) -> None:
    at = interrupted(tmp_path)
    at.file.write_text(at.file.read_text(encoding="utf-8").replace("span_v = 4.5", "span_v = 4.4"), encoding="utf-8")
    with pytest.raises(RunError, match="configuration was changed since"):
        go_on(tmp_path, at)


@pytest.mark.parametrize(("hours", "said"), [(24.1, "more than 24 h ago"), (-1.1, "still to come")])
def test_a_run_of_another_day_is_refused(tmp_path: Path, hours: float, said: str) -> None:
    at = interrupted(tmp_path)
    with pytest.raises(RunError, match=said):
        resume(tmp_path, SAID, at.sha256(load_device(at.file)), STEPS, NOW + timedelta(hours=hours))
    resume(tmp_path, SAID, at.sha256(load_device(at.file)), STEPS, NOW + timedelta(hours=23)).close()


def better(path: Path) -> None:
    """A figure made to pass, as somebody with an editor would."""
    held = json.loads(path.read_text(encoding="utf-8"))
    held["body"] = held["body"].replace('"value":0.8', '"value":0.0')
    path.write_text(json.dumps(held), encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize(
    "hurt",
    [
        better,
        lambda path: path.write_bytes(path.read_bytes()[:-20]),
        lambda path: path.write_bytes(b"\xff\xfe"),
        lambda path: path.write_text("[]", encoding="utf-8"),
        lambda path: path.unlink(),
        lambda path: path.write_bytes(path.with_name("0000-begun.json").read_bytes()),
    ],
)
def test_an_altered_run_is_refused_and_can_be_thrown_away(tmp_path: Path, hurt: Callable[[Path], None]) -> None:
    at = interrupted(tmp_path)
    hurt(tmp_path / "run" / "0001-measured.json")
    with pytest.raises(RunError, match="altered or damaged"):
        go_on(tmp_path, at)
    with closing(start(tmp_path, at, fresh=True)) as run:
        assert len(run.left()) == 3
    assert len(list((tmp_path / "runs").glob("*/0000-begun.json"))) == 1


def test_a_part_that_was_being_written_is_not_read(tmp_path: Path) -> None:
    at = interrupted(tmp_path)
    (tmp_path / "run" / ".0003-measured.json.part").write_text('{"body": "', encoding="utf-8")
    go_on(tmp_path, at).close()


def test_one_under_way_is_not_begun_over(tmp_path: Path) -> None:
    at = interrupted(tmp_path)
    with pytest.raises(RunError, match="2 of 3 steps done: go on with --resume, or throw it away with --fresh"):
        start(tmp_path, at)


def test_nothing_to_go_on_with_is_said(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no calibration is under way"):
        go_on(tmp_path, machine(tmp_path))


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    at = machine(tmp_path)
    with closing(start(tmp_path, at)), pytest.raises(RunError, match="another calibration of this device is open"):
        start(tmp_path, at, fresh=True)
    go_on(tmp_path, at).close()


def test_once_certified_it_is_kept_among_the_earlier_ones(tmp_path: Path) -> None:
    run, at = whole(tmp_path, Engineer())
    run.end("2026-certificate.json", passed=True, now=NOW)
    run.close()
    assert len(list((tmp_path / "runs").glob("*/*-certified.json"))) == 1
    with pytest.raises(RunError, match="no calibration is under way"):
        go_on(tmp_path, at)
    start(tmp_path, at).close()


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file", encoding="utf-8")
    with pytest.raises(RunError, match="run: File exists"):
        start(tmp_path, machine(tmp_path))


def test_an_outcome_of_another_step_is_not_kept(tmp_path: Path) -> None:
    at = machine(tmp_path)
    odd = (replace(STEPS[2], name=StepName.FOCUS),)
    with closing(begin(tmp_path, WHO, at.sha256(load_device(at.file)), odd, NOW)) as run:
        with at.rig(load_device(at.file)) as rig, pytest.raises(RigError, match="gave an outcome of camera_dark"):
            run.measure(odd[0], rig, load_device(at.file), lambda _: 0.0, lambda _: None)
        assert run.outcomes == {}


def test_who_is_a_code_and_not_a_name() -> None:
    with pytest.raises(ValueError, match="operator"):
        Who.model_validate({**SAID, "operator": "Jane Doe"})
