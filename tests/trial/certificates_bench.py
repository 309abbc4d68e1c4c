"""What the tests of certificates in the trial database share: sending them and readings, and what is asked."""

from datetime import timedelta
from typing import Any

from calibration_bench import came
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, func, select
from trial_bench import NOON, STUDY, payload, reading

from calibration.certificate.keys import DeviceKey
from contract.calibration import CertificateReceipt
from trial.judge import judge
from trial.schedule.findings import findings
from trial.store import Arrival, Outcome, store

DONE: dict[str, Any] = {"actor": "dm-1", "why": "as on paper"}


def count(engine: Engine, table: Any) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def word(outcome: Outcome) -> CertificateReceipt:
    assert isinstance(outcome.receipt, CertificateReceipt)
    return outcome.receipt


def asked(engine: Engine, after: timedelta = timedelta(days=2), **changes: Any) -> dict[str, str]:
    """The codes of what is asked, with the question."""
    with engine.connect() as connection:
        found = findings(connection, STUDY.model_copy(update=changes), NOON + after)
    assert len({each.key for each in found}) == len(found)
    return {each.code: each.question for each in found}


def received(engine: Engine, *contents: bytes) -> list[Outcome]:
    return store(engine, [came(content) for content in contents], NOON)


def measured(engine: Engine, seq: int = 1, **changes: Any) -> None:
    where = f"refill/v1/demo/00/{changes.get('device', 'bedside-1')}/reading"
    content = payload(reading(seq, **changes))
    store(engine, [Arrival(where, content, NOON, judge(where, content, STUDY))], NOON)


OTHER = DeviceKey(Ed25519PrivateKey.generate())
