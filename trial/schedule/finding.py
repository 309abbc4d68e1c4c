"""A question that the data themselves ask."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A question that needs no person to see it. `key` is the same every time: asked once, it is not asked again."""

    key: str
    code: str
    site: str
    question: str
    inclusion: str | None = None
    reading_id: str | None = None
