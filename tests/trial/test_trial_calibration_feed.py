"""Certificates from a device's disk to the trial's database, through real brokers and processes that are killed."""

import random
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from calibration_bench import FAILED, PASSED, certificate
from ingest_bench import fetch, ready
from sqlalchemy import func, select
from trial_bench import NOON, Program, wait_for

from calibration.certificate.keys import DeviceKey
from calibration.certificate.make import signed
from calibration.certificate.receipts import Receipts
from calibration.certificate.standing import FOLDER
from calibration.certificate.store import Store
from contract.certificate import Certificate
from firmware_config.broker import Broker
from trial import tables
from trial.database import open_database

pytestmark = pytest.mark.slow
SITE = Broker(hosts=["localhost"])
"""A site's broker has these limits."""


def calibrate(folder: Path, after: Certificate | None = None, **changes: Any) -> Certificate:
    made = certificate("bedside-1", after, **changes)
    key = DeviceKey.open(folder)
    Store(folder / FOLDER).add(signed(made, key), key)
    return made


def large() -> list[dict[str, Any]]:
    """Steps of a certificate that is as long as one may be: 197,000 characters."""
    figures = [{"name": f"f{number}", "value": number / 7, "unit": "kPa"} for number in range(1880)]
    return [{"step": "focus", "at": NOON, "figures": figures}]


def publisher(folder: Path, port: int) -> Program:
    config = folder / "device.toml"
    config.write_text(f'name = "bedside-1"\nsite = "00"\n[mqtt]\nstudy = "demo"\nport = {port}\n', encoding="utf-8")
    said = ["publish", "--config", str(config), "--data", str(folder), "--run-folder", str(folder)]
    command = [sys.executable, "-c", "from refill.cli import app; app()", *said]
    return Program(command, folder / "publish.log")


def stored(url: str) -> list[str]:
    return [row.certificate_id for row in fetch(url, select(tables.certificate).order_by(tables.certificate.c.id))]


@pytest.mark.parametrize("running", ["amqtt", "mosquitto"], indirect=True)
def test_every_certificate_arrives_whatever_is_killed_and_each_is_stored_once(running: Any, tmp_path: Path) -> None:
    folder = tmp_path / "device"
    made = [calibrate(folder / "calibration", steps=large())]
    made.append(calibrate(folder / "calibration", made[0], steps=FAILED, made_at=NOON - timedelta(days=9)))
    made.append(calibrate(folder / "calibration", made[1], steps=PASSED[:2]))
    for file in tmp_path.glob("mosquitto-*.conf"):
        limits = f"message_size_limit {SITE.message_size_limit_bytes}\nmax_packet_size {SITE.max_packet_bytes}\n"
        file.write_text(file.read_text(encoding="utf-8") + limits, encoding="utf-8")
    running.start_broker()
    running.ingester.start()
    ready(running)
    sender = publisher(folder, running.port)
    chance = random.Random(9)
    for turn in range(4):
        sender.start()
        time.sleep(chance.uniform(0.8, 2.0))
        sender.kill()
        if turn == 1:
            running.ingester.kill()
            running.ingester.start()
        made.append(calibrate(folder / "calibration", made[-1]))
    sender.start()
    receipts = Receipts(folder / "calibration")

    def all_receipted() -> bool:
        return all(receipts.of("demo", each.certificate_id) is not None for each in made)

    assert wait_for(all_receipted, 120), sender.text() + running.ingester.text()
    assert sender.terminate() == 0
    assert sorted(stored(running.url)) == sorted(str(each.certificate_id) for each in made)
    engine = open_database(running.url)
    with engine.connect() as connection:
        count = select(func.count()).select_from(tables.dead_letter)
        assert connection.execute(count).scalar_one() == 0
    engine.dispose()
