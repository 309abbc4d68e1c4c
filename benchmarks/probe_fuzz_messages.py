"""What a hostile or broken peer may send to the probe: seeded, from nonsense to whole commands at the wrong moment."""

import json
import random
from dataclasses import dataclass

from device.probe.faults import FaultCode
from device.probe.messages import (
    MAX_LINE,
    AskStatus,
    ClearFault,
    Command,
    FaultCleared,
    Press,
    Release,
    Renew,
    State,
)

LATE_NS = 10_000_000_000
WILD: tuple[object, ...] = (
    None, -1, 0, 1, 0.5, 40, 1e308, -1e308, 2**63, 10**30, True, False, "", "x", "0" * 32, "Z" * 32, "\u0000", "\ud800",
    "\u2028", [], {}, [[]], {"kind": "press"}, float("nan"), float("inf"), "9" * 5000,
)  # fmt: skip


@dataclass
class Hostile:
    """Draws messages; `effective` ones may also be whole, timely presses and wishes to vent: anybody may do that."""

    dice: random.Random

    def token(self) -> str:
        return f"{self.dice.getrandbits(128):032x}"

    def message(self, now_ns: int, owners_lease: str, *, effective: bool) -> bytes:
        """Return one message, mostly with its newline; `now_ns` and `owners_lease` are what a spy could know."""
        draw = self.dice.randrange(10)
        if draw == 0:
            return self.dice.randbytes(self.dice.randrange(1, 300)) + b"\n"
        if draw == 1:
            return self._flipped(self._command(now_ns, owners_lease, effective=effective).line())
        if draw in (2, 3):
            return self._wrong_field(self._command(now_ns, owners_lease, effective=effective))
        if draw == 4:
            line = self._command(now_ns, owners_lease, effective=effective).line()
            return line[: self.dice.randrange(1, len(line))] + self.dice.choice([b"", b"\n"])
        if draw == 5:
            return self._monstrous()
        if draw == 6:
            return State(t_boot_ns=now_ns, phase="idle", lease=None).line()
        if draw == 7:
            return FaultCleared(t_boot_ns=now_ns, code=self.dice.choice(list(FaultCode)), operator=None).line()
        return self._command(now_ns, owners_lease, effective=effective).line()

    def flood(self, now_ns: int, owners_lease: str) -> list[bytes]:
        """Return many whole, harmless commands to be sent at once."""
        one = self.dice.choice([AskStatus(), Renew(lease=owners_lease, sent_ns=now_ns), ClearFault(operator="x")])
        return [one.line()] * self.dice.randrange(50, 400)

    def _command(self, now_ns: int, owners_lease: str, *, effective: bool) -> Command:
        """Return a whole command: renewals are of the owner's lease, presses too late unless `effective`."""
        sent_ns = now_ns - (0 if effective else LATE_NS)
        press = Press(
            lease=self.token(),
            sent_ns=max(sent_ns, 0),
            target_kpa=self.dice.uniform(1, 70),
            ramp_s=self.dice.uniform(0.1, 6),
            hold_s=self.dice.uniform(0.1, 25),
        )
        choices: list[Command] = [
            press,
            Renew(lease=owners_lease, sent_ns=now_ns),
            Renew(lease=self.token(), sent_ns=now_ns),
            Renew(lease=owners_lease, sent_ns=now_ns + LATE_NS),
            AskStatus(),
            ClearFault(operator=self.dice.choice([None, "eng-4"])),
        ]
        return self.dice.choice([*choices, Release()] if effective else choices)

    def _flipped(self, line: bytes) -> bytes:
        changed = bytearray(line)
        for _ in range(self.dice.randrange(1, 6)):
            changed[self.dice.randrange(len(changed) - 1)] = self.dice.randrange(256)
        return bytes(changed)

    def _wrong_field(self, command: Command) -> bytes:
        fields = json.loads(command.line())
        draw = self.dice.randrange(3)
        if draw == 0:
            fields[self.dice.choice(list(fields))] = self.dice.choice(WILD)
        elif draw == 1:
            fields.pop(self.dice.choice(list(fields)))
        else:
            fields[self.dice.choice(["extra", "", "\ud800", "\n", "k" * 300])] = self.dice.choice(WILD)
        return json.dumps(fields, ensure_ascii=self.dice.random() < 0.9).encode("utf-8", "surrogatepass") + b"\n"

    def _monstrous(self) -> bytes:
        size = self.dice.choice([MAX_LINE - 1, MAX_LINE, MAX_LINE + 1, 3 * MAX_LINE])
        draw = self.dice.randrange(4)
        if draw == 0:
            return b"[" * size + b"\n"
        if draw == 1:
            return b'{"kind":"renew","sent_ns":' + b"9" * size + b"}\n"
        if draw == 2:
            return b'{"kind":"release"' + b" " * size + b",}\n"
        return b"\n" * 200 + b"\x00" * size
