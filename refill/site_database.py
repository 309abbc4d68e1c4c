"""What `refill site` says to the trial database: a device that the broker lets in is one that the ingesters take."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from trial import enrolment
from trial.database import DatabaseChoiceError, open_database
from trial.people import UnsignedError
from trial.site_entries import SiteError
from trial.site_registry import Entry

Tell = Callable[[Entry], None]


def enrolled_in(database: str | None) -> Tell:
    """Return what enrols a device in the trial database as well; it raises `SiteError` where that is refused."""

    def tell(entry: Entry) -> None:
        with _trial(str(database)) as engine:
            enrolment.enrol(
                engine, **_place(entry), certificate_sha256=entry.certificate_sha256, actor=entry.by, why=entry.why
            )

    return _nothing if database is None else tell


def revoked_in(database: str | None) -> Tell:
    """Return what revokes a device in the trial database as well; it raises `SiteError` where that is refused."""

    def tell(entry: Entry) -> None:
        with _trial(str(database)) as engine:
            enrolment.revoke(engine, **_place(entry), actor=entry.by, why=entry.why)

    return _nothing if database is None else tell


def _place(entry: Entry) -> dict[str, str]:
    return {"study": entry.study or "", "site": entry.site or "", "device": entry.name}


def _nothing(_entry: Entry) -> None:
    return


@contextmanager
def _trial(url: str) -> Iterator[Engine]:
    """Open the trial database, which must be there already; what it refuses is a `SiteError`."""
    try:
        engine = open_database(url)
        if engine.dialect.name == "sqlite" and not Path(str(engine.url.database)).is_file():
            raise SiteError(f"{engine.url.database}: no such database")
        yield engine
        engine.dispose()
    except SQLAlchemyError as error:
        words = " ".join(str(getattr(error, "orig", None) or type(error).__name__).split())[:300]
        raise SiteError(f"the trial database refuses it: {words}") from error
    except (DatabaseChoiceError, enrolment.EnrolmentError, UnsignedError) as error:
        raise SiteError(f"the trial database refuses it: {error}") from error
