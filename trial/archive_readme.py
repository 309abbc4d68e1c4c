"""The README of an archive: for somebody who has the folder, years later, and not this program."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from contract.reading import utc
from firmware_config.study import Study

_TEXT = """\
Archive of study {name}: {title}
Made {at} (UTC). Nothing of another study is in it.

HOW TO CHECK IT
In this folder:

    sha256sum -c SHA256SUMS

Every line has to end with OK. That shows that no file was altered or lost since the archive was made. The list itself
is known by its own hash,

    sha256sum SHA256SUMS

which was printed when the archive was made and stands in the audit trail of the database, under "archive made".

HOW TO CHECK THAT A READING IS AS ITS DEVICE SEALED IT
Each line of tables/record.jsonl has previous_sha256 and sha256. With the body of the same reading_id in
tables/reading.jsonl, tables/mottling.jsonl or tables/amendment.jsonl:

    sha256 = SHA-256 of: previous_sha256, one line feed, body; all in UTF-8

previous_sha256 is the sha256 of the record of the same device whose device_seq is one less; 64 zeros for the first.

HOW TO CHECK THAT A TRACE IS THE ONE THAT ITS READING NAMES
traces/READING-NUMBER.json is the series of one press as its device hashed it: haemoglobin signal per frame, and probe
pressure. Its line in SHA256SUMS, which is also in tables/press_trace.jsonl, is the trace_sha256 of that press in the
body of the reading. Traces that are not there were never brought from their device.

WHAT IT IS
archive.json            format, study, when and by which version it was made, rows of each export, number of traces
study.json              the study's file as it was read: sites, events, what was expected when
crf.csv, mottling.csv   the case report form as it stands; *.dictionary.csv: what the columns mean (RFC 4180, UTF-8)
odm-snapshot.xml        the same as CDISC ODM-XML 1.3.2; odm-transactional.xml: with each change, who, when and why
fhir-r5.ndjson          the same as FHIR bundles, one a line; fhir-r4b.ndjson: for release R4B
schema.json             the tables below: columns, kinds, keys, number of rows, columns that were left out
traces/*.json           the traces of presses; `refill analyse` gives the press's result from one again
tables/*.jsonl          the rows of the database, one JSON object a line, UTF-8:

{tables}

What stands of a reading is its body with the rows of tables/correction.jsonl of its reading_id, oldest first. Hashes of
passwords are in no archive. tables/audit.jsonl has the lines of this study and those of the whole database.
"""


def readme(study: Study, now: datetime, described: Sequence[dict[str, Any]]) -> str:
    """Return the text; `described` are the tables as the manifest has them."""
    rows = (f"    {each['file']:<34} {each['rows']:>9} rows" for each in described)
    return _TEXT.format(name=study.name, title=study.title, at=utc(now), tables="\n".join(rows))
