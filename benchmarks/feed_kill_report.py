"""The report of the feed's kill campaign: promises, kills by victim and moment, and how soon the feed was back."""

import statistics
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.accuracy_report import markdown_table
from benchmarks.bedside_report import machine
from benchmarks.feed_kill_plan import VICTIMS, WORDS
from benchmarks.verdict import Verdict

if TYPE_CHECKING:
    from benchmarks.feed_kill import Done, Round

HEAD = """# Killing the feed

Written by the command below, not by hand. The whole feed runs as real processes: a writer that appends to the journals
of three bedsides all along (four times a second a reading, now and then 50), three `refill publish`, Mosquitto with a
site's limits and persistence, `refill trial ingest` and PostgreSQL. In the first half of the rounds one ingester has
the feed, in the second half two share the readings on MQTT 5. In each round one victim, sometimes two at once, gets
SIGKILL, and is started again at once or after up to 3 s, as systemd does. Half of the moments are random, half are
aimed, from outside, at where a reading could be lost; a moment that does not come in time is let go, and the kill
comes all the same. "After a commit is on disk, before anybody hears of it" is made by PostgreSQL itself: its commits
are told to wait for a standby that there is not. A backend is the database's process for one ingester: the server
notices, and recovers by itself.

Every tenth round, and at the end, no kill comes until every reading journalled by then has its receipt. Then journals
and database are compared, reading by reading: there once, the same bytes, the same hash, all its presses, no gap,
chains whole, one receipt each, nothing in the dead letters. A process that ends by itself or hangs (SIGTERM without
effect, silence towards systemd's watchdog) is a broken promise.

Processes die here, the machine does not: what its disk had not written yet is still there. A power cut is not shown.
Connections are plain, on one machine.
"""
AGAIN_S: float = 10.0
"""After which a publisher sends again what has no receipt."""
BACK_COLUMNS = ["started again", "times", "median, s", "longest, s"]


def verdicts(done: "Done") -> list[Verdict]:
    """Hold the figures against the promises."""
    found = done.findings
    home = max(done.waits_s, default=0.0)
    made = [one.struck for one in done.rounds if one.struck]
    return [
        Verdict(
            f"{done.asked} rounds of SIGKILL",
            len(made) == done.asked,
            f"{len(made)} rounds with a kill, {sum(map(len, made))} kills",
        ),
        Verdict(
            "every journalled reading exactly once in the database",
            found.readings > 0 and not (found.lost or found.doubled or found.changed),
            f"{found.readings} readings, {found.rows} rows, {len(found.lost + found.doubled + found.changed)} wrong",
        ),
        Verdict(
            "every receipt home",
            not found.unanswered and len(done.waits_s) == found.readings,
            f"{len(done.waits_s)} of {found.readings}; the longest took {home:.1f} s",
        ),
        Verdict("nothing in the dead letters", not found.dead_letters, f"{len(found.dead_letters)} kinds"),
        Verdict(
            "sequence gapless, chains whole, journals sound",
            not (found.sequence or found.journals),
            f"{len(found.sequence) + len(found.journals)} faults",
        ),
        Verdict(
            "no check on the way, process or server that fails",
            not done.problems,
            f"{done.checks} checks, {len(done.problems)} problems",
        ),
    ]


def failures(done: "Done") -> list[str]:
    """Return every broken promise in one line each."""
    missed = [verdict.line for verdict in verdicts(done) if not verdict.met]
    return [*missed, *done.problems]


def kills(rounds: Sequence["Round"]) -> str:
    """Return the table of what was killed when."""
    moments = Counter((one.kill.victims[0], one.kill.moment) for one in rounds)
    met = Counter((one.kill.victims[0], one.kill.moment) for one in rounds if one.met)
    partners = Counter((one.kill.victims[0], one.kill.moment) for one in rounds if len(one.struck) > 1)
    rows = [
        [
            victim,
            WORDS[moment],
            str(moments[victim, moment]),
            "-" if moment == "any" else str(met[victim, moment]),
            str(partners[victim, moment]),
        ]
        for victim in VICTIMS
        for moment in WORDS
        if moments[victim, moment]
    ]
    return markdown_table(["victim", "moment", "rounds", "moment met", "with a second kill"], rows)


def times_back(done: "Done") -> str:
    """Return the table of how soon the first new reading was stored."""
    rows = [
        [victim, str(len(seconds)), f"{statistics.median(seconds):.2f}", f"{max(seconds):.2f}"]
        for victim, seconds in sorted(done.back.seconds.items())
    ]
    return markdown_table(BACK_COLUMNS, rows)


def line_of(one: "Round") -> str:
    """Return a round as one line for the terminal."""
    aimed = "" if one.kill.moment == "any" else f", {one.kill.moment}{'' if one.met else ' (did not come)'}"
    flows = "does not flow yet" if one.flows_s is None else f"flows after {one.flows_s:.1f} s"
    return f"round {one.kill.number}: {' and '.join(one.struck) or 'nothing'}{aimed}: {flows}"


def sums(done: "Done") -> tuple[str, str, str]:
    """Return what was measured beside the promises: on restarts, repeats and receipts."""
    times_s = done.waits_s or [0.0]
    back = (
        "From a victim's restart (of a backend: its kill) to the first new reading in the database; of a publisher, of"
        f" its own device. Rounds with one victim only; {done.back.disturbed} restarts that the next kill came too soon"
        " after are left out."
    )
    again = (
        f"Answers heard at the broker beyond the first to a record: {done.repeats.again}, to {done.repeats.records}"
        f" records; one was answered {done.repeats.most} times. So often, at least, did a record come in again, and was"
        " told from a new one."
    )
    waits = (
        f"From journal to receipt: median {statistics.median(times_s):.2f} s, longest {max(times_s):.1f} s;"
        f" {sum(time_s > AGAIN_S for time_s in times_s)} readings waited longer than the {AGAIN_S:g} s after which a"
        " publisher sends again."
    )
    return back, again, waits


def report(command: str, done: "Done") -> str:
    """Return the whole report."""
    broken = failures(done)
    back, again, waits = sums(done)
    parts = [
        HEAD,
        f"```\n{command}\n```",
        f"{machine(done.took_s)} Mosquitto {done.mosquitto}, PostgreSQL {done.postgresql}.",
        "\n".join(f"- {verdict.line}" for verdict in verdicts(done)),
        kills(done.rounds),
        back,
        times_back(done),
        again,
        waits,
        "\n".join(["Broken promises:", "", *(f"- {line}" for line in broken)]) if broken else "No promise was broken.",
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"
