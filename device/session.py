"""One measurement as an explicit state machine: events and the time in, actions out. No I/O, no clock of its own.

    idle > beginning > baseline > pressing > holding > refilling > resting > (next press) > judging > done

Presses that disagree are made again as a whole set after a rest (repeating). A fault, a time-out, a long push or an
asked abort in any running state releases the probe and ends in a named state with a record; a journal that does not
take it keeps the session in `journal_fault` until it does. `device.session_table` has a row for every state and event.
"""

from device import session_table
from device.session_moves import Moves
from device.session_words import Action, Event


class Session(Moves):
    """Follows a measurement through `handle`. After the end of one, a push starts the next."""

    def handle(self, event: Event, now_ns: int) -> list[Action]:
        """Take an event at `now_ns` (CLOCK_BOOTTIME) and return what to do, in order.

        What the table has as ignored changes nothing: a late message must not start or end anything.
        """
        self._now_ns = now_ns
        self._note(event)
        row = session_table.row(self.state, event)
        return [] if row is None else row(self, event)
