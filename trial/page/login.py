"""The page that asks who comes: a form, no script."""

from html import escape

_STYLE = (
    "body{margin:0;font:17px/1.4 'DejaVu Sans',sans-serif;background:#f3f5f7;color:#17212a;display:grid;"
    "place-items:center;min-height:100vh}main{background:#fff;border:1px solid #8b99a5;border-radius:8px;"
    "padding:28px 32px;width:21rem}h1{font-size:22px;margin:0 0 4px}label{display:block;margin-top:14px}"
    "input{font:inherit;width:100%;box-sizing:border-box;padding:8px;border:1px solid #5d6b77;border-radius:4px}"
    "button{font:inherit;margin-top:20px;padding:9px 18px;background:#1f5a8a;color:#fff;border:0;border-radius:4px}"
)


def login_page(study: str, *, wrong: bool) -> str:
    """Return the page. What was wrong is not said: it would help a guesser more than a user."""
    said = "Account or password are not right, or the account is locked for a while." if wrong else ""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Refill trial: sign in</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>\n'
        f"<body><main><h1>Refill trial</h1><p>{escape(study)}</p>"
        f'<p role="alert">{said}</p><form method="post" action="/login">'
        '<label for="account">Account</label>'
        '<input id="account" name="account" maxlength="16" autocomplete="username" required autofocus>'
        '<label for="password">Password</label>'
        '<input id="password" type="password" name="password" maxlength="200" autocomplete="current-password" required>'
        "<button>Sign in</button></form></main></body></html>\n"
    )
