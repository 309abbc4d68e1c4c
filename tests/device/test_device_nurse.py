"""The simulated nurse knows every state of the bedside, and pushes only where a push starts a measurement."""

import threading
import time

from device.session_words import STARTABLE, State
from phantom.nurse import READY_STATES, Nurse


class Button:
    """A pin that counts how often it was closed."""

    def __init__(self) -> None:
        self.pushes = 0
        self.pushed = threading.Event()

    def drive_low(self) -> None:
        self.pushes += 1
        self.pushed.set()

    def drive_high(self) -> None: ...


def test_she_is_ready_where_the_session_is() -> None:
    assert {state.value for state in STARTABLE} == READY_STATES


def test_she_waits_in_every_other_state_and_pushes_once_it_is_over() -> None:
    button = Button()
    nurse = Nurse(button, measurements=2, pause_s=0.01, push_s=0.001)
    nurse.start()
    for state in State:
        if state not in STARTABLE:
            nurse.hear({"event": "state", "state": state.value, "completed": 0})
            time.sleep(0.02)
    assert button.pushes == 0
    nurse.hear({"event": "state", "state": "done", "completed": 1})
    assert button.pushed.wait(2)
    nurse.hear({"event": "state", "state": "done", "completed": 2})
    time.sleep(0.05)
    pushes = button.pushes
    time.sleep(0.05)
    assert button.pushes == pushes, "enough is measured"
    nurse.stop()


class Touch:
    """A pin that is down for as long as it is pushed."""

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
