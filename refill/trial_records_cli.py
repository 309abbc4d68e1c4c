"""What people do on the trial side: enrol devices, replay dead letters, correct entries, see a reading's history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from refill.common import fail
from refill.trial_common import Database, Folder, OneStudy, StudyName, opened, study_named

if TYPE_CHECKING:
    from contract.mottling import MottlingReading
    from contract.reading import Reading
    from trial.letters import Letter, Replayed
    from trial.queries import Gap, Letters, RefusedAhead
    from trial.remarks import Remark

Site = Annotated[str, typer.Option(help="Site number.")]
Device = Annotated[str, typer.Option(help="Device's name.")]
By = Annotated[str, typer.Option("--by", help="Who does it: a code, never a name.")]
Why = Annotated[str, typer.Option("--why", help="The reason, in a line; never about a person.")]

devices = typer.Typer(help="The devices that may send.", no_args_is_help=True, rich_markup_mode=None)
letters = typer.Typer(help="The dead letters: what was refused.", no_args_is_help=True, rich_markup_mode=None)


def add_to(app: typer.Typer) -> None:
    """Hang these commands into `refill trial`."""
    app.add_typer(devices, name="devices")
    app.add_typer(letters, name="letters")
    app.command()(correct)
    app.command()(history)


@devices.command("list")
def list_devices(database: Database = None, study: OneStudy = None, config: Folder = None) -> None:
    """List what was last said about every device: enrolled or revoked, when, by whom and why."""
    from trial import enrolment

    with opened(database, config) as engine, engine.connect() as connection:
        said = enrolment.listed(connection, study)
    for d in said:
        certificate = f"certificate {d.certificate_sha256[:16]}" if d.certificate_sha256 else "no certificate noted"
        typer.echo(
            f"{d.study:<12} {d.site:<4} {d.device:<20} {d.action:<8}  {d.at:%Y-%m-%d %H:%M}Z by {d.actor}: {d.why};"
            f" {certificate}"
        )
    typer.echo(f"{len(said)} devices, {sum(d.action == 'enrolled' for d in said)} of them enrolled")


@devices.command()
def enrol(
    study: StudyName,
    site: Site,
    device: Device,
    by: By,
    why: Why,
    certificate_sha256: Annotated[str | None, typer.Option(help="SHA-256 of its certificate.")] = None,
    database: Database = None,
    config: Folder = None,
) -> None:
    """Let a device send; its certificate is the broker's matter (`refill site enrol` does both)."""
    from trial import enrolment
    from trial.people import UnsignedError

    chosen = study_named(study, config)
    if site not in chosen.sites:
        fail(f"site {site} is not in study {chosen.name}", 2)
    with opened(database, config, enrolment.EnrolmentError, UnsignedError) as engine:
        place = {"study": chosen.name, "site": site, "device": device}
        enrolment.enrol(engine, **place, certificate_sha256=certificate_sha256, actor=person(by), why=why)
    typer.echo(f"{device} is enrolled at site {site} of study {chosen.name}")


@devices.command()
def revoke(
    study: StudyName, site: Site, device: Device, by: By, why: Why, database: Database = None, config: Folder = None
) -> None:
    """Take no more of a device's messages; ingesters know within seconds. What is stored stays."""
    from trial import enrolment
    from trial.people import UnsignedError

    with opened(database, config, enrolment.EnrolmentError, UnsignedError) as engine:
        enrolment.revoke(engine, study=study, site=site, device=device, actor=person(by), why=why)
    typer.echo(f"{device} is revoked at site {site} of study {study}; its certificate is the broker's to refuse")


@letters.command("list")
def list_letters(
    database: Database = None,
    study: OneStudy = None,
    reason: Annotated[str | None, typer.Option(help="Those refused for this reason only.")] = None,
    after: Annotated[int, typer.Option(min=0, help="Start behind this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 100,
    config: Folder = None,
) -> None:
    """List dead letters, oldest first: number, time, sender, reason, and what became of them."""
    from trial.letters import listed

    with opened(database, config) as engine, engine.connect() as connection:
        found = listed(connection, study=study, reason=_reason(reason), after_id=after, limit=limit)
    for letter in found:
        typer.echo(_line(letter))
    more = f"; more with --after {found[-1].id}" if len(found) == limit else ""
    typer.echo(f"{len(found)} dead letters{more}")


@letters.command("show")
def show_letter(number: int, database: Database = None, config: Folder = None) -> None:
    """Show one letter: what is known of it, then its payload."""
    from trial.letters import LetterError, one

    with opened(database, config, LetterError) as engine, engine.connect() as connection:
        letter = one(connection, number)
    typer.echo(_line(letter))
    typer.echo(f"topic {letter.topic}, {letter.payload_bytes} bytes" + (", cut" if letter.cut else ""))
    if letter.became is not None:
        typer.echo(f"it is reading {letter.became} now")
    # A terminal must not obey what a stranger sent.
    text = letter.payload.decode("utf-8", "replace")
    typer.echo("".join(c if c.isprintable() or c == "\n" else "?" for c in text))


@letters.command("replay")
def replay_letters(
    study: StudyName,
    by: By,
    why: Why,
    number: Annotated[int | None, typer.Option("--id", help="This letter only.")] = None,
    reason: Annotated[str | None, typer.Option(help="Those refused for this reason only.")] = None,
    database: Database = None,
    config: Folder = None,
) -> None:
    """Judge letters again by today's rules and store what is acceptable now; exit 1 where --id names one that is not.

    The device hears of it when it next sends the record: whatever is not called stored is sent again.
    """
    from trial.enrolment import Register
    from trial.judge import Refusal
    from trial.letters import LetterError, replay, replay_one
    from trial.people import UnsignedError

    if number is not None and reason is not None:
        fail("--id and --reason: give one of them", 2)
    chosen, asked, actor = study_named(study, config), _reason(reason), person(by)
    with opened(database, config, LetterError, UnsignedError) as engine:
        admits = Register(engine, chosen).admits
        if number is not None:
            outcome = replay_one(engine, chosen, admits, number, actor=actor, why=why)
            typer.echo(_became(outcome))
            raise typer.Exit(0 if outcome.reading_id is not None else 1)
        one_reason = None if asked is None else Refusal(asked)
        looked_at = stored = 0
        for outcome in replay(engine, chosen, admits, actor=actor, why=why, reason=one_reason):
            typer.echo(_became(outcome))
            looked_at += 1
            stored += outcome.reading_id is not None
    typer.echo(f"{looked_at} letters judged again: {stored} are readings now, {looked_at - stored} stay refused")


def correct(
    reading_id: str,
    field: Annotated[str, typer.Option(help="What to correct: only what a person entered.")],
    to: Annotated[str, typer.Option("--to", help='What it should be; "" for nothing.')],
    by: By,
    why: Why,
    stood: Annotated[
        str | None, typer.Option("--from", help='What you see now, "" for nothing: refused where it is something else.')
    ] = None,
    database: Database = None,
    config: Folder = None,
) -> None:
    """Correct what a person entered in a reading; the entry stays, and is shown by `refill trial history`."""
    from trial import corrections
    from trial.history import study_of
    from trial.people import UnsignedError

    with opened(database, config, corrections.CorrectionError, UnsignedError) as engine:
        with engine.connect() as connection:
            name = study_of(connection, reading_id)
        study = study_named(name, config)
        made = corrections.correct(engine, study, reading_id, field, to or None, actor=person(by), why=why, stood=stood)
    typer.echo(f"{made.field}: {corrections.shown(made.old_value)} is now {corrections.shown(made.new_value)}")


def history(reading_id: str, database: Database = None, config: Folder = None) -> None:
    """Show a reading as it was entered, what was said of it at the bedside, every correction, and every receipt."""
    from trial import corrections
    from trial.history import history as history_of

    with opened(database, config, corrections.CorrectionError) as engine, engine.connect() as connection:
        known = history_of(connection, reading_id)
    entry = known.entry
    typer.echo(f"reading {reading_id}: study {entry.study}, site {entry.subject.site}, {entry.device.name}")
    typer.echo(f"number {entry.device_seq}, measured {entry.measured.at.isoformat()}, {_result(entry)}")
    typer.echo(f"sent {known.sent_at.isoformat()}, received {known.received_at.isoformat()}")
    if known.replay is not None:
        number, at, actor, why = known.replay
        typer.echo(f"was dead letter {number}, replayed {at:%Y-%m-%d %H:%M:%S}Z by {actor}: {why}")
    for field in corrections.fields_of(entry):
        typer.echo(f"entered {field}: {corrections.shown(corrections.value(entry, field))}")
    for remark in known.remarks:
        typer.echo(f"{remark.action} {remark.at:%Y-%m-%d %H:%M:%S}Z by {remark.operator}{_said(remark)}")
    for made in known.corrections:
        change = f"{made.field} from {corrections.shown(made.old_value)} to {corrections.shown(made.new_value)}"
        typer.echo(f"corrected {made.at:%Y-%m-%d %H:%M:%S}Z by {made.actor}: {change}: {made.why}")
    for issued_at, outcome in known.receipts:
        typer.echo(f"receipt {issued_at:%Y-%m-%d %H:%M:%S}Z: {outcome}")


def _result(entry: Reading | MottlingReading) -> str:
    """Return in words what was found; a mottling score is the device's own."""
    score = getattr(entry.result, "score", None)
    return str(entry.result.status) if score is None else f"{entry.result.status}, mottling score {score} by the device"


def _said(remark: Remark) -> str:
    if remark.mottling_score is not None:
        return f": mottling score {remark.mottling_score} by the person"
    code = remark.comment or remark.why
    return "" if code is None else f": {code}"


def trouble(missing: Sequence[Gap], ahead: Sequence[RefusedAhead], kept: Mapping[str, Letters]) -> Iterator[str]:
    """Yield the lines of `status` about dead letters, and about gaps where there are any."""
    from datetime import UTC, datetime

    counted = []
    for reason, count in kept.items():
        settled = [f"{count.replayed} replayed"] if count.replayed else []
        settled += [f"{count.overtaken} stored meanwhile"] if count.overtaken else []
        counted.append(f"{reason} {count.refused}" + (f" ({', '.join(settled)})" if settled else ""))
    yield "dead letters: " + (", ".join(counted) or "none")
    if missing:
        age_h = (datetime.now(UTC) - min(gap.known_since for gap in missing)).total_seconds() / 3600
        yield f"oldest gap: known for {age_h:.1f} h"
    if ahead:
        yield f"refused beyond the last stored record: {sum(each.count for each in ahead)}"


def person(code: str) -> str:
    """Return the code of whoever does it; ends the command where it could be a name."""
    from trial.people import is_person_code

    if not is_person_code(code):
        fail(f"--by {code[:40]!r}: a code like dm-1, with no word of more than four letters, which could be a name", 2)
    return code


def _reason(text: str | None) -> str | None:
    from trial.judge import Refusal

    if text is not None and text not in list(Refusal):
        fail(f"--reason {text[:40]!r}: there are: {', '.join(Refusal)}", 2)
    return text


def _line(letter: Letter) -> str:
    sender = f"{letter.study or '-'} {letter.device or '-'} {letter.device_seq or '-'}"
    when = f"{letter.received_at:%Y-%m-%d %H:%M:%S}Z"
    return f"{letter.id:>6}  {when}  {sender}  {letter.reason}, {letter.state}: {letter.detail}"


def _became(outcome: Replayed) -> str:
    what = outcome.said if outcome.reading_id is None else f"reading {outcome.reading_id}, {outcome.said}"
    return f"letter {outcome.letter_id}: {what}"
