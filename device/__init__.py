"""The bedside machine: probe, camera, panel, session, journal and publisher.

`session` decides, with an injected clock and no I/O; `bedside` owns camera, journal and panel and carries the session's
actions out; `journal` keeps the source data; `publisher` is a process of its own that feeds the journal's readings to
the broker. Hardware stands behind the small protocols of `ports`; a simulated bedside plugs into the same ones.
"""
