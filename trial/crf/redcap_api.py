"""REDCap over the network, by PyCap: https only (this machine excepted), the token never in a message."""

import math
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from redcap.project import Project
from redcap.request import RedcapError

from trial.crf.redcap import FeedError, Round
from trial.crf.redcap_rows import RECORD_ID, RedcapRow

TIMEOUT_S: float = 60.0
FIRST_WAIT_S: float = 10.0
LONGEST_WAIT_S: float = 1800.0


class RedcapChoiceError(ValueError):
    """The address or the token cannot be used. One sentence, without the token."""


class RedcapApi:
    """One project behind REDCap's API. A redirection is not followed: it would carry the token elsewhere."""

    def __init__(self, url: str, token: str, timeout_s: float = TIMEOUT_S) -> None:
        _check_url(url)
        self._token = token
        try:
            self._project = Project(url, token, timeout=timeout_s, allow_redirects=False)
        except (AssertionError, ValueError):
            raise RedcapChoiceError("the token is no REDCap token: 32 hexadecimal digits") from None  # holds it

    def check(self, fields: Iterable[str]) -> None:
        """Raise `FeedError` unless the project's first field is ours and it has these fields."""
        names = self._asked(lambda: list(self._project.field_names))
        if not names or names[0] != RECORD_ID:
            raise FeedError(f"the project's first field is not {RECORD_ID}: this is another project")
        missing = [field for field in fields if field not in names]
        if missing:
            raise FeedError(f"the project lacks {len(missing)} fields, among them {', '.join(missing[:5])}")

    def subjects(self) -> set[str]:
        """Return the names of the project's records."""
        rows = self._listed(lambda: self._project.export_records(fields=[RECORD_ID], event_name="unique"))
        return {str(row.get(RECORD_ID, "")) for row in rows}

    def stored(self, subjects: Sequence[str], fields: Sequence[str]) -> list[dict[str, Any]]:
        """Return what is stored of some records."""
        return self._listed(
            lambda: self._project.export_records(records=list(subjects), fields=list(fields), event_name="unique")
        )

    def send(self, rows: Sequence[RedcapRow]) -> int:
        """Store rows; a list, because REDCap answers "count 0" to an object, without an error."""
        answer = self._asked(lambda: self._project.import_records(list(rows), overwrite="normal", date_format="YMD"))
        count = answer.get("count") if isinstance(answer, dict) else None
        if isinstance(count, bool) or not str(count).isdigit():
            raise FeedError("REDCap did not say how many records it took: the next round asks again")
        return int(str(count))

    def _listed(self, ask: Callable[[], Any]) -> list[dict[str, Any]]:
        rows = self._asked(ask)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise FeedError("REDCap's answer is no list of rows")
        return rows

    def _asked(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except RedcapError as error:
            said = " ".join(str(error).split()).replace(self._token, "***")
            raise FeedError(f"REDCap: {type(error).__name__}: {said[:300]}") from None  # its cause holds the token


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.username or parts.password or not parts.hostname or parts.scheme not in ("http", "https"):
        raise RedcapChoiceError("--url: an address like https://redcap.example.org/api/, without user and password")
    if not url.endswith("/api/"):
        raise RedcapChoiceError("--url: REDCap's API address ends with /api/")
    if parts.scheme == "http" and not _is_this_machine(parts.hostname):
        raise RedcapChoiceError("--url: https only: the token would be read on the way")


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def feed_on(
    step: Callable[[], Round],
    wait: Callable[[float], bool],
    said: Callable[[Round | FeedError, float], None],
    every_s: float,
) -> None:
    """Take step after step until `wait` says to stop; after a failure sooner or later, each time twice as late.

    `wait` takes seconds and returns whether to stop; `said` hears each round or failure and when the next one is, in s.
    """
    failures = 0
    while True:
        try:
            result: Round | FeedError = step()
            failures, delay_s = 0, every_s
        except FeedError as error:
            result = error
            delay_s = min(FIRST_WAIT_S * math.pow(2, min(failures, 20)), LONGEST_WAIT_S)
            failures += 1
        said(result, delay_s)
        if wait(delay_s):
            return
