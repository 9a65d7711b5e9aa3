"""Hostile CSRs for providers with TEMPLATE: nothing foreign escapes, nothing of them is signed.

The core refuses such CSRs before a provider sees them; a provider must not depend on it.
"""

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448

from ca_core.contract import Capability, RequestError
from ca_core.identity.leafcsr import new_leaf_key
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.trying import Attempt, attempt
from ca_core.testing.conformance.verdict import require
from ca_core.testing.conformance.words import Level

CHECKS = Catalogue()

_TEMPLATE = (Capability.TEMPLATE,)
_ONLY_THE_KEY = "Read the CSR's public key, and nothing else of it."
_STRANGE = x509.ObjectIdentifier("1.3.6.1.4.1.55555.1.1")
_TWIN = x509.ObjectIdentifier("1.3.6.1.4.1.55555.1.2")
_SAN = x509.ObjectIdentifier("2.5.29.17")
_ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
"""AlgorithmIdentifier ecdsa-with-SHA256. Source: RFC 5758 §3.2."""

_HUGE = 256 * 1024
_LARGEST_LEAF = 16 * 1024


@CHECKS.check(
    "hostile.csr-extension",
    Level.L3,
    why="What a backend copies without knowing it, some verifier will understand.",
    sources=("OpenBao GHSA-g892", "RFC 5280 §4.2"),
    fix=_ONLY_THE_KEY,
    capabilities=_TEMPLATE,
)
def csr_extension(arena: Arena) -> None:
    """An extension of no known kind, asked for by a CSR, does not reach the leaf."""
    found = _signed(arena, _asking(x509.UnrecognizedExtension(_STRANGE, b"\x04\x02hi")))
    oids = [extension.oid for extension in found.answer.extensions] if found.answer else []
    require(_STRANGE not in oids, "the leaf has an extension that only its CSR asked for")


@CHECKS.check(
    "hostile.csr-unreadable",
    Level.L3,
    why="One malformed request, answered with a stack trace, is retried for ever.",
    sources=("RFC 5280 §4.2", "Certbot GH-9664"),
    fix=_ONLY_THE_KEY,
    capabilities=_TEMPLATE,
)
def csr_unreadable(arena: Arena) -> None:
    """A CSR whose extensions cannot be read is signed or refused, and nothing else is raised."""
    broken = _asking(x509.UnrecognizedExtension(_SAN, b"\x30\x03\x82\x05a"))
    for csr in (broken, _with_twins()):
        found = _signed(arena, csr)
        accepted = found.error is None or found.is_one_of(RequestError)
        require(accepted, f"a CSR with unreadable extensions came to {found}")


@CHECKS.check(
    "hostile.csr-huge",
    Level.L3,
    why="A leaf as large as its request is copied to every client of its service.",
    sources=("RFC 2986 §4", "CWE-770"),
    fix=_ONLY_THE_KEY,
    capabilities=_TEMPLATE,
)
def csr_huge(arena: Arena) -> None:
    """A CSR of many kilobytes is refused, or gets a leaf of the usual size."""
    found = _signed(arena, _asking(x509.UnrecognizedExtension(_STRANGE, bytes(_HUGE))))
    accepted = found.error is None or found.is_one_of(RequestError)
    require(accepted, f"a CSR of {_HUGE // 1024} KiB came to {found}")
    size = len(found.answer.tbs_certificate_bytes) if found.answer else 0
    require(size < _LARGEST_LEAF, f"its leaf has {size} bytes")


@CHECKS.check(
    "hostile.csr-key",
    Level.L3,
    why="A key of a kind that nobody thought of is a caller's mistake, not a fault of the server.",
    sources=("S21", "Consul GH-6638"),
    fix="Raise `RequestError` for keys that your backend does not take.",
    capabilities=_TEMPLATE,
)
def csr_key(arena: Arena) -> None:
    """A key of an unusual kind is signed or refused with RequestError."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    curve = builder.sign(ec.generate_private_key(ec.SECP256K1()), hashes.SHA256())
    edwards = builder.sign(ed448.Ed448PrivateKey.generate(), None)
    for csr in (curve, edwards):
        found = _signed(arena, csr)
        accepted = found.error is None or found.is_one_of(RequestError)
        require(accepted, f"a CSR with a key of an unusual kind came to {found}")


def _asking(extension: x509.UnrecognizedExtension) -> x509.CertificateSigningRequest:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    builder = builder.add_extension(extension, critical=True)
    return builder.sign(new_leaf_key(), hashes.SHA256())


def _with_twins() -> x509.CertificateSigningRequest:
    """Return a CSR that has one extension twice, which no library writes, rightly signed."""
    key, builder = new_leaf_key(), x509.CertificateSigningRequestBuilder()
    for oid in (_STRANGE, _TWIN):
        builder = builder.add_extension(
            x509.UnrecognizedExtension(oid, b"\x05\x00"), critical=False
        )
    honest = builder.subject_name(x509.Name([])).sign(key, hashes.SHA256())
    asked = honest.tbs_certrequest_bytes.replace(_der(_TWIN), _der(_STRANGE))
    signature = key.sign(asked, ec.ECDSA(hashes.SHA256()))
    signed = asked + _ECDSA_SHA256 + _tlv(0x03, b"\x00" + signature)
    return x509.load_der_x509_csr(_tlv(0x30, signed))


def _der(oid: x509.ObjectIdentifier) -> bytes:
    """Return how the last two arcs of our two OIDs, which end alike in length, are encoded."""
    return b"\x83\xb2\x03\x01" + bytes([int(oid.dotted_string.rpartition(".")[2])])


def _tlv(tag: int, content: bytes) -> bytes:
    """Return one DER value. Source: X.690 §8.1."""
    size = len(content)
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    is_short = size < 0x80  # noqa: PLR2004 - one byte says it all
    return bytes([tag]) + (b"" if is_short else bytes([0x80 | len(length)])) + length + content


def _signed(arena: Arena, csr: x509.CertificateSigningRequest) -> Attempt[x509.Certificate]:
    mesh = arena.mesh()
    request = mesh.ask.leaf(mesh.signer, csr=csr)
    return attempt(lambda: mesh.leaf(request), "sign_leaf() of a hostile CSR")
