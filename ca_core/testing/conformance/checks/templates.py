"""Providers that take nothing but the key from a leaf's CSR: what it asks for has no effect."""

from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ca_core.contract import Capability
from ca_core.identity.csr import subject_alternative_name
from ca_core.identity.leafcsr import new_leaf_key
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.asking import web
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.oracle import hold
from ca_core.testing.conformance.scenes import scene
from ca_core.testing.conformance.words import Level

CHECKS = Catalogue()

_TEMPLATE = (Capability.TEMPLATE,)
_ONLY_THE_KEY = "Read the CSR's public key and nothing else, or do not declare TEMPLATE."
_NOBODY = x509.Name([])
_SOMEBODY = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "admin.example")])


def _asked(
    *extensions: x509.ExtensionType, subject: x509.Name = _NOBODY
) -> x509.CertificateSigningRequest:
    """Return a CSR that asks for more than the request grants."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(new_leaf_key(), hashes.SHA256())


def _ignored(arena: Arena, csr: x509.CertificateSigningRequest, rules: Iterable[str]) -> None:
    here = scene(arena)
    hold(here.leaf(here.mesh.ask.leaf(here.signer.id, csr=csr)), *rules)


@CHECKS.check(
    "template.names",
    Level.L1,
    why="A backend applied its rules to the names in the request and copied those in the CSR.",
    sources=("OpenBao GHSA-g892", "SPIFFE X509-SVID §2"),
    fix=_ONLY_THE_KEY,
    capabilities=_TEMPLATE,
)
def template_names(arena: Arena) -> None:
    """Names that only the CSR asks for do not reach the leaf."""
    names = subject_alternative_name(web("admin"), ("admin.example",))
    _ignored(arena, _asked(names), ("leaf.5", "leaf.6"))


@CHECKS.check(
    "template.ca",
    Level.L1,
    why="Whoever may ask for a leaf would become a certificate authority.",
    sources=("RFC 5280 §4.2.1.9", "SPIFFE X509-SVID §4.1"),
    fix=_ONLY_THE_KEY,
    capabilities=_TEMPLATE,
)
def template_ca(arena: Arena) -> None:
    """A CSR that asks for CA:TRUE gets a leaf."""
    _ignored(arena, _asked(x509.BasicConstraints(ca=True, path_length=None)), ("leaf.10",))


@CHECKS.check(
    "template.subject",
    Level.L1,
    why="Verifiers that still read common names would believe the caller's word.",
    sources=("Vault GH-3830", "SPIFFE X509-SVID §2"),
    fix=_ONLY_THE_KEY,
    capabilities=_TEMPLATE,
)
def template_subject(arena: Arena) -> None:
    """A CSR's common name does not reach the leaf."""
    _ignored(arena, _asked(subject=_SOMEBODY), ("leaf.8",))


@CHECKS.check(
    "template.purpose",
    Level.L1,
    why="A leaf for signing code or time stamps is worth something outside the mesh.",
    sources=("RFC 5280 §4.2.1.12", "SPIFFE X509-SVID §4.4"),
    fix=_ONLY_THE_KEY,
    capabilities=_TEMPLATE,
)
def template_purpose(arena: Arena) -> None:
    """A purpose that the CSR asks for does not reach the leaf."""
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
    _ignored(arena, _asked(usage), ("leaf.14",))
