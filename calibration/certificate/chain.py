"""Certificates in the order of their making: each names the one before it, and no clock is asked."""

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

Each = TypeVar("Each")


def in_order(
    given: Sequence[Each], own: Callable[[Each], Hashable | None], before: Callable[[Each], Hashable | None]
) -> list[Each]:
    """Return what is given, each behind the one whose id it names; in the order given where that says nothing.

    `own` returns an id, `before` that of the one before; None where there is none. One that is not there is no reason
    to wait.
    """
    left, ordered = list(given), []
    while left:
        there = {own(each) for each in left} - {None}
        # Only a forger's own could name each other in a ring.
        following = next((each for each in left if before(each) not in there), left[0])
        left.remove(following)
        ordered.append(following)
    return ordered
