"""Who may look and touch: loopback is the bedside itself; everybody else shows a PIN, over TLS, and not for ever.

PINs are kept as salted scrypt hashes in a systemd credential, one line a role: `nurse:<salt>:<hash>`. Wrong ones lock
the role for everybody, longer each time: a PIN of four digits must not be guessed. Sessions are tokens in memory.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, get_args

Role = Literal["nurse", "engineer"]
ROLES: tuple[Role, ...] = get_args(Role)
LEAST_DIGITS: dict[Role, int] = {"nurse": 4, "engineer": 6}
TRIES: int = 5
FIRST_LOCK_S: float = 60.0
LONGEST_LOCK_S: float = 3600.0
MOST_SESSIONS: int = 32
_SCRYPT_N: int = 2**14


class PinError(ValueError):
    """A PIN or the file of PINs cannot be used; the text is one sentence and never holds a PIN."""


def sealed(role: Role, pin: str) -> str:
    """Return the line that stands for a PIN in the credential; raises `PinError` for one that is too simple."""
    if not (pin.isascii() and pin.isdigit()) or not LEAST_DIGITS[role] <= len(pin) <= 12:
        raise PinError(f"The PIN of role {role} has {LEAST_DIGITS[role]} to 12 digits.")
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    if len(steps) == 1 and steps <= {0, 1, 9}:
        raise PinError("The PIN is too easy to guess.")
    salt = secrets.token_hex(16)
    return f"{role}:{salt}:{_hashed(pin, salt)}"


def _hashed(pin: str, salt: str) -> str:
    return hashlib.scrypt(pin.encode(), salt=bytes.fromhex(salt), n=_SCRYPT_N, r=8, p=1).hex()


def pins_of(text: str) -> dict[Role, tuple[str, str]]:
    """Return salt and hash by role; raises `PinError` naming the line that is wrong, never its content."""
    found: dict[Role, tuple[str, str]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        parts = line.strip().split(":")
        role = next((role for role in ROLES if role == parts[0]), None)
        if role is None or len(parts) != 3 or role in found or not all(map(_is_hex, parts[1:])):
            raise PinError(f"Line {number} of the PINs is not role:salt:hash, or its role stands twice.")
        found[role] = (parts[1], parts[2])
    if not found:
        raise PinError("There is no PIN.")
    return found


def _is_hex(text: str) -> bool:
    return len(text) >= 16 and len(text) % 2 == 0 and all(c in "0123456789abcdef" for c in text)


@dataclass
class _Lock:
    wrong: int = 0
    locked_until_s: float = 0.0
    lasts_s: float = FIRST_LOCK_S


@dataclass
class _Session:
    role: Role
    begun_s: float
    seen_s: float


@dataclass
class Doors:
    """PINs, locks and sessions. Times are s on the steady clock `now`."""

    pins: dict[Role, tuple[str, str]]
    now: Callable[[], float]
    idle_s: float = 900.0
    longest_s: float = 43_200.0
    _locks: dict[Role, _Lock] = field(default_factory=lambda: {role: _Lock() for role in ROLES})
    _sessions: dict[str, _Session] = field(default_factory=dict)

    @property
    def roles(self) -> tuple[Role, ...]:
        """Roles that can enter at all."""
        return tuple(role for role in ROLES if role in self.pins)

    def locked_s(self, role: Role) -> float:
        """Return for how long a role is locked, s; 0 where it is not."""
        return max(0.0, self._locks[role].locked_until_s - self.now())

    def enter(self, role: Role, pin: str) -> str | None:
        """Return the token of a new session, or None for a wrong PIN or a locked role: which, nobody is told apart."""
        lock = self._locks[role]
        if self.locked_s(role) or role not in self.pins:
            return None
        salt, expected = self.pins[role]
        if not hmac.compare_digest(_hashed(pin[:64], salt), expected):
            lock.wrong += 1
            if lock.wrong >= TRIES:
                lock.locked_until_s = self.now() + lock.lasts_s
                lock.wrong, lock.lasts_s = 0, min(2 * lock.lasts_s, LONGEST_LOCK_S)
            return None
        lock.wrong, lock.lasts_s = 0, FIRST_LOCK_S
        return self._opened(role)

    def _opened(self, role: Role) -> str:
        now_s = self.now()
        self._sessions = {token: one for token, one in self._sessions.items() if self._stands(one, now_s)}
        while len(self._sessions) >= MOST_SESSIONS:
            self._sessions.pop(min(self._sessions, key=lambda token: self._sessions[token].seen_s))
        token = secrets.token_urlsafe(32)
        self._sessions[token] = _Session(role, now_s, now_s)
        return token

    def role_of(self, token: str | None, *, touch: bool = True) -> Role | None:
        """Return whose session a token is, or None where it is none or has ended; `touch` keeps it from ending."""
        session = self._sessions.get(token or "")
        now_s = self.now()
        if session is None:
            return None
        if not self._stands(session, now_s):
            del self._sessions[token or ""]
            return None
        if touch:
            session.seen_s = now_s
        return session.role

    def leave(self, token: str | None) -> None:
        """End a session."""
        self._sessions.pop(token or "", None)

    def _stands(self, session: _Session, now_s: float) -> bool:
        return now_s - session.seen_s < self.idle_s and now_s - session.begun_s < self.longest_s
