"""What a client of the broker is handed: its key and certificate, the authority's, and the lines for its own file."""

import json
from pathlib import Path
from typing import Literal

from firmware_config.broker import Broker
from trial.certificates import Issued
from trial.site_files import OPEN, SECRET
from trial.site_registry import Entry

CREDENTIAL: str = "refill-mqtt-key"
KeyFrom = Literal["credential", "file"]
"""How the client gets its key: handed over by systemd, which may read a file of root's, or from the file itself."""

Files = dict[str, tuple[bytes, int]]


def client_files(
    entry: Entry, issued: Issued, authority_pem: bytes, broker: Broker, installed: Path, key_from: KeyFrom
) -> Files:
    """Return the files of a device's or an ingester's bundle; on its machine they lie in the folder `installed`."""
    connection = _connection(broker, installed, key_from)
    files: Files = {
        "ca.crt": (authority_pem, OPEN),
        "client.crt": (issued.certificate_pem, OPEN),
        "client.key": (issued.key_pem, SECRET),
    }
    if entry.kind == "device":
        text = f"# For device.toml of {entry.name}.\nname = {_toml(entry.name)}\nsite = {_toml(entry.site or '')}\n"
        text += f"\n[mqtt]\nstudy = {_toml(entry.study or '')}\n" + connection.format(section="mqtt")
        files["device-mqtt.toml"] = (text.encode(), OPEN)
    else:
        text = (
            f"# For trial.toml of {entry.name}.\nstudy = {_toml(entry.study or '')}\nclient_id = {_toml(entry.name)}\n"
        )
        text += f"group = {_toml(entry.group or '')} # a secret: who knows it could take readings out of the feed\n"
        text += "\n[broker]\n" + connection.format(section="broker")
        files["trial-broker.toml"] = (text.encode(), SECRET)
    if key_from == "credential":
        files["credential.conf"] = (_CREDENTIAL_CONF.format(key=installed / "client.key").encode(), OPEN)
    return files


def _connection(broker: Broker, installed: Path, key_from: KeyFrom) -> str:
    key = f"key_credential = {_toml(CREDENTIAL)}"
    if key_from == "file":
        key = f"key_file = {_toml(str(installed / 'client.key'))}"
    lines = [
        f"host = {_toml(broker.hosts[0])}",
        f"port = {broker.port}",
        'version = "5" # it tells why a message is refused',
        "",
        "[{section}.tls]",
        f"ca_file = {_toml(str(installed / 'ca.crt'))}",
        f"certificate_file = {_toml(str(installed / 'client.crt'))}",
        key,
    ]
    return "\n".join(lines) + "\n"


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


_CREDENTIAL_CONF = f"""\
# A drop-in of the unit that speaks to the broker: systemd reads the key as root and hands it over.
[Service]
LoadCredential={CREDENTIAL}:{{key}}
"""
