"""Photos on their way from a browser to the bedside, by HTTP into the inbox, and pictures of what was found back.

Only what begins as a JPEG or PNG file does is taken, up to a size. What it shows is looked at by the bedside alone.
"""

import asyncio
from pathlib import Path
from uuid import uuid4

from fastapi import FastAPI, Request, Response

from device import photo_inbox
from device.photo_inbox import KEPT_S, MOST_BYTES, InboxError

KINDS: dict[bytes, str] = {b"\xff\xd8\xff": "jpg", b"\x89PNG\r\n\x1a\n": "png"}
MOST_PHOTOS: int = 12
"""The inbox lies in memory: a page that sends one photo after the other must not fill it."""
MOST_AT_ONCE: int = 2
"""Each is held in memory while it comes, and this process may have little."""
TYPES: dict[str, str] = {"jpg": "image/jpeg", "png": "image/png"}


def serve_photos(app: FastAPI, inbox: Path) -> None:
    """Take photos by PUT on /photo, and show those of the inbox."""

    reading = asyncio.Semaphore(MOST_AT_ONCE)

    @app.put("/photo")
    async def put(request: Request) -> Response:
        if reading.locked():
            return Response(status_code=503)
        async with reading:
            content = await _read(request)
        kind = next((kind for start, kind in KINDS.items() if content.startswith(start)), None)
        if kind is None or len(content) > MOST_BYTES:
            return Response(status_code=413 if kind else 415)
        name = f"{uuid4()}.{kind}"
        try:
            photo_inbox.make(inbox)
            photo_inbox.sweep(inbox)
            if sum(1 for _ in inbox.iterdir()) >= MOST_PHOTOS:
                return Response(status_code=507)
            photo_inbox.put(inbox, name, content)
        except OSError:
            return Response(status_code=507)
        return Response(name, media_type="text/plain")

    @app.get("/photos/{name}")
    def get(name: str) -> Response:
        try:
            content = photo_inbox.take(inbox, name)
        except InboxError:
            return Response(status_code=404)
        headers = {"cache-control": f"private, max-age={KEPT_S:.0f}"}
        return Response(content, media_type=TYPES[name.rpartition(".")[2]], headers=headers)


async def _read(request: Request) -> bytes:
    """Return the body, or its beginning where it is larger than a photo may be."""
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            break
    return b"".join(parts)
