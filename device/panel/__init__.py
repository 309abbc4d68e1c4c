"""The panel: one push button, one light, one buzzer, all through gpiozero.

`pushes` turns the button's level into what the nurse meant, `looks` is the table of lights and sounds, `lines` drives
the pins, `panel` puts them together. Everything is timed by the clock that is handed in and moves on in `Panel.poll`:
no thread of ours or of gpiozero's blinks, beeps or waits. docs/panel.md has the wiring.
"""

from device.panel.panel import Panel, PanelError, local_time_of
from device.panel.pushes import Pushes

__all__ = ["Panel", "PanelError", "Pushes", "local_time_of"]
