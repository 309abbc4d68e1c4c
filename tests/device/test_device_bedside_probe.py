"""What the bedside makes of the probe's words: which refusals pass by themselves, when a chamber is surely empty."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.bedside_probe import EMPTY_KPA, EMPTY_S, REST_S, ProbeEar, is_empty
from device.probe.messages import Event as ProbeEvent
from device.probe.messages import Pressure, Refusal, Refused
from device.session_words import ChamberEmpty, ProbeFailed, ProbeNotReady


class Said:
    """A probe that says what it is told to."""

    def __init__(self) -> None:
        self.next: list[ProbeEvent] = []

    def poll(self) -> list[ProbeEvent]:
        said, self.next = self.next, []
        return said

    def press(self, *_: float) -> str:
        return "0" * 32

    def renew(self) -> None: ...

    def release(self) -> None: ...

    def close(self) -> None: ...


def series(kpa: list[float], step_s: float = 0.01) -> "np.typing.NDArray[np.float64]":
    t_ns = 10**15 + np.arange(len(kpa)) * step_s * 1e9
    return np.column_stack([t_ns, kpa])


AT_REST = [0.3] * 300


@pytest.mark.parametrize(
    ("why", "passes"),
    [
        (Refusal.NOT_READY, True),
        (Refusal.TOO_LATE, True),
        *((why, False) for why in Refusal if why not in (Refusal.NOT_READY, Refusal.TOO_LATE)),
    ],
)
def test_a_refusal_that_passes_by_itself_is_no_fault(why: Refusal, passes: bool) -> None:
    probe = Said()
    ear = ProbeEar(probe)
    probe.next = [Refused(command="press", why=why, sentence="no")]
    (heard,) = ear.poll()
    assert isinstance(heard, ProbeNotReady if passes else ProbeFailed)


def test_a_chamber_at_rest_is_empty_whatever_the_sensors_zero() -> None:
    assert is_empty(series(AT_REST))
    assert is_empty(series([1.5] * 300))
    assert not is_empty(series([2.5] * 300)), "a sensor whose rest is this far from zero is wrong, or presses"


def test_what_is_too_short_or_has_a_gap_shows_nothing() -> None:
    assert not is_empty(series(AT_REST[: round((EMPTY_S + REST_S) * 100)]))
    gapped = np.delete(series([0.3] * 400), slice(370, 385), axis=0)
    assert not is_empty(gapped)


@pytest.mark.slow
@given(begun_s=st.floats(0.02, 0.6), above=st.floats(EMPTY_KPA + 0.1, 60), noise=st.floats(0, 0.05))
def test_a_pressure_that_the_probe_would_name_later_shows_from_its_beginning(
    begun_s: float, above: float, noise: float
) -> None:
    kpa = [0.3 + noise * (-1) ** n for n in range(400)]
    for n in range(400 - round(begun_s * 100), 400):
        kpa[n] += above
    assert not is_empty(series(kpa))


def test_samples_are_kept_in_a_press_only() -> None:
    probe = Said()
    ear = ProbeEar(probe)
    batch = Pressure(t_boot_ns=(10**12, 10**12 + 10**7), kpa=(0.1, 0.2))
    probe.next = [batch] * 100
    assert ear.poll() == []
    assert len(ear.pressure(0).kpa) == 0
    assert ear.latest_kpa == 0.2
    ear.keep_pressure()
    probe.next = [batch]
    ear.poll()
    assert ear.pressure(0).kpa.tolist() == [0.1, 0.2]
    ear.end_pressure()
    probe.next = [batch]
    ear.poll()
    assert ear.pressure(0).kpa.tolist() == [0.1, 0.2]


def test_an_empty_chamber_is_said_with_the_newest_sample() -> None:
    probe = Said()
    ear = ProbeEar(probe)
    ear.keep_pressure()
    heard = []
    for first in range(0, 300, 10):
        stamps = tuple(10**12 + n * 10**7 for n in range(first, first + 10))
        probe.next = [Pressure(t_boot_ns=stamps, kpa=(0.1,) * 10)]
        heard += ear.poll()
    assert heard[-1] == ChamberEmpty(10**12 + 299 * 10**7)
    assert len(heard) == 4, "the first 2.6 s are needed to know the sensor's rest"
