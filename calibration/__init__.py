"""Calibration mode: colour, pressure, scale, timing, light; the certificate; agreement with a stopwatch.

The room is reserved; calibration mode is not built yet. Until then readings carry `calibration_id: null`: bench use.
"""
