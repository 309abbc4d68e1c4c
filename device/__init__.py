"""The bedside machine: probe, camera, panel, session, journal, publisher and the nurse's screen.

`session` decides, with an injected clock and no I/O; `bedside` owns camera, journal and panel and carries the session's
actions out; `journal` keeps the source data; `publisher` is a process of its own that feeds the journal's readings to
the broker; `screen` is another, which shows what the bedside tells. Hardware stands behind the small protocols of
`ports`; a simulated bedside plugs into the same ones.

Imports `calibration` and what that stands on; never `trial`, which it meets only in `contract`.
"""
