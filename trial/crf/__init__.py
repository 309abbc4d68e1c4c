"""What goes from the trial database to case report forms elsewhere: ODM-XML, REDCap, FHIR.

Every route starts from the same record (`canonical`): a reading as it stands after its corrections, with how it came to
stand so. A route only says it in its own words (`odm`, `redcap`, `fhir`). Which repeat of a form a reading is, is
written down once and kept (`instances`). Nothing here changes a reading.
"""
