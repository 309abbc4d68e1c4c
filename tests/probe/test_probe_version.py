"""The link's version: nothing is taken from a probe that speaks another one, and that is what is said."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.bedside_probe import UNREACHABLE, ProbeEar
from device.probe.faults import FaultCode
from device.probe.link import ProbeClient, ProbeUnreachableError, Released, State, Status
from device.probe.messages import LINK_VERSION, MalformedMessageError, parse_event
from device.probe.server import open_listener


class ScriptedProbe:
    """Says whatever it is told to, to one client."""

    def __init__(self, folder: Path) -> None:
        self._listener = open_listener(folder / "other.sock")
        self.client = ProbeClient(folder / "other.sock")
        self.client.status()
        self._listener.setblocking(True)
        self._connection, _ = self._listener.accept()

    def say(self, *lines: bytes) -> None:
        self._connection.sendall(b"".join(lines))

    def close(self) -> None:
        self.client.close()
        self._connection.close()
        self._listener.close()


@pytest.fixture
def scripted(short_folder: Path) -> Iterator[ScriptedProbe]:
    made = ScriptedProbe(short_folder)
    yield made
    made.close()


def report(version: int, **more: object) -> bytes:
    """What a probe of some version says on connecting, with whatever else that version has."""
    own = Status(
        version=version, t_boot_ns=5, device="d", simulated=True, config_sha256="", phase="idle", pressure_kpa=0.0,
        fault=None, faults_kept=True, lease_s=0.5, pressure_limit_kpa=60, hold_limit_s=20, samples=1, worst_gap_ms=1,
    )  # fmt: skip
    return json.dumps({**json.loads(own.line()), **more}).encode() + b"\n"


RELEASED_1 = (
    b'{"kind":"released","lease":"' + b"0" * 32 + b'","why":"held","t_boot_ns":5,"release_s":0.1,"valve_open_ns":4,'
    b'"held_s":5.0,"hold_mean_kpa":40.0,"hold_sd_kpa":0.1,"overshoot":0.0}\n'
)
STATE = State(t_boot_ns=5, phase="release", lease="0" * 32).line()


@pytest.mark.parametrize("before", [b"", RELEASED_1, b'{"kind":"of_another_age"}\n'])
@pytest.mark.parametrize("said", [report(1), report(2), report(3), report(5), report(5, blood_kpa=9.5)])
def test_a_probe_of_another_version_is_refused_by_that_name(
    scripted: ScriptedProbe, before: bytes, said: bytes
) -> None:
    scripted.say(before, said)
    version = json.loads(said)["version"]
    with pytest.raises(ProbeUnreachableError, match=f"speaks version {version} of the link, this is {LINK_VERSION}$"):
        scripted.client.poll()


def test_nothing_is_heard_before_the_version_is_known_and_nothing_is_lost(scripted: ScriptedProbe) -> None:
    scripted.say(STATE)
    assert scripted.client.poll() == []
    scripted.say(report(LINK_VERSION)[:20])
    assert scripted.client.poll() == []
    scripted.say(report(LINK_VERSION)[20:])
    assert [type(event) for event in scripted.client.poll()] == [State, Status]
    scripted.say(STATE)
    assert [type(event) for event in scripted.client.poll()] == [State]


def test_a_probe_that_never_says_its_version_is_let_go(scripted: ScriptedProbe) -> None:
    scripted.say(STATE * 501)
    with pytest.raises(ProbeUnreachableError, match="does not say which version"):
        scripted.client.poll()


class Waverer:
    """A port that answers each poll as listed: what it says, or why it cannot be reached."""

    def __init__(self, *answers: list[Status] | ProbeUnreachableError) -> None:
        self._answers = list(answers)

    def poll(self) -> list[Status]:
        answer = self._answers.pop(0)
        if isinstance(answer, ProbeUnreachableError):
            raise answer
        return answer


def test_the_bedside_tells_a_foreign_probe_once_with_the_cause_in_its_log(caplog: pytest.LogCaptureFixture) -> None:
    foreign = ProbeUnreachableError("it speaks version 1 of the link, this is 2")
    own = parse_event(report(LINK_VERSION))
    assert isinstance(own, Status)
    ear = ProbeEar(Waverer(foreign, [], foreign, [], foreign, [own], foreign))
    assert [ear.poll().count(UNREACHABLE) for _ in range(7)] == [1, 0, 0, 0, 0, 0, 1]
    assert caplog.messages == [str(foreign)] * 2


def test_a_release_always_says_whether_its_press_had_a_fault() -> None:
    with pytest.raises(MalformedMessageError, match=r"released\.fault"):
        parse_event(RELEASED_1)
    fine = parse_event(RELEASED_1.replace(b'"held_s"', b'"fault":null,"held_s"'))
    assert isinstance(fine, Released)
    faulty = fine.model_copy(update={"fault": FaultCode.BLOCKED_VENT})
    assert parse_event(faulty.line()) == faulty
    with pytest.raises(MalformedMessageError, match="fault"):
        parse_event(faulty.line().replace(b"blocked_vent", b"gremlins"))
