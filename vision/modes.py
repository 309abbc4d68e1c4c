"""Where the parameters of curves lie best: many fits side by side, by Levenberg-Marquardt on the projected residual.

A member is one family under one lens (one assumption of the disturbances), from one start. Members of all families take
their steps together: each is a handful of small arrays, and most of the time of a step went to handling them. Each
stops by itself, and its result does not depend on who runs beside it.

Shapes: m members, k parameters of the family that has most (shorter rows end in zeros), q knots, r numbers of a lens.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vision.families import Family
from vision.posterior import Lenses, Modes, log_likelihood, log_prior, normal_points

Array = NDArray[np.float64]
Places = NDArray[np.intp]

COARSE_POINTS: int = 160
STARTS: int = 3
EXPLORED: int = 18
"""Iterations at most from a start that only the prior chose."""
HEAT: int = 6
AHEAD: float = 2.0
"""After `HEAT` iterations only the starts this close to the best of them in -2 log posterior run on."""
SETTLED, NEARLY_SETTLED = 1e-3, 0.03
"""What a step must still gain in -2 log posterior for another to follow; the latter where all is refined later."""
SLOPE_STEP: float = 1e-6
"""Of a parameter, for the slopes: forward differences, good to the sixth digit."""
LONGEST_MOVE: float = 1.5
MOST_DAMPED: float = 1e4


@dataclass(frozen=True)
class Members:
    """Which family each member is of, a place in `families`, never falling; and under which lens it is; each (m,)."""

    families: tuple[Family, ...]
    family: Places
    lens: Places
    mean: Array
    sd: Array
    """Of the priors, (m, k); 0 and 1 where a family has no such parameter."""

    @classmethod
    def of(cls, families: tuple[Family, ...], lenses: list[Places]) -> "Members":
        """Return, for each family in turn, one member under each of its lenses."""
        most = max(len(family.mean) for family in families)
        mean, sd = np.zeros((len(families), most)), np.ones((len(families), most))
        for place, family in enumerate(families):
            mean[place, : len(family.mean)], sd[place, : len(family.mean)] = family.mean, family.sd
        family_of = np.repeat(np.arange(len(families)), [len(some) for some in lenses])
        return cls(families, family_of, np.concatenate(lenses), mean[family_of], sd[family_of])

    def only(self, members: Places) -> "Members":
        """Return those at the given places, which must rise."""
        return Members(self.families, self.family[members], self.lens[members], self.mean[members], self.sd[members])

    def pieces(self) -> list[tuple[Family, slice]]:
        """Return each family that has members, and where these are."""
        ends = np.searchsorted(self.family, np.arange(len(self.families) + 1)).tolist()
        return [(self.families[i], slice(ends[i], ends[i + 1])) for i in range(len(ends) - 1) if ends[i] < ends[i + 1]]


def padded(rows: list[Array]) -> Array:
    """Return parameters of several families, (m_i, k_i) each, below each other, zeros behind shorter rows."""
    most = max(some.shape[1] for some in rows)
    return np.vstack([np.pad(some, ((0, 0), (0, most - some.shape[1]))) for some in rows])


@lru_cache(maxsize=8)
def _slope_steps(count: int) -> Array:
    """Return what is added to `count` parameters for their curve and its slopes (k, 1, k + 1)."""
    return np.hstack([np.zeros((count, 1)), SLOPE_STEP * np.eye(count)])[:, None, :]


def _curves(members: Members, knot_s: Array, theta: Array) -> Array:
    """Return every member's curve at `theta` (m, k) and behind it its slopes, shape (q, m, k + 1)."""
    curves = np.zeros((len(knot_s), len(theta), theta.shape[1] + 1))
    for family, place in members.pieces():
        count = len(family.prior_mean) + 1
        points = count + 1
        around = theta[place, :count].T[:, :, None] + _slope_steps(count)
        some = family.curve(knot_s, around.reshape(count, -1)).reshape(len(knot_s), -1, points)
        curves[:, place, 0] = some[:, :, 0]
        curves[:, place, 1:points] = (some[:, :, 1:] - some[:, :, :1]) / SLOPE_STEP
    return curves


def _seen(lenses: Lenses, members: Members, curves: Array) -> tuple[Array, Array]:
    """Return curves and slopes (q, m, k + 1) as each member's lens shows them, (m, r, k + 1), and its signal (m, r)."""
    rows, points = lenses.matrix.shape[1], curves.shape[2]
    seen = np.empty((len(members.lens), rows, points))
    for lens in np.unique(members.lens):
        under = np.flatnonzero(members.lens == lens)
        flat = curves[:, under].reshape(len(curves), -1)
        seen[under] = (lenses.matrix[lens] @ flat).reshape(rows, len(under), points).transpose(1, 0, 2)
    return seen, lenses.signal[members.lens]


@dataclass(frozen=True)
class _Place:
    """-2 log posterior (m,) of some parameters (m, k), half of its gradient (m, k) and its precision (m, k, k)."""

    value: Array
    gradient: Array
    precision: Array

    def only(self, members: Places) -> "_Place":
        return _Place(self.value[members], self.gradient[members], self.precision[members])

    def better(self, other: "_Place") -> "_Place":
        """Return, member by member, the place of the lower value."""
        lower = other.value < self.value
        return _Place(
            np.where(lower, other.value, self.value),
            np.where(lower[:, None], other.gradient, self.gradient),
            np.where(lower[:, None, None], other.precision, self.precision),
        )


def _look(lenses: Lenses, members: Members, knot_s: Array, theta: Array) -> _Place:
    """Return what lies at `theta` (m, k): of the precision Gauss and Newton's part."""
    seen, signal = _seen(lenses, members, _curves(members, knot_s, theta))
    turned = seen.transpose(0, 2, 1)
    products, along = turned @ seen, (turned @ signal[:, :, None])[:, :, 0]
    power = np.maximum(products[:, 0, 0], 1e-12)
    step = along[:, 0] / power
    # Of each slope counts what a larger step would not explain as well.
    shared = products[:, 0, 1:] / power[:, None]
    gradient = step[:, None] * (shared * along[:, :1] - along[:, 1:])
    bend = (step * step)[:, None, None] * (products[:, 1:, 1:] - shared[:, :, None] * products[:, :1, 1:])
    z = (theta - members.mean) / members.sd
    left = np.maximum(lenses.total[members.lens] - along[:, 0] * step, 0.0)
    value = np.where(step > 0, left + (z * z).sum(1), np.inf)
    return _Place(value, gradient + z / members.sd, bend + np.eye(theta.shape[1]) / np.square(members.sd)[:, None, :])


def _move(place: _Place, damping: Array) -> Array:
    """Return the damped step (m, k) from a place."""
    held = place.precision.copy()
    diagonal = np.einsum("mkk->mk", held)
    diagonal *= 1 + damping[:, None]
    move = -np.linalg.solve(held, place.gradient[:, :, None])[:, :, 0]
    return np.asarray(move * np.minimum(1.0, LONGEST_MOVE / np.maximum(np.abs(move).max(axis=1), 1e-12))[:, None])


def fit_side_by_side(
    lenses: Lenses, members: Members, knot_s: Array, start: Array, iterations: int, settled: float = SETTLED
) -> Modes:
    """Return the modes reached from `start` (m, k) in at most so many iterations.

    A member is done when a step lowers its -2 log posterior by less than `settled`, or none does.
    """
    theta, damping = start.copy(), np.full(len(start), 1e-2)
    place = _look(lenses, members, knot_s, theta)
    value, precision = place.value.copy(), place.precision.copy()
    running = np.arange(len(start))
    for _ in range(iterations):
        tried = theta[running] + _move(place, damping)
        found = _look(lenses, members, knot_s, tried)
        better = found.value < place.value
        gain = np.subtract(place.value, found.value, out=np.full(len(running), np.inf), where=better)
        theta[running[better]] = tried[better]
        place = place.better(found)
        value[running], precision[running] = place.value, place.precision
        on = np.flatnonzero(np.where(better, gain >= settled, damping <= MOST_DAMPED))
        if not len(on):
            break
        damping = np.where(better, damping / 6, damping * 6)[on]
        if len(on) < len(running):
            running, members, place = running[on], members.only(on), place.only(on)
    return Modes(theta, value, precision)


def explore(lens: Lenses, families: tuple[Family, ...], knot_s: Array, min_step: float) -> list[Modes]:
    """Return each family's best mode under one lens, from a coarse look at its prior, as `Modes` of one member."""
    starts = [_starts(lens, family, knot_s, min_step) for family in families]
    members = Members.of(families, [np.zeros(len(some), dtype=np.intp) for some in starts])
    found = fit_side_by_side(lens, members, knot_s, padded(starts), HEAT, NEARLY_SETTLED)
    best = np.concatenate(
        [np.full(place.stop - place.start, found.objective[place].min()) for _, place in members.pieces()]
    )
    ahead = np.flatnonzero(found.objective <= best + AHEAD)
    members = members.only(ahead)
    found = fit_side_by_side(lens, members, knot_s, found.theta[ahead], EXPLORED - HEAT, NEARLY_SETTLED)
    return [
        found.of_family(np.array([place.start + int(np.argmin(found.objective[place]))]), family)
        for family, place in members.pieces()
    ]


def _starts(lens: Lenses, family: Family, knot_s: Array, min_step: float) -> Array:
    """Return the most likely of some points of a family's prior, shape (`STARTS`, k)."""
    points = family.mean[:, None] + 1.3 * family.sd[:, None] * normal_points(len(family.mean), COARSE_POINTS)
    value = log_likelihood(lens, family, knot_s, points[None], min_step) + log_prior(family, points[None])
    return np.asarray(points[:, np.argsort(-value[0], kind="stable")[:STARTS]].T)
