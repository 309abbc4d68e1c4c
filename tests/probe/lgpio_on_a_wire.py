"""A stand-in for the lgpio module that shows what a line does, as lgpio 0.2.2 does it (its C source was read for this).

gpiozero's own lgpio factory and pins run on it unchanged, so that what a Pi's line would do is seen edge by edge.
"""

from types import ModuleType

Edge = float | None
"""Share of the time for which the line is high; None while it is an input, and its pull decides."""


class LgpioOnAWire(ModuleType):
    SET_PULL_NONE, SET_PULL_UP, SET_PULL_DOWN = 0, 1, 2
    RISING_EDGE, FALLING_EDGE, BOTH_EDGES = 1, 2, 3

    class error(Exception):  # noqa: N801, N818  # lgpio's name
        pass

    def __init__(self) -> None:
        super().__init__("lgpio")
        self.edges: dict[int, list[Edge]] = {}
        self._pwm: dict[int, tuple[int, int]] = {}
        """Duty in force, and the one that waits for the end of the period."""
        self.ends_high = True
        """Where in its period a PWM is found when it is told to end: any is possible."""

    def period_passes(self) -> None:
        """Let duties that wait come into force."""
        self._pwm = {line: (after, after) for line, (_, after) in self._pwm.items()}

    def gpiochip_open(self, _chip: int) -> int:
        return 1

    def gpiochip_close(self, _handle: int) -> None:
        pass

    def gpio_claim_input(self, _handle: int, line: int, _flags: int = 0) -> None:
        self._pwm.pop(line, None)
        self._edge(line, None)

    def gpio_claim_output(self, _handle: int, line: int, level: int = 0, _flags: int = 0) -> None:
        if self.edges[line][-1] is None:
            self._edge(line, float(level))

    def gpio_write(self, _handle: int, line: int, level: int) -> None:
        assert line not in self._pwm, "a write under a running PWM is gone at its next edge"
        self._edge(line, float(level))

    def gpio_read(self, _handle: int, line: int) -> int:
        return int(bool(self.edges[line][-1]))

    def gpio_get_mode(self, _handle: int, line: int) -> int:
        return 0 if self.edges[line][-1] is None else 2

    def tx_pwm(self, _handle: int, line: int, frequency: float, duty: float) -> None:
        assert duty == int(duty)
        if frequency:
            self._pwm[line] = (self._pwm.get(line, (int(duty), 0))[0], int(duty))
            self._edge(line, duty / 100)
        else:
            still, _ = self._pwm.pop(line)
            self._edge(line, float(self.ends_high if 0 < still < 100 else still == 100))

    def _edge(self, line: int, what: Edge) -> None:
        seen = self.edges.setdefault(line, [])
        if not seen or seen[-1] != what:
            seen.append(what)
