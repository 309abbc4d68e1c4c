"""A hospital's own broker: devices speak to it, and it passes their messages on to the trial's, and receipts back.

For a network in which only one machine may speak to the outside. It keeps what it has while the way out is closed.
"""

from firmware_config.broker import Broker, Client, mosquitto_conf


def hospital_conf(local: Broker, trial: Broker, bridge: Client) -> str:
    """Return the mosquitto.conf of the hospital's broker `local`, bridged to the trial's broker as `bridge`.

    Raises `ValueError` where the client is no bridge.
    """
    if bridge.kind != "bridge":
        raise ValueError(f"{bridge.name} is enrolled as {bridge.kind}, not as bridge")
    return mosquitto_conf(local) + "\n".join(["", *_bridge(local, trial, bridge)]) + "\n"


def _bridge(local: Broker, trial: Broker, bridge: Client) -> list[str]:
    here = f"refill/v1/{bridge.study}/{bridge.site}/+"
    return [
        f"# --- The way out: site {bridge.site} of study {bridge.study}",
        f"connection {bridge.name}",
        f"address {_address(trial)}",
        f"remote_clientid {bridge.name}",
        "bridge_protocol_version mqttv311",
        "# The trial's broker knows it by its certificate, and lets it speak for the devices of this site only.",
        f"bridge_cafile {local.folder}/ca.crt",
        f"bridge_certfile {local.folder}/bridge.crt",
        f"bridge_keyfile {local.folder}/bridge.key",
        "bridge_tls_version tlsv1.2",
        "bridge_insecure false",
        "# Both sides keep what the other has not had yet.",
        "cleansession false",
        "local_cleansession false",
        "start_type automatic",
        "restart_timeout 2 30",
        "keepalive_interval 30",
        "try_private true",
        "# Its own state is no topic of the trial's broker, which would refuse such a last will.",
        "notifications false",
        "bridge_attempt_unsubscribe false",
        *(f"topic {here}/{kind} out 1" for kind in ("reading", "status", "calibration")),
        f"topic {here}/receipt in 1",
    ]


def _address(broker: Broker) -> str:
    host = broker.hosts[0]
    return f"[{host}]:{broker.port}" if ":" in host else f"{host}:{broker.port}"
