"""A calibration governs what may be pressed and what readings name."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from bedside_bench import DEVICE, Bench, choice

from calibration.certificate.keys import DeviceKey
from calibration.certificate.make import About as Whose
from calibration.certificate.make import make_certificate, signed
from calibration.certificate.standing import FOLDER, Standing
from calibration.certificate.store import Store
from contract.certificate import Certificate, StepName, StepOutcome
from contract.reading import BodySite, Subject
from device.bedside_choice import Desk, Machine
from device.calibrated import Calibrated
from device.choice import ChoiceKeeper
from device.clock import SystemClock
from device.console_words import Choice, Choose, Measure
from device.records import About, device_of
from firmware_config.device import DeviceConfig


def test_a_study_that_requires_a_calibration_is_not_pressed_for_without_one(tmp_path: Path) -> None:
    """What readings name is the certificate in force; for bench use they name none."""
    standing = [Standing("none")]
    machine = Machine(
        device_of("bed-7", "1", "b" * 64), 120.0, simulated=False, home_site="12", calibrated=lambda: standing[0]
    )
    desk = Desk(ChoiceKeeper(tmp_path, SystemClock(), 12.0), machine, SystemClock())
    choice = Choice(
        study="i-micro",
        subject=Subject(site="12", inclusion="0001"),
        body_site=BodySite.FINGER,
        protocol="andromeda-finger",
        event="inclusion",
    )
    assert desk.choose(choice) is None
    assert desk.uncalibrated() == "There is no calibration. Calibration is due. Call the study engineer."
    standing[0] = Standing("expired")
    assert "has expired" in str(desk.uncalibrated())
    certificate = Certificate.model_construct(certificate_id=UUID(int=7))
    standing[0] = Standing("in_force", certificate, 200.0)
    assert desk.uncalibrated() is None
    about = desk.about()
    assert isinstance(about, About)
    assert about.calibration_id == UUID(int=7)
    bench = choice.model_copy(update={"study": "demo", "protocol": "demo", "event": None})
    standing[0] = Standing("none")
    free = Desk(ChoiceKeeper(tmp_path, SystemClock(), 12.0), replace(machine, home_site=None), SystemClock())
    assert free.choose(bench.model_copy(update={"subject": Subject(site="00", inclusion="0001")})) is None
    assert free.uncalibrated() is None
    about = free.about()
    assert isinstance(about, About)
    assert about.calibration_id is None
    simulated = Desk(ChoiceKeeper(tmp_path, SystemClock(), 12.0), replace(machine, simulated=True), SystemClock())
    assert simulated.choose(choice) is None
    assert simulated.uncalibrated() is None, "nobody is measured"


def test_a_fresh_certificate_counts_without_a_restart(tmp_path: Path) -> None:
    config = DeviceConfig(name="bed-7", site="12")
    calibrated = Calibrated(tmp_path, config, SystemClock(), simulated=False)
    assert calibrated.standing().state == "none"
    now = datetime.now(UTC)
    whose = Whose(device_of("bed-7", "2.1", "b" * 64), config, "eng1", simulated=False, now=now)
    made = make_certificate([StepOutcome(step=name, at=now) for name in StepName], whose)
    path = Store(tmp_path / FOLDER).add(signed(made, DeviceKey.open(tmp_path)))
    assert calibrated.standing().certificate_id == made.certificate_id
    path.write_text("{}", encoding="utf-8")
    assert calibrated.standing().state == "altered"


CERTIFIED = Standing("in_force", Certificate.model_construct(certificate_id=UUID(int=7)), 200.0)
REQUIRES = choice(study="i-micro", subject=Subject(site="01", inclusion="0001"), protocol="andromeda-finger")


def of_a_real_device(folder: Path, standing: list[Standing]) -> Bench:
    """A bedside on skin, in a study that requires a calibration."""
    device = device_of(DEVICE, "1", "b" * 64)
    bench = Bench(folder, chosen=False, machine=Machine(device, 120.0, False, calibrated=lambda: standing[0]))
    assert bench.ask(Choose(choice=REQUIRES)) is None
    return bench


def test_neither_button_nor_screen_presses_without_a_certificate_in_force(tmp_path: Path) -> None:
    standing = [Standing("failed")]
    bench = of_a_real_device(tmp_path, standing)
    said = "The last calibration failed. Calibration is due. Call the study engineer."
    bench.push()
    assert bench.sentences("refused") == [said]
    assert bench.ask(Measure(choice=REQUIRES)) == said
    assert (bench.state, bench.writes, bench.probe.pressed) == ("idle", [], False)
    standing[0] = CERTIFIED
    assert bench.ask(Measure(choice=REQUIRES)) is None
    bench.until("done", 200)
    assert bench.records()[-1].calibration_id == UUID(int=7)
    bench.close()


def test_a_certificate_that_ends_in_mid_measurement_does_not_end_it(tmp_path: Path) -> None:
    standing = [CERTIFIED]
    bench = of_a_real_device(tmp_path, standing)
    bench.push()
    bench.until("holding")
    standing[0] = Standing("expired", days_left=-1.0)
    bench.until("done", 200)
    assert bench.reasons() == ["measured"]
    assert bench.records()[-1].calibration_id == UUID(int=7)
    bench.close()
