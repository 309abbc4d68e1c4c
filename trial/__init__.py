"""The other end of the wire: ingest, trial database, exports for the case report form, and a broker for the demo.

A message is judged by a pure function (`judge`), stored in one transaction (`store`), acknowledged to the broker only
after the commit, and answered with a receipt (`ingest`). What cannot be accepted is kept as a dead letter. Tables are
append-only; who changed what stands in `audit`. What was said at the bedside of an earlier reading comes as a record of
its own, and corrects it where it fits (`amendments`). `schedule` says what each subject owes and has. `crf_csv` and
`crf_mottling` write what the trial's case report form asks for, `crf` goes to ODM-XML, REDCap and FHIR. `page` is the
data managers' page; `backup`, `archive` and `reconcile` keep it all.

Imports `calibration` and what that stands on; never `device`, which it meets only in `contract`.
"""
