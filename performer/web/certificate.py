"""A certificate that the machine signs itself, so that a phone on the LAN can speak https.

No authority stands behind it: the browser warns once, and the performer accepts it. It is kept in
the user's folder, so that the warning does not come back with every run, and made anew when it has
run out or the machine has got another address.
"""

import datetime
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from performer import whole_files
from performer.web.address import machine_addresses, machine_names

_VALID = datetime.timedelta(days=397)  # Apple's systems refuse more than 398
_RENEWED_BEFORE = datetime.timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Where the certificate and its key are, as PEM."""

    certificate: Path
    key: Path


def own_certificate(folder: Path | None = None) -> Certificate:
    """The machine's certificate, from ``folder`` (default: the user's), or a new one."""
    folder = folder or Path(platformdirs.user_data_dir("performer", appauthor=False))
    folder.mkdir(parents=True, exist_ok=True)
    found = Certificate(folder / "page-certificate.pem", folder / "page-key.pem")
    names = [*machine_names(), "localhost"]
    addresses = machine_addresses()
    if not _serves(found, names, addresses):
        _make(found, names, addresses)
    return found


def _serves(found: Certificate, names: list[str], addresses: list[str]) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(found.certificate.read_bytes())
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(found.certificate, found.key)
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    now = datetime.datetime.now(datetime.UTC)
    lasts = certificate.not_valid_after_utc - now > _RENEWED_BEFORE
    known = {str(name.value) for name in extension.value}
    return lasts and known >= {*names, *addresses}


def _make(found: Certificate, names: list[str], addresses: list[str]) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    certificate = _builder(key, names, addresses).sign(key, hashes.SHA256())
    whole_files.replace(found.key, secret, secret=True)
    whole_files.replace(found.certificate, certificate.public_bytes(pem))


def _builder(
    key: ec.EllipticCurvePrivateKey, names: list[str], addresses: list[str]
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Performer")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))  # a phone's clock may lag
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName(_alternatives(names, addresses)), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
    )


def _alternatives(names: list[str], addresses: list[str]) -> list[x509.GeneralName]:
    by_name = [x509.DNSName(name) for name in dict.fromkeys(names)]
    return [*by_name, *(x509.IPAddress(ipaddress.ip_address(one)) for one in addresses)]
