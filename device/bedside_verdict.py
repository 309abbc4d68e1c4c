"""What a subject's readings come to by the study's rule, told after each of them and after each amendment."""

import logging

from contract.amendment import Amendment
from contract.records import AnyRecord
from contract.source import Source
from device.bedside_choice import Machine
from device.console_words import Choice
from device.journal import Journal
from device.perfusion import perfusion_of, told
from device.standing import standing
from firmware_config.loading import ConfigurationError, load_named
from firmware_config.study import Study

log = logging.getLogger(__name__)


def verdict_after(
    record: AnyRecord, journal: Journal, machine: Machine, chosen: Choice | None = None
) -> dict[str, object] | None:
    """Return the verdict on a record's subject at its event, ready for JSON; None where its study cannot be read.

    After an amendment it is that of the reading as it stands now, and None unless that is the chosen subject's: nobody
    is to read it as the next patient's.
    """
    now: Source = record
    if isinstance(record, Amendment):
        found = standing(each.content for each in journal.with_amendments(str(record.about)))
        if not found or chosen is None:
            return None
        now = found[0].now
        if (now.study, now.subject) != (chosen.study, chosen.subject):
            return None
    try:
        study = load_named("studies", now.study, Study, machine.site_folder)
    except ConfigurationError as error:
        log.warning("no verdict: %s", error)
        return None
    stands = standing(each.content for each in journal.of_subject(now.subject))
    language = machine.language
    verdict = told(perfusion_of(stands, study, now.subject, now.event, language), language)
    return {"reading_id": str(now.reading_id), "event_of_study": now.event, **verdict}
