"""The calibration behind its page: who waits for whom, who may touch, what is kept. Without a browser or a server."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from run_bench import STEPS, Engineer, machine

from calibration.guide import Machine, Next
from calibration.rig import RigError
from calibration.run import Run, begin
from calibration.run import resume as go_on
from calibration.state import RunError, Who
from calibration.step import Bench, Question, Step, Words
from contract.certificate import Curve, StepOutcome
from device.calibrating_screen.calibrating import UNEXPECTED, Calibrating, Phase
from device.calibrating_screen.desk import Agreeing, Asking, CouldNot, PageDesk, Prompt, Ready, Shown, StoppedError
from device.calibrating_screen.page import view_of
from device.calibrating_screen.plots import plotted
from device.calibrating_screen.start import How, Made, SiteError
from device.calibrating_screen.views import VIEWS
from device.calibrating_screen.wheel import GONE_S, Wheel
from device.calibrating_screen.words import WORDS, on_page
from firmware_config.device import DeviceConfig, load_device
from firmware_config.loading import content_sha256

LONG_S = 10.0
KPA = Question(Words("What does it show?", "Que montre-t-il ?"), "kPa", -1.0, 1.0)


def until(holds: Callable[[], object]) -> None:
    end_s = time.monotonic() + LONG_S
    while not holds():
        assert time.monotonic() < end_s, "nothing comes"
        time.sleep(0.002)


@dataclass
class ShortSite:
    """Three quick steps in a folder; a certificate cannot be signed there."""

    folder: Path
    steps: tuple[Step, ...] = STEPS
    name: str = "refill-demo"
    simulated: bool = True
    came: list[str] = field(default_factory=list)

    @property
    def machine(self) -> Machine:
        return machine(self.folder)

    def device(self) -> DeviceConfig:
        return load_device(self.machine.file)

    def opened(self, device: DeviceConfig, how: How, operator: str | None) -> Run:
        who = {"device": self.name, "software_version": "1.0", "simulated": True}
        now, sha256 = self.machine.now(), content_sha256(device)
        if how is How.RESUME:
            return go_on(self.folder, who, sha256, self.steps, now)
        whose = Who.model_validate({**who, "operator": operator})
        return begin(self.folder, whose, sha256, self.steps, now, how is How.FRESH)

    def certified(self, run: Run, device: DeviceConfig) -> Made:
        del device
        self.came = [outcome.step.value for outcome in run.outcomes.values()]
        raise SiteError("The key cannot be read.")


@pytest.fixture
def site(tmp_path: Path) -> ShortSite:
    machine(tmp_path)
    return ShortSite(tmp_path)


@pytest.fixture
def calibrating(site: ShortSite) -> Iterator[Calibrating]:
    made = Calibrating(site, time.monotonic)
    yield made
    made.close()


def begun(calibrating: Calibrating, how: How = How.BEGIN) -> None:
    calibrating.choose(how)
    if how is How.FRESH:
        calibrating.sure()
    if how is not How.RESUME:
        calibrating.begin("eng")


GIVEN = {Ready: True, Asking: "0", Shown: Next.GO_ON, CouldNot: Next.GO_ON, Agreeing: True}


def led(calibrating: Calibrating, most: int = 99) -> list[str]:
    """Answer as a willing engineer does; returns what was asked."""
    heard = []
    while len(heard) < most:
        until(lambda: calibrating.seen().moment.asked or calibrating.seen().phase is not Phase.RUNNING)
        seen = calibrating.seen()
        asked = seen.moment.asked
        if seen.phase is not Phase.RUNNING or asked is None:
            break
        name = "" if isinstance(asked, Agreeing) else f" {asked.step.name}"  # type: ignore[attr-defined] # all others have
        heard.append(f"{view_of(seen)}{name}")
        assert calibrating.answer(seen.moment.number, GIVEN[type(asked)])
    return heard


def test_the_page_is_asked_what_the_terminal_is_asked(
    site: ShortSite, calibrating: Calibrating, tmp_path: Path
) -> None:
    from calibration.guide import carry_out

    twin, terminal = ShortSite(tmp_path / "twin"), Engineer()
    twin.folder.mkdir()
    carry_out(twin.opened(twin.device(), How.BEGIN, "eng"), twin.machine, twin.device(), terminal)
    begun(calibrating)
    heard = led(calibrating)
    names = {"ready": "ready", "ask": "asking", "shown": "shown", "could": "couldnot", "agree": "agreeing"}
    said = [line for line in terminal.heard if line.split()[0] in names]
    assert [line.split()[0] for line in heard] == [names[line.split()[0]] for line in said]
    assert site.came == ["pressure_zero", "camera_dark"]
    assert calibrating.seen().trouble == Words("The key cannot be read.", "The key cannot be read.")


def test_a_second_tap_answers_nothing_that_is_asked_next() -> None:
    desk = PageDesk(time.monotonic)
    heard: list[object] = []

    def run() -> None:
        desk.ready(STEPS[0], 1, 3)
        heard.append(desk.ask(STEPS[0], KPA))

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: isinstance(desk.moment.asked, Ready))
    number = desk.moment.number
    assert desk.answer(number, True)
    until(lambda: isinstance(desk.moment.asked, Asking))
    assert not desk.answer(number, "0.5")
    assert not desk.answer(desk.moment.number, True), "a yes is no number"
    assert desk.answer(desk.moment.number, "0,5")
    thread.join(LONG_S)
    assert heard == [0.5]


@pytest.mark.parametrize("typed", ["", "-", "1.01", "-1.01", "nan", "inf", "1e9", "0.5.5", "abc", True])
def test_what_is_no_number_within_the_limits_is_no_answer(typed: object) -> None:
    assert Asking(STEPS[0], KPA).read(typed if isinstance(typed, str) else str(typed)) is None


def test_stopped_it_keeps_what_was_measured_and_goes_on_with_the_next_step(
    site: ShortSite, calibrating: Calibrating
) -> None:
    begun(calibrating)
    assert led(calibrating, most=3) == ["ready pressure_zero", "asking pressure_zero", "shown pressure_zero"]
    until(lambda: isinstance(calibrating.seen().moment.asked, Ready))
    calibrating.stop()
    until(lambda: calibrating.seen().phase is Phase.START)
    start = calibrating.seen().start
    assert start is not None
    assert start.under_way is not None
    assert (start.under_way.operator, start.under_way.done) == ("eng", 1)
    assert calibrating.seen().trouble is None, "to stop is no fault"
    begun(calibrating, How.RESUME)
    assert led(calibrating, most=1) == ["ready light_ambient"]


def test_put_aside_only_after_it_was_asked_once_more(site: ShortSite, calibrating: Calibrating) -> None:
    begun(calibrating)
    led(calibrating, most=3)
    calibrating.stop()
    until(lambda: calibrating.seen().phase is Phase.START)
    calibrating.choose(How.FRESH)
    calibrating.begin("eng")
    assert calibrating.seen().phase is Phase.SURE
    calibrating.back()
    assert not (site.folder / "runs").exists()
    begun(calibrating, How.FRESH)
    assert led(calibrating, most=1) == ["ready pressure_zero"]
    assert len(list((site.folder / "runs").iterdir())) == 1


def test_the_page_is_never_kept_waiting_by_a_step(site: ShortSite) -> None:
    measuring, ended = threading.Event(), threading.Event()
    let_go: list[bool] = []

    def hang(bench: Bench) -> StepOutcome:
        measuring.set()
        let_go.append(ended.wait(LONG_S))
        return STEPS[2].run(bench)

    calibrating = Calibrating(replace(site, steps=(replace(STEPS[2], run=hang),)), time.monotonic)
    begun(calibrating)
    led(calibrating, most=1)
    assert measuring.wait(LONG_S)
    for _ in range(100):
        assert view_of(calibrating.seen()) == "measuring"
        calibrating.look()
        calibrating.stop()
    assert let_go == [], "the page had its answers while the step still hung"
    ended.set()
    until(lambda: calibrating.seen().phase is Phase.START)
    start = calibrating.seen().start
    assert start is not None
    assert start.under_way is not None
    assert start.under_way.done == 0, "a step that says something ends there, before it is kept"


def test_a_fault_of_the_program_is_said_and_what_was_measured_is_kept(
    site: ShortSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)  # it goes to the log

    def wrong(bench: Bench) -> StepOutcome:
        raise ZeroDivisionError

    calibrating = Calibrating(replace(site, steps=(*STEPS[:2], replace(STEPS[2], run=wrong))), time.monotonic)
    begun(calibrating)
    led(calibrating)
    seen = calibrating.seen()
    assert (seen.phase, seen.trouble) == (Phase.START, UNEXPECTED)
    assert seen.start is not None
    assert seen.start.under_way is not None
    assert seen.start.under_way.done == 2


def test_a_machine_that_cannot_be_reached_is_said(site: ShortSite, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(device: DeviceConfig) -> None:
        raise RigError("The camera does not answer.")

    monkeypatch.setattr("run_bench.rig", unreachable)
    calibrating = Calibrating(site, time.monotonic)
    begun(calibrating)
    led(calibrating)
    trouble = calibrating.seen().trouble
    assert trouble is not None
    assert trouble.en == "The camera does not answer."


def test_a_run_that_another_program_has_open_is_said_at_the_start(site: ShortSite, calibrating: Calibrating) -> None:
    other = site.opened(site.device(), How.BEGIN, "eng")
    calibrating.look()
    start = calibrating.seen().start
    assert start is not None
    assert "another calibration of this device is open" in start.troubles[0]
    begun(calibrating)
    until(lambda: calibrating.seen().trouble is not None)
    other.close()


def test_one_tab_leads_a_reload_keeps_it_and_who_has_gone_is_followed_by_the_next() -> None:
    now = [0.0]
    wheel = Wheel(lambda: now[0])
    assert (wheel.look("a"), wheel.look("b")) == (True, False)
    now[0] += GONE_S - 1
    assert not wheel.look("b")
    assert wheel.look("a"), "reloaded"
    wheel.take("b")
    assert (wheel.look("a"), wheel.look("b")) == (False, True)
    now[0] += GONE_S + 1
    assert wheel.look("a"), "b was not seen for long"
    assert not wheel.look("b")


def test_every_question_has_a_view_and_every_text_the_same_places_in_both_languages() -> None:
    for prompt in Prompt.__subclasses__():
        assert prompt.__name__.lower() in VIEWS or prompt is Asking
    for key, texts in WORDS.items():
        english, french = (set(re.findall(r"\{(\w+)\}", text)) for text in texts)
        assert english == french, key


def test_the_page_names_its_own_keys_where_a_sentence_names_an_option() -> None:
    with pytest.raises(RunError) as refused:
        raise RunError("no calibration is under way here: throw it away with --fresh")
    assert on_page(str(refused.value), "en").endswith("throw it away with “Begin anew”")
    assert "--" not in on_page("go on with --resume, or --fresh", "fr")


@pytest.mark.parametrize("y", [(1.0, 2.0, 4.0), (3.0, 3.0, 3.0), (0.0, 0.0, 0.0), (1.0, float("nan"), 2.0)])
def test_a_curve_is_drawn_within_its_frame(y: tuple[float, ...]) -> None:
    curve = Curve.model_construct(name="drift", x_label="time <s>", y_label='level "x"', x=(0.0, 1.0, 2.0), y=y)
    drawn = plotted(curve, comma=True)
    (points,) = re.findall(r'class="curve" points="([^"]+)"', drawn)
    places = [tuple(map(float, point.split(","))) for point in points.split()]
    assert len(places) == sum(value == value for value in y)
    assert all(0 <= x <= 560 and 0 <= height <= 240 for x, height in places)
    assert "<s>" not in drawn
    assert "time &lt;s&gt;" in drawn


def test_stopped_while_it_waits_the_desk_lets_go_at_once() -> None:
    desk = PageDesk(time.monotonic)
    desk.stop()
    with pytest.raises(StoppedError):
        desk.ready(STEPS[0], 1, 3)
