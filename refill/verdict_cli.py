"""`refill verdict`: the study's answer on a subject's perfusion, with the inputs that it rests on."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refill.common import Config, Data, device_file, fail, named_file, site_folder
from refill.journal_cli import open_journal

if TYPE_CHECKING:
    from contract.hypoperfusion import Verdict
    from contract.reading import Subject
    from contract.window import WindowAnswer
    from firmware_config.study import Study


def verdict(
    subject: Annotated[str, typer.Option(help="site and inclusion number, SS-NNNN")],
    config: Config = None,
    data: Data = None,
    study: Annotated[str | None, typer.Option(help="name of the study; default: the device file's")] = None,
    event: Annotated[str | None, typer.Option(help="study event; none: readings without one")] = None,
    simulate: Annotated[bool, typer.Option("--simulate", help="use the packaged device file")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
) -> None:
    """Tell whether perfusion is poor by the study's definition: yes, no or undetermined, and from what."""
    import json

    from pydantic import ValidationError

    from contract.envelope import first_error
    from contract.reading import Subject
    from device.perfusion import perfusion_of, told
    from device.standing import standing
    from firmware_config.study import Study

    device = device_file(config, simulate)
    site, _, inclusion = subject.partition("-")
    try:
        who = Subject(site=site, inclusion=inclusion)
    except ValidationError as error:
        fail(f"--subject: {first_error(error)}; for example 00-0001", 2)
    asked = named_file("studies", study or device.mqtt.study, Study, site_folder(config, simulate))
    if event is not None and event not in asked.events:
        fail(f"study {asked.name} has no event {event}; there are: {', '.join(asked.events) or 'none'}", 2)
    folder: Path = data or device.storage.journal_folder
    with open_journal(folder) as journal:
        try:
            stands = standing(record.content for record in journal.records())
        except ValidationError:
            fail("a record of the journal is of no version that is known here; see refill journal verify", 1)
    if not any((each.now.study, each.now.subject) == (asked.name, who) for each in stands):
        _must_be_of(asked, who)
    found = perfusion_of(stands, asked, who, event, device.language)
    if as_json:
        typer.echo(json.dumps(told(found, device.language), ensure_ascii=False))
    else:
        _print(found, device.language)


def _must_be_of(study: "Study", subject: "Subject") -> None:
    """End where a subject can be none of the study's: a slip of the pen is not a patient of whom nothing is known."""
    from device.choice import wrong_inclusion

    if subject.site not in study.sites:
        fail(f"study {study.name} has no site {subject.site}", 2)
    wrong = wrong_inclusion(subject.inclusion, study.inclusion)
    if wrong is not None:
        fail(wrong, 2)


def _print(found: "Verdict", language: str) -> None:
    from contract.hypoperfusion_words import ANSWERS, AS_OF, WHATS, spoken

    as_of = "" if found.newest is None else f", {spoken(AS_OF, language)} {found.newest.at:%Y-%m-%d %H:%M %z}"
    typer.echo(f"hypoperfusion: {spoken(ANSWERS[found.answer], language)} ({found.calibration_note(language)}){as_of}")
    for each in found.inputs:
        what, answer = spoken(WHATS[each.what], language), spoken(ANSWERS[each.answer], language)
        typer.echo(f"  {what:9} {answer:13} {each.threshold:7} {'; '.join((each.shown, *each.remarks))}")
    if found.window is not None:
        _print_window(found.window, language)


def _print_window(window: "WindowAnswer", language: str) -> None:
    from contract.hypoperfusion_words import AFTER_ONSET, PLACES, WINDOW, spoken
    from contract.window import NO_HOURS

    why = spoken(NO_HOURS[window.why], language) if window.why is not None else ""
    hours = why if window.hours is None else spoken(AFTER_ONSET, language).format(window.hours)
    typer.echo(f"  {spoken(WINDOW, language):9} {spoken(PLACES[window.answer], language):21} {hours}")
