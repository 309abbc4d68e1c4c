"""The bedside's progress events on a stream, as JSON lines or in words: display only, the journal is the record."""

import json
import os
import threading
from collections.abc import Callable
from typing import IO

from device.ports import Emit


def json_lines(stream: IO[str]) -> Emit:
    """Return an `Emit` that writes JSON lines to `stream`; a reader that went away stops nothing."""
    return _lines(stream, lambda event: json.dumps(event, ensure_ascii=False))


def sentences(stream: IO[str]) -> Emit:
    """Return an `Emit` that writes a line for what a person wants to know, and never who was measured."""
    return _lines(stream, in_words)


def in_words(event: dict[str, object]) -> str | None:
    """Return an event as one line; None where it is only progress."""
    kind = event["event"]
    if kind in ("problem", "refused"):
        return str(event["sentence"])
    if kind == "state":
        return str(event["state"])
    if kind == "amended":
        return f"record {event['device_seq']}: {event['action']}"
    if kind == "mottling":
        return f"mottling {event['device_seq']}: {event['sentence'] or _score(event['result'])}"
    if kind != "reading":
        return None
    result, words = event["result"], event["sentence"]
    if isinstance(result, dict) and words is None:
        words = f"{result['crt_s']:.2f} s" if result["crt_s"] is not None else f"> {result['crt_exceeds_s']} s"
    return f"reading {event['device_seq']}: {words}"


def _score(result: object) -> str:
    return f"score {result['score']}" if isinstance(result, dict) else ""


def _lines(stream: IO[str], line_of: Callable[[dict[str, object]], str | None]) -> Emit:
    gone = threading.Event()

    def emit(event: dict[str, object]) -> None:
        line = line_of(event)
        if line is None or gone.is_set():
            return
        try:
            stream.write(line + "\n")
            stream.flush()
        except OSError:
            gone.set()
            # What is still buffered must go somewhere, or closing the stream at exit fails again.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)

    return emit
