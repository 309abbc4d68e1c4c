"""The files that the page hands out: the case report form in every form, for those who see the whole study."""

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse
from sqlalchemy import Engine
from starlette.background import BackgroundTask

from firmware_config.study import Study
from trial.crf.fhir import export_fhir
from trial.crf.odm import OdmError, export_odm
from trial.crf_csv import export
from trial.crf_files import AlteredError, dictionary_path
from trial.crf_mottling import export_mottling
from trial.database import note, writing
from trial.page.desk import Desk, NotYoursError, SessionEndedError
from trial.page.doors import Doors
from web.door import TOKEN

Write = Callable[[Engine, Study, Path], int]
EXPORTS: dict[str, tuple[str, Write]] = {
    "refill.csv": ("refill time, one row for each reading", lambda e, study, out: export(e, study.name, out)),
    "mottling.csv": ("mottling, one row for each reading", lambda e, study, out: export_mottling(e, study.name, out)),
    "odm-snapshot.xml": (
        "CDISC ODM 1.3.2: what stands",
        lambda e, study, out: export_odm(e, study, out, "Snapshot", datetime.now(UTC)),
    ),
    "odm-transactional.xml": (
        "CDISC ODM 1.3.2: each entry and change, with who, when and why",
        lambda e, study, out: export_odm(e, study, out, "Transactional", datetime.now(UTC)),
    ),
    "fhir-r5.ndjson": ("FHIR R5 bundles, one a line", lambda e, study, out: export_fhir(e, study, out, "R5")),
    "fhir-r4b.ndjson": ("FHIR R4B bundles, one a line", lambda e, study, out: export_fhir(e, study, out, "R4B")),
}
"""What can be had, by the name under which it is asked for: what it is, and what writes it."""
DICTIONARIES: dict[str, str] = {"refill.dictionary.csv": "refill.csv", "mottling.dictionary.csv": "mottling.csv"}
"""What the columns of a CSV mean: written with it."""


def serve_files(app: FastAPI, engine: Engine, study: Study, doors: Doors) -> None:
    """Add the addresses of the files."""

    def hand_out(name: str, request: Request) -> Response:
        export_name = DICTIONARIES.get(name, name)
        if export_name not in EXPORTS:
            return Response(status_code=404)
        try:
            account = Desk(engine, study, doors, request.scope.get(TOKEN)).whole_study()
        except SessionEndedError:
            return Response(status_code=401)
        except NotYoursError:
            return Response(status_code=403)
        folder = tempfile.TemporaryDirectory(prefix="refill-export-")
        out = Path(folder.name) / f"{study.name}-{export_name}"
        try:
            EXPORTS[export_name][1](engine, study, out)
        except (AlteredError, OdmError) as error:
            folder.cleanup()
            return Response(str(error), status_code=409, media_type="text/plain")
        with writing(engine).begin() as connection:
            note(connection, account.name, "crf handed out", f"study {study.name}: {name}")
        wanted = dictionary_path(out) if name in DICTIONARIES else out
        return FileResponse(wanted, filename=wanted.name, background=BackgroundTask(folder.cleanup))

    app.get("/files/{name}")(hand_out)
