"""The authority: what its certificates say, and what it refuses to sign. Who believes them is tried elsewhere."""

import ipaddress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from trial.certificates import (
    Authority,
    CertificateError,
    Issued,
    read_certificate,
    revoked_serials,
)

NOW = datetime(2026, 11, 26, 12, 0, 0, 123456, tzinfo=UTC)
AUTHORITY = Authority.made("Refill test", NOW)
DEVICE = AUTHORITY.client("bedside-1", NOW, 730)
BROKER = AUTHORITY.broker(["broker.example", "192.0.2.10", "2001:db8::1"], NOW, 730)


def of(issued: Issued) -> x509.Certificate:
    return read_certificate(issued.certificate_pem)


def usages(issued: Issued) -> list[x509.ObjectIdentifier]:
    return list(of(issued).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


def test_a_client_is_named_by_its_certificate_and_may_only_be_a_client() -> None:
    certificate = of(DEVICE)
    assert [each.value for each in certificate.subject] == ["bedside-1"]
    assert certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert usages(DEVICE) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert usages(BROKER) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_only_the_authority_may_sign() -> None:
    for issued in (DEVICE, BROKER):
        extensions = of(issued).extensions
        assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        assert not extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    own = read_certificate(AUTHORITY.certificate_pem).extensions
    constraints = own.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca, constraints.value.path_length) == (True, True, 0)
    assert own.get_extension_for_class(x509.KeyUsage).value.crl_sign


def test_the_broker_is_known_by_every_name_and_address() -> None:
    names = of(BROKER).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["broker.example"]
    addresses = [ipaddress.ip_address("192.0.2.10"), ipaddress.ip_address("2001:db8::1")]
    assert names.get_values_for_type(x509.IPAddress) == addresses


def test_each_has_its_own_key_and_serial_and_the_authoritys_signature() -> None:
    again = AUTHORITY.client("bedside-1", NOW, 730)
    assert (again.serial, again.sha256, again.key_pem) != (DEVICE.serial, DEVICE.sha256, DEVICE.key_pem)
    of(DEVICE).verify_directly_issued_by(read_certificate(AUTHORITY.certificate_pem))
    with pytest.raises((InvalidSignature, ValueError)):
        of(DEVICE).verify_directly_issued_by(read_certificate(Authority.made("Refill test", NOW).certificate_pem))
    key = serialization.load_pem_private_key(DEVICE.key_pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.public_key() == of(DEVICE).public_key()


def test_what_the_registry_is_told_is_what_stands_in_the_certificate() -> None:
    certificate = of(DEVICE)
    assert DEVICE.serial == certificate.serial_number
    assert DEVICE.expires_at == certificate.not_valid_after_utc == NOW.replace(microsecond=0) + timedelta(days=730)
    assert certificate.not_valid_before_utc < NOW - timedelta(hours=23)
    assert len(DEVICE.sha256) == 64


def test_nothing_outlives_the_authority() -> None:
    late = NOW + timedelta(days=3600)
    with pytest.raises(CertificateError, match="after the end of the authority on 2036-11-26"):
        AUTHORITY.client("bedside-1", late, 730)


def test_the_list_of_revoked_ones_is_signed_and_good_until_the_authority_ends() -> None:
    assert revoked_serials(AUTHORITY.revocations([], 1, NOW)) == set()
    pem = AUTHORITY.revocations([(DEVICE.serial, NOW), (7, NOW)], 2, NOW)
    assert revoked_serials(pem) == {DEVICE.serial, 7}
    found = x509.load_pem_x509_crl(pem)
    assert found.next_update_utc == AUTHORITY.expires_at
    assert found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 2
    key = read_certificate(AUTHORITY.certificate_pem).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert found.is_signature_valid(key)


def test_an_authority_is_read_again_and_signs_as_the_same() -> None:
    again = Authority.read(AUTHORITY.certificate_pem, AUTHORITY.key_pem)
    of(again.client("bedside-2", NOW, 1)).verify_directly_issued_by(read_certificate(AUTHORITY.certificate_pem))


@pytest.mark.parametrize(
    ("certificate", "key"),
    [
        (b"", AUTHORITY.key_pem),
        (b"nonsense", AUTHORITY.key_pem),
        (AUTHORITY.certificate_pem, b""),
        (AUTHORITY.certificate_pem, b"nonsense"),
        (AUTHORITY.certificate_pem, DEVICE.key_pem),
        (AUTHORITY.certificate_pem, AUTHORITY.certificate_pem),
    ],
)
def test_what_is_no_authority_is_said_in_one_line(certificate: bytes, key: bytes) -> None:
    with pytest.raises(CertificateError) as said:
        Authority.read(certificate, key)
    assert len(str(said.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["", "a" * 65])
def test_a_name_that_no_certificate_can_hold_is_refused(name: str) -> None:
    with pytest.raises(CertificateError, match="1 to 64 characters"):
        AUTHORITY.client(name, NOW, 1)


def test_a_key_is_in_no_repr() -> None:
    assert "PRIVATE" not in repr(DEVICE)
