"""An MQTT broker inside Python, for the demo and for quick tests: loopback only, nothing on disk, anyone may connect.

amqtt 0.12 speaks MQTT 3.1.1. It keeps sessions in memory and, for anonymous clients, queues nothing while they are
away; a message that it has delivered but that was not acknowledged is not sent again. Nothing is lost by that: a
device sends again whatever has no receipt. A real site runs mosquitto.
"""

import asyncio
import ipaddress
import logging
import signal
import socket
import time

from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig
from amqtt.errors import BrokerError


class DemoBrokerError(Exception):
    """The demo broker cannot start."""


def run_broker(host: str = "127.0.0.1", port: int = 1883) -> None:
    """Serve until SIGTERM or SIGINT; to be run in a process of its own, from its main thread.

    Raises `DemoBrokerError` where `host` is not a loopback address or the port is taken.
    """
    if not _is_loopback(host):
        raise DemoBrokerError(f"{host} is not a loopback address: the demo broker asks for no password")
    for name in ("amqtt", "transitions"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    asyncio.run(_serve(host, port))


def wait_until_listening(host: str, port: int, timeout_s: float = 10.0) -> bool:
    """Return True once something listens on the port, False after `timeout_s`."""
    until_s = time.monotonic() + timeout_s
    while time.monotonic() < until_s:
        try:
            with socket.create_connection((host, port), timeout=1.0):
                return True
        except OSError:
            time.sleep(0.05)
    return False


async def _serve(host: str, port: int) -> None:
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    config = BrokerConfig(
        listeners={"default": ListenerConfig(bind=bind)},
        plugins={"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    broker = Broker(config)
    try:
        await broker.start()
    except BrokerError as error:
        raise DemoBrokerError(f"the demo broker cannot listen on {host}:{port}: is the port taken?") from error
    await stop.wait()
    await broker.shutdown()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
