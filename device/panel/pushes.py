"""What the nurse meant by the button: edges and levels in, pushes out. No pins, no clock of its own.

gpiozero's `bounce_time` differs between pin factories (the mock one ignores it), lgpio can report edges that never were
(gpiozero issue 1090) and any edge can be lost: a level counts only once it has lasted, and the level that is read at
every poll outweighs what the edges said.
"""

from device.session_words import Held, Pushed

DEBOUNCE_S: float = 0.03
HOLD_S: float = 1.5
STUCK_S: float = 10.0
"""A button that has not come up for so long is stuck: it starts nothing more until it has."""
STUCK = "The button is stuck."


class Pushes:
    """Turns levels of the button into pushes. Times in ns of CLOCK_BOOTTIME.

    A push is told when its contact has been closed for `debounce_s` without a break, and is over when it has been open
    for as long. Whatever bounces in between belongs to the same push.
    """

    def __init__(self, debounce_s: float = DEBOUNCE_S, hold_s: float = HOLD_S, *, down: bool = False) -> None:
        """`down`: the button is down already, and nobody can have meant anything by that: stuck until it comes up."""
        self._debounce_ns = round(debounce_s * 1e9)
        self._hold_ns = round(hold_s * 1e9)
        self._closed, self._since_ns = down, 0
        """The contact's level, and since when."""
        self._touched_ns: int | None = None
        """When the contact closed for the first time since it was last open for long enough; None while it is."""
        self._pushed_ns: int | None = None
        """Since when the contact had been closed when this push was told; None before."""
        self._told_held = False
        self._stuck = down
        self._push = 0

    @property
    def trouble(self) -> str | None:
        """What is wrong with the button, in one sentence."""
        return STUCK if self._stuck else None

    def level(self, down: bool, t_ns: int) -> list[Pushed | Held]:
        """Take an edge to a level at `t_ns`; returns what the level before it means by then."""
        meant = self.passed(t_ns)
        self._change(down, t_ns)
        return meant

    def look(self, down: bool, t_ns: int) -> list[Pushed | Held]:
        """Take the level as it was read at `t_ns`; returns what it means by then.

        Where it is not what the edges said, one of them was lost, is late or never was: how long the level before it
        lasted nobody knows, so that one counts for nothing.
        """
        if down == self._closed:
            return self.passed(t_ns)
        self._change(down, t_ns)
        return []

    def passed(self, t_ns: int) -> list[Pushed | Held]:
        """Take note that time has passed; returns what became certain: one `Pushed` and at most one `Held` a push."""
        lasted = t_ns - self._since_ns >= self._debounce_ns
        if self._closed:
            return self._while_closed(t_ns, lasted)
        if lasted:
            self._touched_ns = self._pushed_ns = None
            self._told_held = self._stuck = False
        return []

    def _while_closed(self, t_ns: int, lasted: bool) -> list[Pushed | Held]:
        meant: list[Pushed | Held] = []
        if lasted and self._pushed_ns is None and not self._stuck:
            self._push += 1
            self._pushed_ns = self._since_ns
            meant.append(Pushed(self._push))
        # A contact that bounces just now is neither: the hold counts on only where it proves to last.
        if self._pushed_ns is not None and not self._told_held and t_ns - self._pushed_ns >= self._hold_ns:
            self._told_held = True
            meant.append(Held(self._push))
        if self._touched_ns is not None and t_ns - self._touched_ns >= STUCK_S * 1e9:
            self._stuck = True
        return meant

    def _change(self, down: bool, t_ns: int) -> None:
        if down == self._closed:
            return
        self._closed, self._since_ns = down, t_ns
        if down and self._touched_ns is None:
            self._touched_ns = t_ns
