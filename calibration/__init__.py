"""Calibration mode: colour, pressure, scale, timing, light; the certificate; agreement with a stopwatch.

So far: the reference card for photos of a leg (`card`), and agreement with a stopwatch (`agreement`). Calibration mode
and its certificate are not built yet; until then readings carry `calibration_id: null`: bench use.
"""
