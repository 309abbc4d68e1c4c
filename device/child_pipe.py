"""Messages between a process of ours and its own child: a length, then a pickle. Nobody else ever writes into these."""

import pickle
import struct
from typing import IO, Any

_LENGTH = struct.Struct("!Q")


def send(stream: IO[bytes], content: object) -> None:
    """Write one message."""
    text = pickle.dumps(content, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(_LENGTH.pack(len(text)))
    stream.write(text)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Read one message; raises `EOFError` where the other end has gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    text = stream.read(_LENGTH.unpack(head)[0])
    return pickle.loads(text)  # noqa: S301 - our own child's words
