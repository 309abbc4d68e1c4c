"""The button means what the nurse meant: bounces are one push, a long push is a wish to stop, and pins are let go."""

import threading
import time

import pytest
from gpiozero.pins.mock import MockFactory

from device.clock import SystemClock
from device.panel import Panel, PanelError, Pushes
from device.session_words import Held, Pushed, State
from firmware_config.hardware import Pins
from phantom.nurse import Nurse

MS = 1_000_000


def play(edges: list[tuple[int, bool]], until_ms: int) -> list[tuple[int, Pushed | Held]]:
    """Feed edges (time in ms, level) to `Pushes`, polled every 10 ms; returns what was meant, and when."""
    pushes, meant = Pushes(), []
    waiting = list(edges)
    for now_ms in range(0, until_ms, 10):
        while waiting and waiting[0][0] <= now_ms:
            at_ms, down = waiting.pop(0)
            meant += [(now_ms, item) for item in pushes.level(down, at_ms * MS)]
        meant += [(now_ms, item) for item in pushes.passed(now_ms * MS)]
    return meant


def test_a_clean_push_is_one_push_when_it_goes_down() -> None:
    assert play([(100, True), (300, False)], 2000) == [(130, Pushed(1))]


def test_bounces_are_one_push() -> None:
    bouncing = [(100, True), (104, False), (107, True), (111, False), (115, True)]
    release = [(400, False), (403, True), (409, False)]
    assert [item for _, item in play(bouncing + release, 2000)] == [Pushed(1)]


def test_a_glitch_is_no_push() -> None:
    assert play([(100, True), (120, False), (500, True), (515, False)], 3000) == []


def test_a_long_push_is_told_once_while_it_lasts() -> None:
    assert play([(100, True), (5000, False)], 6000) == [(130, Pushed(1)), (1600, Held(1))]


def test_a_contact_that_opens_for_an_instant_does_not_end_a_push() -> None:
    meant = play([(100, True), (1000, False), (1010, True), (3000, False)], 4000)
    assert [item for _, item in meant] == [Pushed(1), Held(1)]


def test_pushes_are_numbered() -> None:
    meant = play([(100, True), (200, False), (500, True), (2500, False)], 4000)
    assert [item for _, item in meant] == [Pushed(1), Pushed(2), Held(2)]


@pytest.fixture
def factory() -> MockFactory:
    return MockFactory()


def heard(panel: Panel, for_s: float) -> list[Pushed | Held]:
    meant: list[Pushed | Held] = []
    end_s = time.monotonic() + for_s
    while time.monotonic() < end_s:
        meant += panel.poll()
        time.sleep(0.005)
    return meant


def test_the_button_on_its_pin_is_debounced(factory: MockFactory) -> None:
    panel = Panel(Pins(), factory, SystemClock())
    pin = factory.pin(Pins().button)
    for _ in range(4):
        pin.drive_low()
        time.sleep(0.002)
        pin.drive_high()
        time.sleep(0.002)
    pin.drive_low()
    assert heard(panel, 0.1) == [Pushed(1)]
    pin.drive_high()
    assert heard(panel, 0.1) == []
    panel.close()


def test_a_push_while_nobody_polls_is_not_lost(factory: MockFactory) -> None:
    panel = Panel(Pins(), factory, SystemClock())
    pin = factory.pin(Pins().button)
    pin.drive_low()
    time.sleep(0.1)
    pin.drive_high()
    assert heard(panel, 0.1) == [Pushed(1)]
    panel.close()


def test_the_light_is_steady_when_ready_and_blinks_while_measuring(factory: MockFactory) -> None:
    panel = Panel(Pins(), factory, SystemClock())
    light = factory.pin(Pins().status_light)
    panel.show(State.IDLE)
    assert light.state
    panel.show(State.CAMERA_FAULT)
    light.clear_states()
    time.sleep(0.35)
    assert len(light.states) >= 3
    panel.show(State.DONE)
    assert light.state
    panel.close()
    Panel(Pins(), factory, SystemClock()).close()


def test_a_pin_that_is_taken_is_one_sentence(factory: MockFactory) -> None:
    first = Panel(Pins(), factory, SystemClock())
    with pytest.raises(PanelError, match="cannot be used"):
        Panel(Pins(), factory, SystemClock())
    first.close()


class Touch:
    def __init__(self) -> None:
        self.pushes = 0
        self.down = threading.Event()

    def drive_low(self) -> None:
        self.pushes += 1
        self.down.set()

    def drive_high(self) -> None:
        self.down.clear()


def test_the_nurse_pushes_when_the_bedside_is_ready_until_enough_is_measured() -> None:
    touch = Touch()
    nurse = Nurse(touch, measurements=2, pause_s=0.02, push_s=0.01)
    nurse.start()
    time.sleep(0.08)
    assert touch.pushes == 0
    for completed in range(2):
        nurse.hear({"event": "state", "state": "idle", "completed": completed})
        assert touch.down.wait(2)
        nurse.hear({"event": "state", "state": "baseline", "completed": completed})
        time.sleep(0.1)
        assert touch.pushes == completed + 1
    nurse.hear({"event": "reading", "completed": 2})
    nurse.hear({"event": "state", "state": "done", "completed": 2})
    time.sleep(0.1)
    nurse.stop()
    assert touch.pushes == 2
    assert not touch.down.is_set()


def test_the_nurse_pushes_again_where_a_push_brought_nothing() -> None:
    touch = Touch()
    nurse = Nurse(touch, measurements=1, pause_s=0.02, push_s=0.01)
    nurse.start()
    nurse.hear({"event": "state", "state": "idle", "completed": 0})
    time.sleep(0.6)
    nurse.stop()
    # After 0.02, 0.04, 0.08, 0.16 and 0.32 s, less where the machine is busy.
    assert 2 <= touch.pushes <= 5
