"""The ladder's outcomes, one line a press, for whoever wants to count anew."""

from collections.abc import Sequence

from benchmarks.accuracy_ladder import Outcome

HEAD = "press,curve,tone,fps,step,pulse,surround,true_s,ended,crt_s,low_s,high_s,pycrt_t90_s,pycrt_half_s"


def _line(outcome: Outcome) -> str:
    spec, peer = outcome.spec, outcome.peer
    low_s, high_s = outcome.interval_s or (None, None)
    seconds = [outcome.crt_s, low_s, high_s]
    told = [] if peer.failure else [peer.t90_s, peer.ci95_s[1] - peer.t90_s]
    cells = [
        str(outcome.case.number),
        spec.kind,
        spec.tone,
        f"{spec.fps:g}",
        f"{spec.step_ln_g:.3f}",
        f"{spec.pulse:.3f}",
        str(int(outcome.with_surround)),
        f"{outcome.truth_s:.3f}",
        outcome.ended,
        *("" if value is None else f"{value:.3f}" for value in seconds),
        *([f"{value:.3f}" for value in told] or ["", ""]),
    ]
    return ",".join(cells)


def as_csv(outcomes: Sequence[Outcome]) -> str:
    """Return the text; times in s, steps in ln G, pulse as a share of the step, empty where there is none."""
    return "\n".join([HEAD, *(_line(outcome) for outcome in outcomes)]) + "\n"
