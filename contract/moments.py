"""When records were made, against each other: how much older one is, which came first, and which are too old.

Nothing here takes a clock on trust: what cannot be told is None, and a record whose age cannot be told is not fresh.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from contract.source import Measured, Source

SLACK_H: float = 0.1
"""Two clocks that are set may be this far apart and still be believed about which boot came first."""


@dataclass(frozen=True)
class Moment:
    """When a record was made: its clocks, and its place in its device's gapless count where it has one."""

    measured: Measured
    device: str | None = None
    device_seq: int | None = None


def moment_of(record: Source) -> Moment:
    """Return when a record was made."""
    return Moment(record.measured, record.device.name, record.device_seq)


def age_h(one: Moment, other: Moment) -> float | None:
    """Return how much older `one` is than `other`, h; None where no clock can tell.

    Within one boot the boot clock tells, whatever the wall clock did; across boots only two synchronised clocks do.
    """
    then, now = one.measured, other.measured
    if then.boot_id == now.boot_id:
        return (now.boottime_ns - then.boottime_ns) / 3.6e12
    if then.clock_synchronised and now.clock_synchronised:
        return (now.at - then.at).total_seconds() / 3600
    return None


def is_before(one: Moment, other: Moment) -> bool | None:
    """Return whether `one` came before `other`; None where neither a device's count nor a clock can tell."""
    if one.device is not None and one.device == other.device and None not in (one.device_seq, other.device_seq):
        return (one.device_seq or 0) < (other.device_seq or 0)
    age = age_h(one, other)
    return None if age is None else age > 0


def is_fresh(one: Moment, among: Iterable[Moment], within_h: float) -> bool:
    """Return whether `one` is at most `within_h` older than each of the others.

    It is not where its age cannot be told, or where the clocks contradict the order of the count.
    """
    for other in among:
        if is_before(one, other) is False:
            continue
        age = age_h(one, other)
        if age is None or not -SLACK_H <= age <= within_h:
            return False
    return True


def latest(among: Collection[Moment]) -> list[Moment]:
    """Return those that are not known to be before any other: one, unless they tie or their order cannot be told."""
    return [one for one in among if not any(is_before(one, other) for other in among)]
