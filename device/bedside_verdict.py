"""What a subject's readings come to by the study's rule, told after each of them."""

import json
import logging
from collections.abc import Iterator

from contract.reading import Reading, Subject
from device.journal import Journal
from device.perfusion import perfusion_of, told
from firmware_config.loading import ConfigurationError, load_named
from firmware_config.study import Study

log = logging.getLogger(__name__)


def verdict_after(reading: Reading, journal: Journal, language: str) -> dict[str, object] | None:
    """Return the verdict on the reading's subject at its event, ready for JSON; None where its study cannot be read."""
    try:
        study = load_named("studies", reading.study, Study)
    except ConfigurationError as error:
        log.warning("no verdict: %s", error)
        return None
    found = perfusion_of(_theirs(reading.subject, journal), study, reading.subject, reading.event, language)
    return told(found, language)


def _theirs(subject: Subject, journal: Journal) -> Iterator[Reading]:
    # To parse a year's records of everybody would take seconds; a record's text holds its subject's as it stands.
    text = json.dumps(subject.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    marked = f'"subject":{text}'
    for record in journal.records():
        if marked in record.body:
            yield record.reading
