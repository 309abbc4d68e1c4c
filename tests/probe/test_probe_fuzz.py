"""The fuzz campaign in short, with fixed seeds; `benchmarks/probe_fuzz.py` plays the long one."""

import random
from pathlib import Path

import pytest

from benchmarks.probe_fuzz_process import against_a_process
from benchmarks.probe_fuzz_stepped import Leases, against_the_engine
from device.probe.engine import Engine
from device.probe.messages import Press, Renew
from device.probe.safety import Arbiter

SEED = 20261124


@pytest.mark.slow
def test_three_thousand_messages_change_nothing_and_a_press_survives_them(short_folder: Path) -> None:
    seen = against_the_engine(3000, random.Random(SEED), short_folder)
    assert seen.outside == []
    assert seen.problems == []
    assert seen.messages >= 3000
    assert seen.closed_writes > 100
    assert seen.presses_survived == seen.owners_presses >= 1


@pytest.mark.slow
def test_silent_owners_vent_and_foreign_presses_are_held_to_their_lease(short_folder: Path) -> None:
    seen = against_the_engine(25_000, random.Random(SEED + 1), short_folder)
    assert seen.outside == []
    assert seen.problems == []
    assert seen.silences_vented == seen.silences >= 1
    assert seen.foreign_presses >= 1


@pytest.mark.slow
def test_a_real_process_lives_through_it_with_flat_memory(short_folder: Path) -> None:
    seen = against_a_process(4000, random.Random(SEED + 2), short_folder)
    assert seen.problems == []
    assert seen.alive
    assert seen.presses


@pytest.mark.slow
def test_the_campaign_would_see_outputs_without_a_lease(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Arbiter, "overdue", lambda _self, _now_ns: None)
    assert against_the_engine(6000, random.Random(SEED), short_folder).outside


@pytest.mark.slow
def test_the_campaign_would_see_a_press_kept_up_by_others(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def anybodys(self: Engine, now_ns: int, _peer: int, renew: Renew) -> None:
        if self._moment(now_ns).timely(renew.sent_ns):
            self._arbiter.renew(now_ns, renew.sent_ns)

    monkeypatch.setattr(Engine, "_renew", anybodys)
    assert against_the_engine(6000, random.Random(SEED), short_folder).outside


@pytest.mark.slow
def test_the_campaign_would_see_a_press_that_does_not_survive(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Arbiter, "renew", lambda _self, _now_ns, _sent_ns: None)
    assert against_the_engine(3000, random.Random(SEED), short_folder).problems


def test_what_lines_allow_is_worked_out_by_sender_and_lease() -> None:
    press = Press(lease="a" * 32, sent_ns=1000, target_kpa=40, ramp_s=1, hold_s=5)
    half = 500_000_000
    leases = Leases()
    leases.sent(1, press.line()[:20])
    assert not leases.good("a" * 32, 1000)
    leases.sent(1, press.line()[20:])
    assert leases.good("a" * 32, 999 + half)
    assert not leases.good("a" * 32, 1000 + half)
    leases.sent(2, Renew(lease="a" * 32, sent_ns=half).line())
    assert not leases.good("a" * 32, 1000 + half)
    leases.sent(1, Renew(lease="a" * 32, sent_ns=half).line())
    assert leases.good("a" * 32, 1000 + half)
    assert not leases.good("b" * 32, 1000 + half)
