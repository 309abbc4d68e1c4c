"""The other end of the wire: ingest, trial database, exports for the case report form, and a broker for the demo.

A message is judged by a pure function (`judge`), stored in one transaction (`store`), acknowledged to the broker only
after the commit, and answered with a receipt (`ingest`). What cannot be accepted is kept as a dead letter. Tables are
append-only; who changed what stands in `audit`. `crf_csv` writes what the trial's case report form asks for.
"""
