"""The headers that every answer of a page carries, and what a page may load."""

POLICY: str = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
"""The pages' framework compiles its templates in the browser, which needs eval; all else comes from the server."""
LOGIN_POLICY: str = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""The page that asks who comes is ours alone and needs no script."""
HEADERS: dict[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not no-referrer: a browser then gives a form's origin as null, which the door refuses.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), usb=(), payment=()",
}
SECURE: dict[str, str] = {"strict-transport-security": "max-age=31536000"}
REPLACED: frozenset[bytes] = frozenset({*(name.encode() for name in HEADERS), b"server", b"x-powered-by"})
"""What a framework says under these names is not passed on."""
