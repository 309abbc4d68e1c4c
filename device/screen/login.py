"""The page that asks for a PIN: a form without script, the only thing that a stranger sees."""

import math
from collections.abc import Sequence

from device.screen.access import ROLES, Role
from device.screen.words import LANGUAGES, Language, say

_STYLE = """
body { margin: 0; background: #10161b; color: #eef3f6; font: 24px/1.3 "DejaVu Sans", "Noto Sans", sans-serif;
  padding: 20px; }
form { display: grid; gap: 14px; max-width: 560px; margin: auto; } .row { display: flex; gap: 14px; }
label.key { flex: 1; min-height: 104px; border: 2px solid #6f8596; border-radius: 10px; display: flex;
  align-items: center; justify-content: center; gap: 12px; }
input[type=password] { font: inherit; font-size: 40px; min-height: 104px; padding: 0 20px; background: #1d272f;
  color: inherit; border: 2px solid #6f8596; border-radius: 10px; }
button { min-height: 104px; font: inherit; font-weight: 700; border: 0; border-radius: 10px; background: #9cc8ee;
  color: #08121a; }
input[type=radio] { width: 30px; height: 30px; } :focus-visible { outline: 4px solid #9cc8ee; outline-offset: 3px; }
"""


_PAGE = """<!doctype html>
<html lang="{language}">
<head><meta charset="utf-8"><title>Refill</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head>
<body><main><form method="post" action="/login" autocomplete="off">
<h1>Refill</h1><p role="alert">{said}</p><div class="row">{roles}</div>
<input type="password" name="pin" inputmode="numeric" maxlength="12" aria-label="{pin}" required autofocus>
<button>{accept}</button></form></main></body>
</html>
"""


def login_page(language: str, *, locked_s: float, wrong: bool, roles: Sequence[Role] = ROLES) -> str:
    """Return the page for the roles that may enter; `wrong`: the last PIN did not open, `locked_s`: for how long."""
    spoken: Language = next((each for each in LANGUAGES if each == language), "en")
    said = ""
    if locked_s > 0:
        said = say("pin_locked", spoken, minutes=math.ceil(locked_s / 60))
    elif wrong:
        said = say("pin_wrong", spoken)
    ways = "".join(_role(role, spoken, checked=role == roles[0]) for role in roles)
    return _PAGE.format(
        language=spoken, style=_STYLE, said=said, roles=ways, pin=say("pin", spoken), accept=say("accept", spoken)
    )


def _role(role: Role, language: Language, *, checked: bool) -> str:
    button = f'<input type="radio" name="role" value="{role}"{" checked" if checked else ""}>'
    return f'<label class="key">{button}{say(f"role_{role}", language)}</label>'
