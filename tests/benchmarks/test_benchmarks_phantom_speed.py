"""The phantom's speed: it is counted, and held against its target."""

from benchmarks.phantom_speed import TARGET_PER_MINUTE, presses_per_minute, verdict


def test_it_is_counted_and_held_against_its_target() -> None:
    assert presses_per_minute(1) > 0
    assert verdict(TARGET_PER_MINUTE).met
    assert not verdict(TARGET_PER_MINUTE - 1).met
