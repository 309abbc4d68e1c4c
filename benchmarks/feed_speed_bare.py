"""The peer of `benchmarks.feed_speed`: a bare loop of paho and psycopg that puts the same rows into the same tables.

It parses the JSON and believes it: no check of topic, contract, hash or canonical form, no look for repeats, no dead
letter, no receipt sent. Like the ingester it takes a batch by size and time, commits it, and acknowledges then.
"""

import argparse
import json
import queue
import socket
import sys
from datetime import UTC, datetime
from typing import Any

import psycopg
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from trial.feed import SESSION_EXPIRY_S, WINDOW
from trial.ingest import COMPANY_S

_RESULT = (
    "status, reason, crt_s, crt_low_s, crt_high_s, crt_exceeds_s, t50_s, crt_90_10_s, crt_100_10_s, tau_s, delay_s, "
    "overshoot"
)
_READING = (
    "reading_id, study, site, inclusion, event, device, device_seq, sha256, previous_sha256, body, body_site, side, "
    "operator, simulated, calibration_id, protocol_name, protocol_version, protocol_sha256, software_version, "
    f"algorithm_version, configuration_sha256, {_RESULT}, crt_spread, measured_at, clock_synchronised, boot_id, "
    "boottime_ns, sent_at, received_at"
)
_PRESS = (
    f"reading_id, position, number, {_RESULT}, target_kpa, mean_hold_kpa, hold_s, release_s, time_zero_from, "
    "blanch_step, baseline, frames, frames_dropped, trace_sha256"
)
_RECEIPT = "study, site, device, reading_id, device_seq, sha256, outcome, reason, received_at, issued_at"
_RECORD = "reading_id, study, site, device, device_seq, kind, sha256, previous_sha256, received_at"


def _insert(table: str, columns: str) -> str:
    return f"INSERT INTO {table} ({columns}) VALUES ({', '.join(['%s'] * (columns.count(',') + 1))})"  # noqa: S608 - constants above


INSERTS = (
    *(_insert("record", _RECORD), _insert("reading", _READING)),
    *(_insert("press", _PRESS), _insert("receipt", _RECEIPT)),
)
Rows = tuple[list[Any], list[Any], list[Any], list[Any]]
Waiting = tuple[int, bytes, datetime]
"""A message's id with the broker, what it says, and when it came."""


def rows_of(batch: list[Waiting]) -> Rows:
    """Return the rows of a batch for the four tables."""
    records, readings, presses, receipts = [], [], [], []
    now = datetime.now(UTC)
    for _, payload, at in batch:
        outer = json.loads(payload)
        body = outer["body"]
        r = json.loads(body)
        device, subject, protocol, measured = r["device"], r["subject"], r["protocol"], r["measured"]
        name, site, seq, sha256 = device["name"], subject["site"], r["device_seq"], outer["sha256"]
        sealed = ("refill", sha256, outer["previous_sha256"], at)
        records.append((r["reading_id"], r["study"], site, name, seq, *sealed))
        readings.append(
            (
                *(r["reading_id"], r["study"], site, subject["inclusion"], r.get("event"), name, seq, sha256),
                *(outer["previous_sha256"], body, r["body_site"], r.get("side"), r.get("operator"), r["simulated"]),
                *(r.get("calibration_id"), protocol["name"], protocol["version"], protocol["sha256"]),
                *(device["software_version"], device["algorithm_version"], device["configuration_sha256"]),
                *_result(r["result"]),
                *(r.get("crt_spread"), measured["at"], measured["clock_synchronised"], measured["boot_id"]),
                *(measured["boottime_ns"], outer["sent_at"], at),
            )
        )
        presses += [
            (
                *(r["reading_id"], position, p["number"], *_result(p["result"]), p["target_kpa"]),
                *(p.get("mean_hold_kpa"), p.get("hold_s"), p.get("release_s"), p.get("time_zero_from")),
                *(p.get("blanch_step"), p.get("baseline"), p["frames"], p["frames_dropped"], p.get("trace_sha256")),
            )
            for position, p in enumerate(r["presses"], start=1)
        ]
        receipts.append((r["study"], site, name, r["reading_id"], seq, sha256, "stored", None, at, now))
    return records, readings, presses, receipts


def _result(result: dict[str, Any]) -> tuple[Any, ...]:
    get = result.get
    low_s, high_s = get("crt_ci95_s") or (None, None)
    return (
        *(result["status"], get("reason"), get("crt_s"), low_s, high_s, get("crt_exceeds_s"), get("t50_s")),
        *(get("crt_90_10_s"), get("crt_100_10_s"), get("tau_s"), get("delay_s"), get("overshoot")),
    )


def take(waiting: "queue.Queue[Waiting]", limit: int) -> list[Waiting]:
    """Return the next batch, by the ingester's rule."""
    batch = [waiting.get()]
    while len(batch) < limit:
        try:
            batch.append(waiting.get(timeout=COMPANY_S))
        except queue.Empty:
            break
    return batch


def _send_at_once(_client: Client, _userdata: Any, link: Any) -> None:
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _say_connected(*_: Any) -> None:
    sys.stdout.write("connected to the broker\n")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> int:
    """Run until killed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.feed_speed_bare", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--client-id", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--batch", type=int, required=True)
    asked = parser.parse_args(arguments)
    waiting: queue.Queue[Waiting] = queue.Queue()
    client = Client(CallbackAPIVersion.VERSION2, asked.client_id, protocol=MQTTv5, manual_ack=True)
    client.on_socket_open = _send_at_once
    client.on_message = lambda _c, _u, m: waiting.put((m.mid, bytes(m.payload), datetime.now(UTC)))
    client.on_connect = lambda c, *_: c.subscribe(asked.topic, 1)
    client.on_subscribe = _say_connected
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho has no types here
    properties.SessionExpiryInterval, properties.ReceiveMaximum = SESSION_EXPIRY_S, WINDOW
    client.connect("127.0.0.1", asked.port, clean_start=False, properties=properties)
    client.loop_start()
    with psycopg.connect(asked.database) as connection, connection.cursor() as cursor:
        while True:
            batch = take(waiting, asked.batch)
            for insert, rows in zip(INSERTS, rows_of(batch), strict=True):
                cursor.executemany(insert, rows)
            connection.commit()
            for mid, _, _ in batch:
                client.ack(mid, 1)


if __name__ == "__main__":
    sys.exit(main())
