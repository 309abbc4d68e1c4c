"""Certificates leave the device until their trial has them: once each, alone, and never at a reading's cost."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from broker_bench import until
from device_bench import DEVICE, reading
from fake_broker import FakeBroker, Orders

from calibration.certificate.keys import DeviceKey
from calibration.certificate.make import About, make_certificate, signed
from calibration.certificate.receipts import Receipts
from calibration.certificate.standing import FOLDER
from calibration.certificate.store import Store
from contract.calibration import CertificateReceipt, certificate_sha256
from contract.certificate import Certificate, StepName, StepOutcome
from contract.envelope import open_certificate
from contract.topics import Topic
from device.journal import Deliveries, Journal
from device.publisher import Patience, Publisher
from device.publisher_certificates import LOOK_S, CertificateSender
from device.publisher_link import BrokerAddress
from device.records import device_of
from firmware_config.device import DeviceConfig

HOME = Topic("demo", "00", DEVICE, "status")
NOW = datetime(2026, 11, 27, 2, 0, tzinfo=UTC)
WHOLE = [StepOutcome(step=name, at=NOW) for name in StepName]
FAILED = [*WHOLE[:-1], StepOutcome(step=StepName.END_TO_END, at=NOW, trouble="It gave nothing.")]
WHOSE = About(
    device_of(DEVICE, "2.1", "b" * 64), DeviceConfig(name=DEVICE, site="00"), "eng1", simulated=False, now=NOW
)


class Line:
    """A connection that keeps what it is given."""

    def __init__(self) -> None:
        self.subscribed: set[str] = set()
        self.sent: list[bytes] = []
        self.room = 20
        self.largest = 1 << 20

    def subscribe(self, topic: str) -> None:
        self.subscribed.add(topic)

    def takes(self, _topic: str, payload: str) -> bool:
        return len(payload) <= self.largest

    def publish(self, topic: str, payload: str) -> int:
        assert topic.endswith(f"/00/{DEVICE}/calibration")
        self.sent.append(payload.encode())
        return len(self.sent)

    @property
    def certificates(self) -> list[Certificate]:
        return [open_certificate(payload)[1] for payload in self.sent]


class Bench:
    """A sender on a line, at a time that the test sets."""

    def __init__(self, folder: Path, study: str = "demo") -> None:
        self.sender = CertificateSender(folder, replace(HOME, study=study), 10.0, 300.0)
        self.line: Any = Line()
        self.now_s = 0.0
        self.sender.new_connection()

    def turn(self, later_s: float = 0.0, *, alone: bool = True) -> bool:
        self.now_s += later_s
        return self.sender.turn(self.line, self.now_s, alone=alone)

    def until_nothing_goes(self) -> None:
        """Answer whatever goes, as a broker and a trial that are well."""
        self.turn(LOOK_S)
        before = -1
        while len(self.line.sent) > before:
            before = len(self.line.sent)
            self.turn()
            if len(self.line.sent) > before:
                assert self.sender.acknowledged(before + 1, 0)
                self.sender.answered(receipt(self.line.sent[-1]))


def receipt(payload: bytes, **changes: Any) -> CertificateReceipt:
    message, certificate = open_certificate(payload)
    sha256 = certificate_sha256(message.certificate)
    content = {"certificate_id": certificate.certificate_id, "sha256": sha256, "outcome": "stored", "received_at": NOW}
    return CertificateReceipt.model_validate(content | changes)


def calibrated(folder: Path, steps: list[StepOutcome] = WHOLE, hours: int = 0, **changes: Any) -> Certificate:
    made = make_certificate(steps, replace(WHOSE, now=NOW + timedelta(hours=hours), **changes))
    key = DeviceKey.open(folder)
    Store(folder / FOLDER).add(signed(made, key), key)
    return made


def test_every_certificate_is_sent_once_in_the_order_of_its_making_whatever_it_came_to(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.until_nothing_goes()
    assert bench.line.sent == []
    first = calibrated(tmp_path, hours=9)
    failed = calibrated(tmp_path, FAILED, 1, previous=first.certificate_id)
    incomplete = calibrated(tmp_path, WHOLE[:3], 2, previous=failed.certificate_id, simulated=True)
    bench.until_nothing_goes()
    bench.until_nothing_goes()
    assert bench.line.certificates == [first, failed, incomplete]
    restarted = Bench(tmp_path)
    restarted.until_nothing_goes()
    assert restarted.line.sent == [], "the receipts outlive the process"


def test_one_without_a_receipt_goes_again_with_growing_pauses_and_again_on_a_new_connection(tmp_path: Path) -> None:
    calibrated(tmp_path)
    bench = Bench(tmp_path)
    sent_at = []
    for second in range(200):
        before = len(bench.line.sent)
        bench.turn(1.0)
        if len(bench.line.sent) > before:
            sent_at.append(second)
            bench.sender.acknowledged(len(bench.line.sent), 0)
    assert [later - earlier for earlier, later in pairwise(sent_at)] == [10, 20, 40, 80]
    bench.sender.new_connection()
    bench.turn()
    assert len(bench.line.sent) == 6
    assert len({certificate.certificate_id for certificate in bench.line.certificates}) == 1


@pytest.mark.parametrize("changes", [{"outcome": "refused", "reason": "no"}, {"sha256": "0" * 64}])
def test_a_receipt_that_says_no_or_is_for_another_text_ends_nothing(tmp_path: Path, changes: dict[str, Any]) -> None:
    made = calibrated(tmp_path)
    bench = Bench(tmp_path)
    bench.turn()
    bench.turn()
    bench.sender.acknowledged(1, 0)
    bench.sender.answered(receipt(bench.line.sent[0], **changes))
    assert Receipts(tmp_path).of("demo", made.certificate_id) is None
    bench.turn(11.0)
    assert len(bench.line.sent) == 2


def test_it_waits_for_the_records_under_way_and_they_wait_until_the_broker_has_it(tmp_path: Path) -> None:
    calibrated(tmp_path)
    bench = Bench(tmp_path)
    assert not bench.turn(alone=False), "it cannot go before the receipts are subscribed to"
    assert bench.turn(alone=False)
    assert bench.line.sent == []
    assert bench.turn()
    assert len(bench.line.sent) == 1
    assert bench.turn(), "the broker has not taken it yet"
    bench.sender.acknowledged(1, 0)
    assert not bench.turn(), "the trial may be away for days"


def test_one_that_the_broker_never_takes_holds_nothing_up_for_long(tmp_path: Path) -> None:
    calibrated(tmp_path)
    bench = Bench(tmp_path)
    bench.turn()
    assert bench.turn()
    assert bench.turn(9.0)
    assert not bench.turn(2.0), "a broker that is silent"
    for _ in range(3):
        bench.sender.new_connection()
        bench.turn()
    sent = len(bench.line.sent)
    bench.sender.new_connection()
    assert not bench.turn(60.0), "the connection ended each time"
    bench.turn(300.0)
    assert len(bench.line.sent) == sent + 1


def test_one_that_is_larger_than_the_broker_takes_is_not_sent(tmp_path: Path) -> None:
    calibrated(tmp_path)
    bench = Bench(tmp_path)
    bench.line.largest = 100
    bench.turn()
    bench.turn()
    assert bench.line.sent == []
    assert not bench.turn(1.0)


def test_one_that_another_key_signed_is_not_sent_as_this_devices(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = calibrated(tmp_path)
    foreign = make_certificate(WHOLE, replace(WHOSE, previous=own.certificate_id))
    Store(tmp_path / FOLDER).add(signed(foreign, DeviceKey.open(tmp_path / "other")))
    bench = Bench(tmp_path)
    bench.until_nothing_goes()
    assert bench.line.certificates == [own]
    assert "another key than this device's" in caplog.text


def test_without_the_devices_key_no_certificate_is_sent_and_it_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = calibrated(tmp_path)
    key = tmp_path / "device-key.pem"
    away = key.rename(tmp_path / "away")
    bench = Bench(tmp_path)
    bench.until_nothing_goes()
    assert bench.line.sent == []
    assert "device-key.pem: No such file" in caplog.text
    away.rename(key)
    bench.until_nothing_goes()
    assert bench.line.certificates == [made]


def test_what_is_none_is_left_out_and_sent_once_it_is_mended(tmp_path: Path) -> None:
    first = calibrated(tmp_path)
    last = calibrated(tmp_path, hours=1, previous=first.certificate_id)
    path = next((tmp_path / FOLDER).glob(f"*{first.certificate_id}.json"))
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("eng1", "eng2"), encoding="utf-8")
    bench = Bench(tmp_path)
    bench.until_nothing_goes()
    assert bench.line.certificates == [last]
    path.write_text(text, encoding="utf-8")
    bench.turn(301.0)
    bench.until_nothing_goes()
    assert bench.line.certificates == [last, first]


def test_a_receipt_that_cannot_be_kept_does_not_end_the_sending(tmp_path: Path) -> None:
    calibrated(tmp_path)
    (tmp_path / "receipts").write_text("in the way", encoding="utf-8")
    bench = Bench(tmp_path)
    bench.turn()
    bench.turn()
    bench.sender.acknowledged(1, 0)
    bench.sender.answered(receipt(bench.line.sent[0]))
    (tmp_path / "receipts").unlink()
    bench.turn(11.0)
    bench.sender.acknowledged(2, 0)
    bench.sender.answered(receipt(bench.line.sent[1]))
    bench.turn(60.0)
    assert len(bench.line.sent) == 2


def test_another_studys_trial_gets_them_too(tmp_path: Path) -> None:
    made = calibrated(tmp_path)
    Bench(tmp_path).until_nothing_goes()
    other = Bench(tmp_path, study="other")
    other.until_nothing_goes()
    assert other.line.certificates == [made]
    for study in ("demo", "other"):
        assert Receipts(tmp_path).of(study, made.certificate_id) is not None
        again = Bench(tmp_path, study=study)
        again.until_nothing_goes()
        assert again.line.sent == []


@pytest.mark.slow
def test_a_broker_that_cuts_off_at_a_certificate_still_gets_every_reading(tmp_path: Path) -> None:
    calibrated(tmp_path / "calibration")
    with Journal.open(tmp_path / "journal.sqlite", DEVICE) as journal:
        for _ in range(30):
            journal.append(reading)
    cut: Any = lambda topic: None if topic.endswith("/calibration") else 0  # noqa: E731 - an order
    quick = Patience(poll_s=0.02, reconnect_first_s=0.05, reconnect_longest_s=0.1, receipt_s=0.3, look_s=0.02)
    stop = threading.Event()

    def unsent() -> int:
        with Deliveries.open(tmp_path / "journal.sqlite") as seen:
            return seen.counts().unsent

    with FakeBroker(Orders(puback=cut)) as broker:
        publisher = Publisher(tmp_path / "journal.sqlite", HOME, BrokerAddress(port=broker.port), quick)
        thread = threading.Thread(target=publisher.run, args=(stop,), daemon=True)
        thread.start()
        until(lambda: unsent() == 0, "every reading has its receipt")
        stop.set()
        thread.join(10)
    assert broker.connections > 3
    assert len(broker.readings) == 30, "none went twice: no reading was under way when the connection ended"
