"""What crosses the wire between the bedside and the trial: reading, receipt, status, topics and codes.

Nothing here does I/O, and no other room is imported. `device` and `trial` meet only in this room; the JSON Schema files
in `contract/schema/` are generated from the models (`python -m contract.schema`) and a test holds them to the code.
"""
