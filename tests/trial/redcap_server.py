"""A REDCap project on loopback, over HTTP, as its API documentation describes it, with what it does to the unwary."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from trial.crf.redcap_rows import INSTRUMENTS, PREFIXES, fields_of

TOKEN = "0123456789ABCDEF" * 2
HEAD = ("record_id", "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance")


class RedcapServer:
    """Its data, its faults, and what was asked of it.

    `faults` are taken one at an import: "500", "drop" (stored, then no answer), "half" (the first half stored, then an
    error), "lie" (nothing stored, full count), "count" (stored, another count), "garbage", "late" (stored, then slow).
    """

    def __init__(self) -> None:
        self.rows: dict[tuple[str, ...], dict[str, str]] = {}
        self.faults: list[str] = []
        self.imports: list[list[dict[str, str]]] = []
        self.requests: list[dict[str, str]] = []
        self.fields = ["record_id", *(field for form in INSTRUMENTS for field in fields_of(form).values())]
        self.url = ""
        self.release = threading.Event()

    def subject(self, *names: str) -> None:
        """Make records as the trial office does: with nothing of ours."""
        for name in names:
            self.rows[(name, "inclusion_arm_1", "", "")] = {"record_id": name, "redcap_event_name": "inclusion_arm_1"}

    def of_forms(self) -> list[dict[str, str]]:
        """Return the stored rows of the repeating instruments."""
        return [row for key, row in self.rows.items() if key[2]]

    def answer(self, asked: dict[str, str]) -> tuple[int, Any]:
        self.requests.append(asked)
        if asked.get("token") != TOKEN:
            return 403, {"error": f"You do not have permissions to use the API with {asked.get('token')}"}
        if asked["content"] == "metadata":
            return 200, [{"field_name": name, "form_name": "x", "field_type": "text"} for name in self.fields]
        if "data" in asked:
            return self._import(asked)
        return 200, self._export(asked)

    def _export(self, asked: dict[str, str]) -> list[dict[str, str]]:
        wanted = [asked[key] for key in asked if key.startswith("records[")]
        fields = [asked[key] for key in asked if key.startswith("fields[")]
        columns = [*HEAD, *(name for name in fields if name not in HEAD)]
        found = [row for row in self.rows.values() if not wanted or row["record_id"] in wanted]
        return [{name: row.get(name, "") for name in columns} for row in found]

    def _import(self, asked: dict[str, str]) -> tuple[int, Any]:
        rows = json.loads(asked["data"])
        if not isinstance(rows, list):
            return 200, {"count": 0}  # an object instead of a list is no error to it
        known = {*HEAD, *self.fields, *(f"{name}_complete" for name in INSTRUMENTS.values())}
        unknown = {name for row in rows for name in row} - known
        if unknown:
            return 400, {"error": f"The following fields were not found in the project: {sorted(unknown)}"}
        self.imports.append(rows)
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "500":
            return 500, None
        kept = rows[: len(rows) // 2] if fault == "half" else [] if fault == "lie" else rows
        for row in kept:
            self._keep(row, asked["overwriteBehavior"])
        if fault == "half":
            return 400, {"error": "the server went away"}
        if fault == "count":
            return 200, {"count": 0}
        if fault == "garbage":
            return 200, "<html>maintenance</html>"
        if fault == "drop":
            return -1, None
        if fault == "late":
            self.release.wait(5)
        return 200, {"count": len({row["record_id"] for row in rows})}

    def _keep(self, row: dict[str, str], behaviour: str) -> None:
        key = tuple(str(row.get(name, "")) for name in HEAD)
        stored = self.rows.setdefault(key, {})
        if behaviour == "overwrite":  # what is not sent becomes blank
            stored.clear()
        stored.update({name: value for name, value in row.items() if value != "" or behaviour == "overwrite"})


@contextmanager
def redcap_server() -> Iterator[RedcapServer]:
    """Serve a project until the block ends."""
    project = RedcapServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked = {key: values[0] for key, values in parse_qs(text, keep_blank_values=True).items()}
            status, content = project.answer(asked)
            if status < 0:
                self.close_connection = True
                self.connection.close()
                return
            body = (
                (content if isinstance(content, str) else json.dumps(content)).encode()
                if content is not None
                else b"<h1>"
            )
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    project.url = f"http://127.0.0.1:{server.server_address[1]}/api/"
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield project
    finally:
        project.release.set()
        server.shutdown()
        server.server_close()


def reading_ids(project: RedcapServer) -> dict[str, tuple[str, str, str]]:
    """Where each reading stands in the project: (record, event, instance); one that stands twice is an error."""
    found: dict[str, tuple[str, str, str]] = {}
    for row in project.of_forms():
        form = next(form for form, name in INSTRUMENTS.items() if name == row["redcap_repeat_instrument"])
        reading_id = row[PREFIXES[form] + "reading_id"]
        assert reading_id not in found
        found[reading_id] = row["record_id"], row["redcap_event_name"], row["redcap_repeat_instance"]
    return found
