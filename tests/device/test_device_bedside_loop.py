"""The bedside's loop on a clock that is moved by hand: choices, aborts, disks that fill up, clocks that jump."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from bedside_bench import Bench, choice

from contract.reading import BodySite, Side, Subject
from device.bedside import CHOSEN_ANEW, MEASURES, BedsideError
from device.console_words import Abort, Choose, Forget, Measure
from device.journal import JournalError, JournalFullError, JournalReadOnlyError
from device.session_words import NOBODY_CHOSEN, Held
from vision.press import PressAnalysis

FULL = JournalFullError("The disk is full.")
ACTIVE = ["baseline", "pressing", "holding", "refilling"]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.close()


@pytest.fixture
def nobody(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path, chosen=False)
    yield bench
    bench.close()


def test_a_push_makes_a_reading_of_whoever_is_chosen(nobody: Bench) -> None:
    asked = choice(
        body_site="knee",
        subject=Subject(site="00", inclusion="0007"),
        side="left",
        event="inclusion",
        operator="n3",
        norepinephrine_onset_at="2026-11-26T02:00:00+00:00",
    )
    assert nobody.ask(Choose(choice=asked)) is None
    nobody.measure()
    (reading,) = nobody.records()
    assert reading.subject == Subject(site="00", inclusion="0007")
    assert (reading.body_site, reading.side, reading.event, reading.operator) == (
        BodySite.KNEE,
        Side.LEFT,
        "inclusion",
        "n3",
    )
    assert reading.norepinephrine_onset_at == asked.norepinephrine_onset_at
    assert reading.simulated
    assert (reading.result.crt_s, reading.presses[0].set_number) == (2.0, 1)
    (verdict,) = nobody.said("verdict")
    assert verdict["answer"] == "undetermined"
    kinds = [event["event"] for event in nobody.events]
    assert kinds.index("reading") < kinds.index("verdict")


def test_nobody_chosen_starts_nothing_and_says_so(nobody: Bench) -> None:
    nobody.push()
    assert nobody.sentences("refused") == [NOBODY_CHOSEN]
    assert nobody.panel.refusals == 1
    assert (nobody.state, nobody.writes, nobody.probe.presses) == ("idle", [], 0)
    assert nobody.panel.shown[-1] == ("idle", True), "the light does not say that it is ready"


def test_a_choice_that_is_too_old_counts_no_more(bench: Bench) -> None:
    bench.clock.boot_ns += round(12.1 * 3.6e12)
    bench.wait(1)
    bench.push()
    assert bench.sentences("refused") == [NOBODY_CHOSEN]
    assert bench.said("choice")[-1]["choice"] is None


def test_the_protocol_is_the_choices(bench: Bench) -> None:
    assert bench.ask(Choose(choice=choice(protocol="knee-10s", body_site="knee"))) is None
    bench.push()
    bench.until("pressing")
    assert bench.said("state")[-1]["presses"] == 3
    assert bench.probe._shape == (1.0, 10.0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"subject": Subject(site="99", inclusion="1")}, "no site 99"),
        ({"study": "none"}, "no such file"),
        ({"protocol": "none"}, "no such file"),
        ({"body_site": "knee", "protocol": "chiba-5n"}, "not for the knee"),
        ({"event": "day-99"}, "no event day-99"),
    ],
)
def test_what_does_not_fit_is_refused_and_the_former_choice_stands(
    bench: Bench, changes: dict[str, object], words: str
) -> None:
    refusal = bench.ask(Choose(choice=choice(**changes)))
    assert refusal is not None
    assert words in refusal
    bench.measure()
    assert bench.records()[0].subject.inclusion == "0001"


@pytest.mark.parametrize("state", ACTIVE)
def test_in_a_measurement_nobody_else_can_be_chosen_and_a_forgotten_one_is_measured_to_the_end(
    bench: Bench, state: str
) -> None:
    bench.push()
    bench.until(state)
    assert bench.ask(Choose(choice=choice(subject=Subject(site="00", inclusion="0002")))) == MEASURES
    assert bench.ask(Forget()) is None
    bench.until("done")
    assert bench.records()[0].subject.inclusion == "0001"
    bench.push()
    assert bench.sentences("refused") == [NOBODY_CHOSEN]


def test_a_screen_measures_as_the_button_does(bench: Bench) -> None:
    assert bench.ask(Measure(choice=choice())) is None
    bench.until("done")
    assert bench.reasons() == ["measured"]
    bench.wait(0.5)
    bench.measure()
    assert bench.reasons() == ["measured", "measured"]


@pytest.mark.parametrize("state", ACTIVE)
def test_a_screen_never_starts_a_second_measurement(bench: Bench, state: str) -> None:
    bench.push()
    bench.until(state)
    assert bench.ask(Measure(choice=choice())) == MEASURES
    bench.until("done")
    assert bench.reasons() == ["measured"]


def test_a_screen_that_shows_somebody_else_starts_nothing(bench: Bench) -> None:
    other = choice(subject=Subject(site="00", inclusion="0002"))
    for stale in (other, choice(side=Side.LEFT), choice(body_site="knee", protocol="knee-10s")):
        assert bench.ask(Measure(choice=stale)) == CHOSEN_ANEW
    assert bench.ask(Forget()) is None
    assert bench.ask(Measure(choice=choice())) == CHOSEN_ANEW
    assert (bench.state, bench.writes) == ("idle", [])


def test_what_a_screen_started_the_button_stops(bench: Bench) -> None:
    assert bench.ask(Measure(choice=choice())) is None
    bench.until("holding")
    bench.push()
    bench.panel.meant.append(Held(bench.pushes))
    bench.turn()
    assert (bench.state, bench.probe.pressed) == ("aborted", False)


def test_a_screen_is_told_what_keeps_a_measurement_from_starting(tmp_path: Path) -> None:
    bench = Bench(tmp_path, disk=FULL)
    assert bench.ask(Measure(choice=choice())) == "The disk is full."
    assert bench.state == "idle"
    bench.close()


@pytest.mark.parametrize("state", ACTIVE)
@pytest.mark.parametrize("by", ["screen", "button"])
def test_an_abort_vents_at_once_and_the_next_push_measures(bench: Bench, state: str, by: str) -> None:
    bench.push()
    bench.until(state)
    if by == "screen":
        assert bench.ask(Abort()) is None
    else:
        bench.push()
        bench.panel.meant.append(Held(bench.pushes))
        bench.turn()
    assert bench.state == "aborted"
    assert not bench.probe.pressed
    assert bench.reasons() == ["aborted"]
    bench.wait(0.5)
    bench.measure()
    assert bench.reasons() == ["aborted", "measured"]


def test_an_abort_that_nothing_runs_for_does_nothing(bench: Bench) -> None:
    assert bench.ask(Abort()) is None
    assert (bench.state, bench.writes) == ("idle", [])


@pytest.mark.parametrize("state", ACTIVE)
def test_a_push_in_a_measurement_starts_no_second_one(bench: Bench, state: str) -> None:
    bench.push()
    bench.until(state)
    bench.push()
    bench.push()
    bench.until("done")
    assert bench.writes == ["begin", "keep_press", "append"]
    assert bench.panel.refusals == 0


def test_a_full_disk_at_the_start_presses_nothing_and_a_later_push_finds_that_it_serves(bench: Bench) -> None:
    bench.disk = FULL
    bench.push()
    assert bench.sentences("refused") == ["The disk is full."]
    assert (bench.state, bench.probe.presses) == ("idle", 0)
    bench.disk = None
    bench.measure()
    assert bench.reasons() == ["measured"]


@pytest.mark.parametrize("error", [FULL, JournalReadOnlyError("The disk is read-only.")], ids=["full", "read-only"])
def test_a_disk_that_fills_up_in_a_measurement_shows_nothing_before_it_serves_again(
    bench: Bench, error: JournalError
) -> None:
    bench.push()
    bench.until("refilling")
    bench.disk = error
    bench.until("journal_fault")
    bench.wait(3.5)
    assert bench.said("reading") == []
    assert bench.said("press") == []
    assert str(error) in bench.sentences("problem")
    assert bench.panel.shown[-1][0] == "journal_fault"
    bench.push()
    assert bench.sentences("refused") == [str(error)]
    bench.ask(Abort())
    assert bench.state == "journal_fault"
    bench.disk = None
    bench.until("done", 2.0)
    assert bench.reasons() == ["measured"]
    (reading,) = bench.records()
    assert (reading.result.crt_s, len(reading.presses)) == (2.0, 1)
    bench.measure()
    assert [one.device_seq for one in bench.records()] == [1, 2]


def test_an_aborted_measurement_whose_record_waits_is_aborted_once_it_is_kept(bench: Bench) -> None:
    bench.push()
    bench.until("holding")
    bench.disk = FULL
    bench.ask(Abort())
    assert not bench.probe.pressed
    assert bench.state == "journal_fault"
    bench.disk = None
    bench.until("aborted", 2.0)
    assert bench.reasons() == ["aborted"]


def test_a_journal_that_cannot_be_opened_is_waited_for(tmp_path: Path) -> None:
    bench = Bench(tmp_path, disk=JournalReadOnlyError("The disk is read-only."))
    assert bench.sentences("problem")[0] == "The disk is read-only."
    bench.push()
    assert bench.sentences("refused") == ["The disk is read-only."]
    assert bench.panel.shown[-1] == ("idle", True)
    bench.wait(11)
    assert bench.sentences("problem").count("The disk is read-only.") == 1
    bench.disk = None
    bench.wait(5.5)
    assert bench.panel.shown[-1] == ("idle", False)
    bench.measure()
    bench.close()


def test_a_wall_clock_that_jumps_by_a_day_in_mid_measurement_changes_nothing_but_what_it_says(bench: Bench) -> None:
    bench.push()
    bench.until("holding")
    began = bench.clock.wall
    bench.clock.wall += timedelta(days=1)
    bench.clock.set_by_server = False
    bench.until("refilling", 7)
    bench.clock.wall -= timedelta(days=3)
    bench.until("done", 12)
    bench.wait(0.5)
    bench.measure()
    first, second = bench.records()
    assert first.measured.at < began
    assert first.measured.clock_synchronised
    assert not second.measured.clock_synchronised
    assert second.measured.at < first.measured.at, "as the wall clock said; the boot clock has the order"
    assert second.measured.boottime_ns > first.measured.boottime_ns
    assert bench.reasons() == ["measured", "measured"]


def test_a_camera_that_falls_silent_ends_it_by_that_name_and_is_waited_for(bench: Bench) -> None:
    bench.push()
    bench.until("holding")
    bench.camera.ticks = False
    bench.until("camera_fault", 2.0)
    assert not bench.probe.pressed
    bench.push()
    assert bench.sentences("refused") == ["The camera does not answer. Call the study engineer."]
    bench.camera.ticks = True
    bench.wait(1)
    bench.measure()
    assert bench.reasons() == ["camera_fault", "measured"]


def test_an_analysis_that_fails_costs_its_measurement_and_not_the_process(bench: Bench) -> None:
    good = bench.analyse

    def fails() -> PressAnalysis:
        raise ValueError("no such thing")

    bench.analyse = fails
    bench.push()
    bench.until("analysis_fault", 30)
    bench.analyse = good
    bench.wait(0.5)
    bench.measure()
    assert bench.reasons() == ["interrupted", "measured"]


def test_a_camera_that_hangs_ends_the_process_once_nothing_is_owed(bench: Bench) -> None:
    bench.push()
    bench.until("holding")
    bench.disk = FULL
    bench.camera.hung, bench.camera.trouble = True, "The camera does not come back."
    bench.ask(Abort())
    bench.wait(5)
    assert bench.state == "journal_fault", "the record goes before the process does"
    bench.disk = None
    with pytest.raises(BedsideError, match="does not come back"):
        bench.wait(2)
    assert bench.reasons() == ["aborted"]


def test_health_is_told_to_screens_and_to_the_publisher(bench: Bench) -> None:
    bench.wait(4.5)
    told = bench.said("health")
    assert len(told) == 3
    assert [part["part"] for part in told[0]["parts"]][:3] == ["camera", "probe", "calibration"]  # type: ignore[attr-defined,union-attr]  # a list of parts
    assert (bench.folder / "health.json").exists()


def test_a_camera_or_a_panel_in_trouble_is_said_once_until_it_is_another(bench: Bench) -> None:
    bench.camera.trouble = "There is no camera."
    bench.wait(3)
    bench.panel.trouble = "The button cannot be read. Call the study engineer."
    bench.wait(3)
    assert bench.sentences("problem") == [bench.camera.trouble, bench.panel.trouble]
    bench.camera.trouble = None
    bench.wait(1)
    bench.camera.trouble = "There is no camera."
    bench.wait(1)
    assert bench.sentences("problem").count("There is no camera.") == 2
