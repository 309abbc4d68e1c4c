"""How a page is served: what the server says of itself, keeps of requests, and takes at most."""

import ssl
from pathlib import Path
from typing import Any

import uvicorn


def serving(
    app: Any, host: str, port: int, certificate_file: Path | None, key_file: Path | None, *, at_once: int
) -> uvicorn.Server:
    """Return the server of a page behind its door; `at_once` connections at most. Over TLS where there are files."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,  # it would hold what people typed into addresses
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
        ws_max_size=65_536,
        limit_concurrency=at_once,
        ssl_certfile=certificate_file,
        ssl_keyfile=key_file,
        ssl_version=ssl.PROTOCOL_TLS_SERVER,
    )
    return uvicorn.Server(config)
