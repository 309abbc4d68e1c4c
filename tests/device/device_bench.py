"""What the tests of the bedside machine share: readings, brokers, and a trial database that can be slow or rude."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contract.amendment import Amendment
from contract.envelope import open_envelope
from contract.identifiers import new_reading_id
from contract.mottling import MottlingReading, MottlingReason, MottlingResult
from contract.reading import (
    BodySite,
    Device,
    Measured,
    PressRecord,
    ProtocolRef,
    Reading,
    Receipt,
    RefillResult,
    Status,
    Subject,
)
from contract.reasons import Reason
from contract.records import AnyRecord
from contract.source import Source

DEVICE = "refill-test"
BOOT = UUID("11111111-2222-4333-8444-555555555555")


def not_measurable(reason: Reason = Reason.INTERRUPTED) -> RefillResult:
    return RefillResult(status=Status.NOT_MEASURABLE, reason=reason)


def measured(crt_s: float) -> RefillResult:
    return RefillResult(status=Status.MEASURED, crt_s=crt_s, crt_ci95_s=(crt_s - 0.1, crt_s + 0.1))


def reading(
    device_seq: int,
    result: RefillResult | None = None,
    presses: list[PressRecord] | None = None,
    reading_id: UUID | None = None,
) -> Reading:
    return Reading(
        reading_id=reading_id or new_reading_id(),
        device_seq=device_seq,
        study="demo",
        subject=Subject(site="00", inclusion="0001"),
        body_site=BodySite.FINGER,
        simulated=True,
        protocol=ProtocolRef(name="demo", version="1", sha256="a" * 64),
        device=Device(name=DEVICE, software_version="0", algorithm_version="0", configuration_sha256="b" * 64),
        measured=Measured(at=datetime.now(UTC), boot_id=BOOT, boottime_ns=1, clock_synchronised=False),
        result=result or measured(2.0),
        presses=presses or [],
    )


def press(number: int, trace_sha256: str | None = None, result: RefillResult | None = None) -> PressRecord:
    return PressRecord(
        number=number,
        result=result or measured(2.0),
        target_kpa=40,
        frames=100,
        frames_dropped=0,
        trace_sha256=trace_sha256,
    )


def scored(score: int = 2, at_least: bool = False) -> MottlingResult:
    return MottlingResult(status="measured", score=score, max_supported=4, at_least=at_least, confidence=0.9)


def not_scored(reason: MottlingReason = MottlingReason.INTERRUPTED) -> MottlingResult:
    return MottlingResult(status="not_measurable", reason=reason)


def mottling(device_seq: int, result: MottlingResult | None = None, photo_sha256: str | None = None) -> MottlingReading:
    about = reading(device_seq).model_dump(include=set(Source.model_fields))
    return MottlingReading.model_validate(about | {"result": result or scored(), "photo_sha256": photo_sha256})


def amendment(device_seq: int, about: Source, **content: object) -> Amendment:
    """An amendment of a record, a confirmation unless it is said to be something else."""
    same = about.model_dump(include=set(Source.model_fields) - {"schema_version"})
    own = {"reading_id": new_reading_id(), "device_seq": device_seq, "about": about.reading_id, "operator": "n9"}
    return Amendment.model_validate(same | own | {"action": "confirmed"} | content)


class TrialEnd:
    """Stands for the trial side on a real broker: keeps what arrives, answers when and how it is told to."""

    def __init__(self, port: int, answer: Callable[[Receipt], Receipt | None] = lambda receipt: receipt) -> None:
        self.readings: list[AnyRecord] = []
        self.statuses: list[dict[str, object]] = []
        self._answer = answer
        self._ready = threading.Event()
        self.client = Client(CallbackAPIVersion.VERSION2, "trial-end", protocol=MQTTProtocolVersion.MQTTv311)
        self.client.on_connect = lambda client, *_: client.subscribe([("refill/v1/#", 1)])
        self.client.on_subscribe = lambda *_: self._ready.set()
        self.client.on_message = self._on_message
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self._ready.wait(10), "the trial end could not subscribe"

    def _on_message(self, client: Client, _: object, message: MQTTMessage) -> None:
        if message.topic.endswith("/status"):
            self.statuses.append(json.loads(message.payload))
        if not message.topic.endswith("/reading"):
            return
        envelope, arrived = open_envelope(bytes(message.payload))
        self.readings.append(arrived)
        receipt = self._answer(
            Receipt(
                reading_id=arrived.reading_id,
                device_seq=arrived.device_seq,
                sha256=envelope.sha256,
                outcome="stored",
                received_at=datetime.now(UTC),
            )
        )
        if receipt is not None:
            client.publish(message.topic.replace("/reading", "/receipt"), receipt.model_dump_json(), qos=1)

    @property
    def seqs(self) -> list[int]:
        return [arrived.device_seq for arrived in self.readings]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
