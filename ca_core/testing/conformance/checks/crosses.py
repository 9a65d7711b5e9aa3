"""What a cross-certificate must be: another authority's CA once more, under this one's key."""

from cryptography import x509

from ca_core.authority.documentrules import CsrFacts
from ca_core.contract import Capability, CrossSignRequest, RequestError
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.asking import AUTHORITY_LIFE, SIGNER_LIFE
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.mesh import Mesh
from ca_core.testing.conformance.oracle import hold
from ca_core.testing.conformance.scenes import Scene, scene
from ca_core.testing.conformance.verdict import refusal, require
from ca_core.testing.conformance.words import Level

CHECKS = Catalogue()

_SIGNS = (Capability.CROSS_SIGN,)
_PATH_LENGTHS = (None, 1)
_SAME = "Copy it from `request.certificate` (`contract.issue_cross_certificate` does)."


def _requests(arena: Arena, here: Scene) -> tuple[CrossSignRequest, ...]:
    """Return requests to cross-sign an honest authority, without and with a path length."""
    other = arena.other_side()
    csr = other.cross_csr() if Capability.CROSS_SIGN_NEEDS_CSR in arena.declared else None
    return tuple(
        here.mesh.ask.cross(other.provider.trust_chain().primary, csr=csr, path_length=length)
        for length in _PATH_LENGTHS
    )


def _every_one_holds(arena: Arena, *rules: str) -> None:
    here = scene(arena)
    for request in _requests(arena, here):
        hold(here.cross(request), *rules)


@CHECKS.check(
    "cross.signature",
    Level.L1,
    why="Peers that trust only the old root reach the new one by this signature.",
    sources=("S16", "Consul GH-8576", "RFC 5280 §6.1.3"),
    fix="Sign by the primary CA's key, under its subject, with a hash that fits *that* key.",
    capabilities=_SIGNS,
)
def cross_signature(arena: Arena) -> None:
    """A cross-certificate is issued by the primary CA: issuer name and signature."""
    _every_one_holds(arena, "cross.2")


@CHECKS.check(
    "cross.authority-key-id",
    Level.L1,
    why="A verifier that picks the issuer by key id finds the new root here instead of the old.",
    sources=("S10", "RFC 5280 §4.2.1.1"),
    fix="Copy this primary CA's subject key identifier, not the other CA's.",
    capabilities=_SIGNS,
)
def cross_authority_key_id(arena: Arena) -> None:
    """A cross-certificate's authority key identifier is the primary CA's subject key identifier."""
    _every_one_holds(arena, "cross.3")


@CHECKS.check(
    "cross.subject",
    Level.L1,
    why="Signers below the new CA name it as issuer, byte for byte.",
    sources=("RFC 5280 §6.1.3", "step-ca GH-1033"),
    fix=_SAME,
    capabilities=_SIGNS,
)
def cross_subject(arena: Arena) -> None:
    """A cross-certificate has the subject of the CA that was to be cross-signed."""
    _every_one_holds(arena, "cross.4")


@CHECKS.check(
    "cross.key",
    Level.L1,
    why="For another key it vouches for nobody.",
    sources=("RFC 5280 §6.1.3", "Vault GH-7709"),
    fix=_SAME,
    capabilities=_SIGNS,
)
def cross_key(arena: Arena) -> None:
    """A cross-certificate has the public key of that CA."""
    _every_one_holds(arena, "cross.5")


@CHECKS.check(
    "cross.key-id",
    Level.L1,
    why="Signers below the new CA carry its key identifier; one computed anew may differ.",
    sources=("S10", "RFC 5280 §4.2.1.2"),
    fix=_SAME,
    capabilities=_SIGNS,
)
def cross_key_id(arena: Arena) -> None:
    """A cross-certificate has the subject key identifier of that CA."""
    _every_one_holds(arena, "cross.6")


@CHECKS.check(
    "cross.names",
    Level.L1,
    why="Without the trust domain's URI strict verifiers refuse the way through it.",
    sources=("S19", "SPIFFE X509-SVID §3"),
    fix=_SAME,
    capabilities=_SIGNS,
)
def cross_names(arena: Arena) -> None:
    """A cross-certificate has the alternative names of that CA."""
    _every_one_holds(arena, "cross.7")


@CHECKS.check(
    "cross.ca",
    Level.L1,
    why="A cross-certificate that may not sign leads nowhere.",
    sources=("RFC 5280 §4.2.1.3", "RFC 5280 §4.2.1.9"),
    fix="Set critical BasicConstraints CA:TRUE and critical keyCertSign.",
    capabilities=_SIGNS,
)
def cross_ca(arena: Arena) -> None:
    """A cross-certificate has critical CA:TRUE and critical keyCertSign."""
    _every_one_holds(arena, "cross.8")


@CHECKS.check(
    "cross.path-length",
    Level.L1,
    why="More room than asked lets the new CA make CAs that nobody planned.",
    sources=("RFC 5280 §4.2.1.9",),
    fix="Set `request.path_length`, or less.",
    capabilities=_SIGNS,
)
def cross_path_length(arena: Arena) -> None:
    """A cross-certificate's path length is as asked or lower."""
    _every_one_holds(arena, "cross.9")


@CHECKS.check(
    "cross.life",
    Level.L1,
    why="Seven days for every cross-certificate were too few for leaves of 72 hours renewed late,"
    " and far too many after a compromise.",
    sources=("S16", "Consul GH-8576"),
    fix="End it at `request.not_after`.",
    capabilities=_SIGNS,
)
def cross_life(arena: Arena) -> None:
    """A cross-certificate ends when asked or earlier, and lives at least half of it."""
    here = scene(arena)
    for request in _requests(arena, here):
        facts = here.cross(request)
        hold(facts, "cross.10")
        left = facts.not_after - facts.now
        require(left > SIGNER_LIFE / 2, f"asked were {SIGNER_LIFE}, it lives {left}")


@CHECKS.check(
    "cross.within-authority",
    Level.L1,
    why="A way that ends before its last link says so breaks without a warning.",
    sources=("S31", "RFC 5280 §6.1.3"),
    fix="Clamp NotAfter to every certificate above.",
    capabilities=_SIGNS,
)
def cross_within_authority(arena: Arena) -> None:
    """A cross-certificate ends with the primary CA at the latest, whatever was asked."""
    here = scene(arena)
    asked = _requests(arena, here)[0]
    ttl = 2 * AUTHORITY_LIFE
    request = here.mesh.ask.cross(asked.certificate, csr=asked.csr, ttl=ttl)
    hold(here.cross(request), "cross.11")


@CHECKS.check(
    "cross.not-before",
    Level.L1,
    why="Rotation goes on as soon as it is there; what begins later fails the peers that need it.",
    sources=("Istio GH-32176", "RFC 5280 §4.1.2.5"),
    fix="Backdate NotBefore by a minute.",
    capabilities=_SIGNS,
)
def cross_not_before(arena: Arena) -> None:
    """A cross-certificate is valid from the moment it is given out."""
    _every_one_holds(arena, "cross.12")


@CHECKS.check(
    "cross.serial",
    Level.L1,
    why="A number that can be guessed or counted is given twice after a restore.",
    sources=("S22", "RFC 5280 §4.1.2.2"),
    fix="Draw at least 64 random bits, at most 20 octets, positive.",
    capabilities=_SIGNS,
)
def cross_serial(arena: Arena) -> None:
    """A cross-certificate's serial number can be a random one."""
    _every_one_holds(arena, "cross.13")


@CHECKS.check(
    "cross.new-serial",
    Level.L1,
    why="A copy with the old number cannot be revoked alone, and caches take one for the other.",
    sources=("S22", "RFC 5280 §4.1.2.2"),
    fix="Draw a new serial number; it is the one field that is not copied.",
    capabilities=_SIGNS,
)
def cross_new_serial(arena: Arena) -> None:
    """A cross-certificate has another serial number than the CA's own certificate."""
    _every_one_holds(arena, "cross.14")


@CHECKS.check(
    "cross.profile",
    Level.L1,
    why="A constraint or policy that the backend adds binds every leaf of the new authority.",
    sources=("RFC 5280 §4.2.1.10",),
    fix="Switch off what the backend adds.",
    capabilities=_SIGNS,
)
def cross_profile(arena: Arena) -> None:
    """A cross-certificate has no extension outside the profile."""
    _every_one_holds(arena, "cross.15")


@CHECKS.check(
    "cross.needs-csr",
    Level.L1,
    why="A backend that signs CSRs only failed deep inside when none was given.",
    sources=("S16", "ca_core.contract Provider.cross_sign"),
    fix="Raise RequestError when `request.csr` is None.",
    capabilities=(Capability.CROSS_SIGN, Capability.CROSS_SIGN_NEEDS_CSR),
)
def cross_needs_csr(arena: Arena) -> None:
    """A provider that needs a CSR to cross-sign refuses a request without one."""
    mesh = scene(arena).mesh
    certificate = arena.other_side().provider.trust_chain().primary
    with refusal(RequestError, of="cross_sign() without a CSR"):
        mesh.cross(certificate)


def _own_csr(here: Scene) -> x509.CertificateSigningRequest:
    return here.mesh.cross_csr()


@CHECKS.check(
    "cross.csr",
    Level.L1,
    why="The other authority signs what this CSR says; by another key or name it is for nobody.",
    sources=("S16", "RFC 2986 §3"),
    fix="Make it by the primary key (`contract.cross_sign_csr`).",
    capabilities=(Capability.CROSS_SIGN_CSR,),
)
def cross_csr(arena: Arena) -> None:
    """The CSR for being cross-signed is by the primary CA's key and under its subject."""
    here = scene(arena)
    csr = _own_csr(here)
    hold(CsrFacts(csr=csr, known=here.authority.primary), "csr.2", "csr.4")
    require(csr.subject == here.authority.primary.subject, "it has another subject")


@CHECKS.check(
    "cross.csr-changes-nothing",
    Level.L1,
    why="Asking for a CSR made a new key in one backend, and the CA that signed was another then.",
    sources=("S01", "ca_core.contract Provider.cross_sign_csr"),
    fix="Sign the CSR with the key there is; make none.",
    capabilities=(Capability.CROSS_SIGN_CSR,),
)
def cross_csr_changes_nothing(arena: Arena) -> None:
    """Asking for that CSR changes neither the authority nor its signer."""
    here = scene(arena)
    _own_csr(here)
    require(_stands(here.mesh, here), "the authority's chain or its signer changed")


def _stands(mesh: Mesh, here: Scene) -> bool:
    chain, signer = mesh.provider.trust_chain(), mesh.prepare(here.signer.id)
    return chain.primary == here.authority.primary and signer.certificate == here.signer.certificate
