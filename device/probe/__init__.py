"""The probe: press, hold and release the skin, and be released whenever in doubt.

One process owns valve, pump and pressure sensor. `control` says what the outputs should be, `safety` says what they may
be, `watch` looks for faults first, `refusals` says why a command is not obeyed, `gate` is the only way to the outputs.
`engine` makes one step of these, `loop` runs it at the sensor's rate beside a guard thread that can only vent.
`hardware` opens the drivers behind `ports`. Everybody else speaks to it through `link`. Released means vented, at every
level.
"""
