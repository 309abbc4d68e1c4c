"""A site's own certificate authority: certificates for broker, devices and ingesters, and the list of revoked ones.

EC keys on P-256: OpenSSL below mosquitto and below Python take them in TLS 1.2 and 1.3. A certificate is for one side
only (extended key usage): the broker's opens no door as a client, and no device can pass itself off as the broker.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS: int = 3653
EARLY: timedelta = timedelta(days=1)
"""Certificates are valid from a day before: two clocks need not agree to the minute."""


class CertificateError(ValueError):
    """A certificate cannot be made as asked, or a stored one cannot be read. One sentence."""


@dataclass(frozen=True)
class Issued:
    """A key with its certificate, as they are written to files. Times are UTC."""

    certificate_pem: bytes
    key_pem: bytes = field(repr=False)
    serial: int
    sha256: str
    expires_at: datetime


class Authority:
    """Signs certificates and the list of revoked ones. Its key is what a site must keep to itself."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._certificate = certificate
        self._key = key

    @classmethod
    def made(cls, name: str, now: datetime) -> "Authority":
        """Return a new authority, valid for ten years; it may sign clients and brokers, and no further authority."""
        key = ec.generate_private_key(ec.SECP256R1())
        own = _common_name(name)
        expires_at = _whole_seconds(now + timedelta(days=AUTHORITY_DAYS))
        builder = (
            _started(own, own, key.public_key(), now, expires_at)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
        )
        return cls(builder.sign(key, hashes.SHA256()), key)

    @classmethod
    def read(cls, certificate_pem: bytes, key_pem: bytes) -> "Authority":
        """Return a stored authority; raises `CertificateError` where it cannot be read or the two do not fit."""
        certificate = read_certificate(certificate_pem)
        try:
            key = serialization.load_pem_private_key(key_pem, password=None)
        except (ValueError, TypeError) as error:
            raise CertificateError("the authority's key cannot be read") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise CertificateError("the authority's key is not the one of its certificate")
        return cls(certificate, key)

    @property
    def certificate_pem(self) -> bytes:
        """What everybody is given to know this authority by."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """Its secret."""
        return _key_pem(self._key)

    @property
    def expires_at(self) -> datetime:
        """When nothing that it signed is believed any more."""
        return self._certificate.not_valid_after_utc

    def client(self, name: str, now: datetime, valid_days: int) -> Issued:
        """Return a key and certificate with which a client is `name` at the broker."""
        return self._issued(name, now, valid_days, ExtendedKeyUsageOID.CLIENT_AUTH, ())

    def broker(self, hosts: Sequence[str], now: datetime, valid_days: int) -> Issued:
        """Return a key and certificate of a broker that is reached by any of `hosts`, names or addresses."""
        return self._issued("broker", now, valid_days, ExtendedKeyUsageOID.SERVER_AUTH, hosts)

    def revocations(self, revoked: Iterable[tuple[int, datetime]], number: int, now: datetime) -> bytes:
        """Return the list of revoked serial numbers, PEM; `number` grows with every list.

        It is good until the authority ends: past its term OpenSSL would take every certificate for a bad one, and a
        trial would stand still because nobody had revoked anything for a month.
        """
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(_whole_seconds(now - EARLY))
            .next_update(self.expires_at)
            .add_extension(x509.CRLNumber(number), critical=False)
            .add_extension(self._key_identifier(), critical=False)
        )
        for serial, at in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(_whole_seconds(at))
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _issued(
        self, name: str, now: datetime, valid_days: int, usage: x509.ObjectIdentifier, hosts: Sequence[str]
    ) -> Issued:
        expires_at = _whole_seconds(now + timedelta(days=valid_days))
        if expires_at > self.expires_at:
            raise CertificateError(
                f"{valid_days} days from now is after the end of the authority on {self.expires_at:%Y-%m-%d}"
            )
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _started(_common_name(name), self._certificate.subject, key.public_key(), now, expires_at)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
            .add_extension(self._key_identifier(), critical=False)
        )
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName([_host(h) for h in hosts]), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return Issued(
            certificate.public_bytes(serialization.Encoding.PEM),
            _key_pem(key),
            certificate.serial_number,
            certificate.fingerprint(hashes.SHA256()).hex(),
            certificate.not_valid_after_utc,
        )

    def _key_identifier(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())


def read_certificate(pem: bytes) -> x509.Certificate:
    """Return a stored certificate; raises `CertificateError`."""
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise CertificateError("the certificate cannot be read") from error


def revoked_serials(pem: bytes) -> set[int]:
    """Return the serial numbers on a list of revoked certificates; raises `CertificateError`."""
    try:
        return {entry.serial_number for entry in x509.load_pem_x509_crl(pem)}
    except ValueError as error:
        raise CertificateError("the list of revoked certificates cannot be read") from error


def _started(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, expires_at: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_whole_seconds(now - EARLY))
        .not_valid_after(expires_at)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _common_name(name: str) -> x509.Name:
    try:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    except ValueError as error:
        raise CertificateError("a certificate's name has 1 to 64 characters") from error


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def _whole_seconds(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
