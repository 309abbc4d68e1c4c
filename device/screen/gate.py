"""The door in front of the nurse's page: loopback needs no PIN, since that display hangs at the bed as the button does.

From elsewhere a PIN opens it, one for each role (`device.screen.access`). The door itself is `web.door`'s.
"""

from dataclasses import dataclass

from device.screen.access import ROLES, Doors, Role
from device.screen.login import login_page
from web.door import App, Door, Fields, Wall

COOKIE: str = "refill-session"


@dataclass(frozen=True)
class Pins:
    """The roles' PINs as the door asks them."""

    doors: Doors

    @property
    def longest_s(self) -> float:
        """A session's longest life."""
        return self.doors.longest_s

    def enter(self, fields: Fields) -> str | None:
        """Return a token for a role and its PIN."""
        role = _role(fields)
        return None if role is None else self.doors.enter(role, fields.get("pin", ""))

    def knows(self, token: str | None, *, touch: bool) -> bool:
        """Return whether a session stands."""
        return self.doors.role_of(token, touch=touch) is not None

    def leave(self, token: str | None) -> None:
        """End a session."""
        self.doors.leave(token)


def gate(app: App, hosts: frozenset[str], doors: Doors | None, *, secure: bool, language: str) -> Door:
    """Return the door before `app`; `doors` is None where only this machine may come in."""

    def asks(tried: Fields | None) -> str:
        role = None if tried is None else _role(tried)
        locked_s = 0.0 if doors is None or role is None else doors.locked_s(role)
        roles = ROLES if doors is None else doors.roles
        return login_page(language, locked_s=locked_s, wrong=tried is not None, roles=roles)

    return Door(app, None if doors is None else Pins(doors), Wall(hosts, secure, COOKIE, asks))


def _role(fields: Fields) -> Role | None:
    return next((role for role in ROLES if role == fields.get("role")), None)
