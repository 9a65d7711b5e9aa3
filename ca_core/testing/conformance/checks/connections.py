"""Leaves in use: every kind of key on both sides of the signature, and a TLS handshake."""

import ssl
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from ca_core.authority.leafrules import LeafFacts
from ca_core.contract import (
    AgentId,
    Error,
    KeySpec,
    KeyType,
    PrivateKey,
    SpiffeId,
    fingerprint,
    generate_key,
    signature_hash,
)
from ca_core.identity.csr import subject_alternative_name
from ca_core.identity.leafcsr import new_leaf_key
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.asking import web
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.handshaking import End, shake_hands
from ca_core.testing.conformance.oracle import hold
from ca_core.testing.conformance.scenes import Scene, scene
from ca_core.testing.conformance.verdict import Violation, require
from ca_core.testing.conformance.words import Level
from ca_core.testing.lending import TRUST_DOMAIN

CHECKS = Catalogue()

_LEAF_KEYS = (
    KeySpec(KeyType.EC, 384),
    KeySpec(KeyType.EC, 521),
    KeySpec(KeyType.RSA, 2048),
    KeySpec(KeyType.ED25519),
)
"""Kinds of leaf keys beside the usual P-256."""

_NODE = AgentId(trust_domain=TRUST_DOMAIN, datacenter="dc1", node="node-1")


@cache
def _leaf_key(spec: KeySpec) -> PrivateKey:
    """Return a leaf's key, one per kind: making an RSA key takes longer than everything else."""
    return generate_key(spec)


def _csr(key: PrivateKey) -> x509.CertificateSigningRequest:
    names = subject_alternative_name(web())
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.add_extension(names, critical=True).sign(key, signature_hash(key))


def _leaf_of(here: Scene, spec: KeySpec) -> LeafFacts:
    """Return the leaf of a CSR by such a key; a refusal names the key."""
    request = here.mesh.ask.leaf(here.signer.id, csr=_csr(_leaf_key(spec)))
    try:
        return here.leaf(request)
    except Error as error:
        kind = type(error).__name__
        raise Violation(f"a CSR by an {spec} key raised {kind}: {error}") from error


@CHECKS.check(
    "leaf.csr-keys",
    Level.L1,
    why="Programs bring keys of their own; a backend's role may allow one kind only, which shows"
    " with the first program that has another.",
    sources=("S21", "Consul GH-6638"),
    fix="Allow any key in the backend's role; the core has refused the weak ones.",
)
def leaf_csr_keys(arena: Arena) -> None:
    """CSRs with EC P-384 and P-521, RSA and Ed25519 keys are signed as they are."""
    here = scene(arena)
    for spec in _LEAF_KEYS:
        hold(_leaf_of(here, spec), "leaf.4")


@CHECKS.check(
    "leaf.key-pairs",
    Level.L1,
    why="Consul chose the signature by the leaf's key instead of the CA's: an RSA CA could not sign"
    " EC leaves.",
    sources=("S21", "Consul GH-6638"),
    fix="Choose hash and algorithm by the signing key alone (`contract.signature_hash`).",
)
def leaf_key_pairs(arena: Arena) -> None:
    """A CA with any of the keys it can have signs leaves with any key."""
    for key in arena.keys:
        here = scene(arena, key=key)
        for spec in _LEAF_KEYS:
            hold(_leaf_of(here, spec), "leaf.2")


@CHECKS.check(
    "leaf.handshake",
    Level.L1,
    why="Certificates that every reader of fields calls good were refused by OpenSSL in the first"
    " connection.",
    sources=("S10", "S19", "RFC 5280 §4.2.1.1", "RFC 8446 §4.4.2"),
    fix="Run `openssl verify -x509_strict -partial_chain` on the chain; it names the fault.",
)
def leaf_handshake(arena: Arena) -> None:
    """An agent and a service shake hands over TLS 1.3, trusting the primary CA, of every key."""
    for key in arena.keys:
        here = scene(arena, key=key)
        client, server = _end(here, _NODE), _end(here, web())
        try:
            seen = shake_hands(client, server, here.authority.primary)
        except ssl.SSLError as error:
            raise Violation(f"with a CA key {key}, OpenSSL says: {error}") from error
        shown = (fingerprint(server.chain[0]), fingerprint(client.chain[0]))
        require(tuple(map(fingerprint, seen)) == shown, "another leaf came through")


def _end(here: Scene, identity: SpiffeId) -> End:
    key: ec.EllipticCurvePrivateKey = new_leaf_key()
    leaf = here.mesh.leaf(here.mesh.ask.leaf(here.signer.id, identity=identity, key=key))
    between = [link for link in here.signer.chain if link != here.authority.primary]
    above = here.authority.certificates[1:]
    return End((leaf, *(link for link in between if link not in above)), key)
