"""What is wrong with the way to the broker: from an error or a reason code to a row of `device.health_table`."""

import errno
import re
import socket
import ssl

CERTIFICATE_ROWS: dict[int, str] = {
    9: "broker_certificate_early",
    10: "broker_certificate_expired",
    62: "broker_certificate_name",
    64: "broker_certificate_name",
}
"""By OpenSSL's reason for not trusting the broker's certificate (x509_vfy.h); any other: an unknown authority."""
ALERT_ROWS: tuple[tuple[str, str], ...] = (
    ("ALERT_CERTIFICATE_EXPIRED", "broker_own_expired"),
    ("ALERT_CERTIFICATE", "broker_own_refused"),
    ("ALERT_BAD_CERTIFICATE", "broker_own_refused"),
    ("ALERT_UNSUPPORTED_CERTIFICATE", "broker_own_refused"),
    ("ALERT_UNKNOWN_CA", "broker_own_refused"),
    ("ALERT_ACCESS_DENIED", "broker_own_refused"),
    ("ALERT_DECRYPT_ERROR", "broker_own_refused"),
    ("ALERT_HANDSHAKE_FAILURE", "broker_own_refused"),
    ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "broker_own_refused"),
)
"""What the broker says of ours, by the alert of TLS (RFC 8446, 6.2) in OpenSSL's words; the first that fits."""
CONNECT_ROWS: dict[int, str] = {
    0x84: "broker_version",
    0x85: "broker_denies",
    0x86: "broker_denies",
    0x87: "broker_denies",
    0x8A: "broker_denies",
    0x8E: "broker_twin",
    0x88: "broker_full",
    0x89: "broker_full",
    0x97: "broker_full",
    0x9F: "broker_full",
}
"""By the reason of CONNACK or DISCONNECT (MQTT 5, 2.4; paho puts 3.1.1's five into the same numbers)."""
ROAD_ROWS: dict[int, str] = {
    0x10: "feed_nobody",
    0x80: "feed_topic_refused",
    0x83: "feed_topic_refused",
    0x87: "feed_topic_refused",
    0x90: "feed_topic_refused",
    0x97: "feed_full",
}
"""By the reason of a PUBACK: what is wrong with where the record goes. Any other failure is the record's own."""
TLS_WORDS = re.compile(r"\[SSL: (\w+)\]")


class BrokerError(Exception):
    """The connection to the broker cannot be made, or is lost; the text is one sentence, `row` is the table's."""

    def __init__(self, sentence: str, row: str = "broker_lost") -> None:
        super().__init__(sentence)
        self.row = row


def row_of(error: BaseException | str) -> str:
    """Return the row for what kept the connection from being made, or ended it; a text is paho's log of that."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return CERTIFICATE_ROWS.get(error.verify_code, "broker_certificate_unknown")
    if isinstance(error, ssl.SSLEOFError):
        return "broker_shuts"
    if isinstance(error, ssl.SSLError | str):
        words = TLS_WORDS.search(str(error))
        return _alert(words[1]) if words else "broker_lost"
    if isinstance(error, socket.gaierror | UnicodeError):
        return "broker_name"
    if isinstance(error, ConnectionRefusedError):
        return "broker_nothing"
    if isinstance(error, TimeoutError):
        return "broker_silent"
    if isinstance(error, ConnectionError):
        return "broker_shuts"
    if isinstance(error, OSError) and error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN):
        return "broker_away"
    return "broker_lost"


def _alert(words: str) -> str:
    return next((row for part, row in ALERT_ROWS if part in words), "broker_tls")


def plain(error: object) -> str:
    """Return what is wrong in one line, without the place in the library's source and without a full stop."""
    return " ".join(str(error).split("(_ssl.c")[0].split()).rstrip(".") or type(error).__name__
