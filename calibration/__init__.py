"""Calibration mode: colour, pressure, scale, timing, light; the certificate; agreement with a stopwatch.

`plan` names the steps in their order, each a module of its own (`pressure_…`, `light_…`, `camera_…`, `timing_…`,
`scale`, `focus`, `end_to_end`) that measures on a `rig` and judges. `guide` takes an engineer through them, `run` keeps
each outcome such that it may be killed and gone on with, `apply` writes what they correct, `certificate` signs what
came of it. Also here: the reference card for photos of a leg (`card`), and `agreement`.

Imports `vision`, `contract` and `firmware_config`; the rigs, simulated or real, come from above it.
"""
