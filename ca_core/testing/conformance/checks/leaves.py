"""What a leaf must be: exactly what was asked, for as long as was asked, and nothing more."""

from datetime import timedelta

from cryptography import x509

from ca_core.authority.rules import read_extensions
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.oracle import hold
from ca_core.testing.conformance.scenes import scene
from ca_core.testing.conformance.verdict import require
from ca_core.testing.conformance.words import Level

CHECKS = Catalogue()

_BY_TEMPLATE = "Write the profile yourself (`contract.issue_leaf` does) or set it in the backend."
_LIVES = (timedelta(hours=1), timedelta(hours=36), timedelta(hours=72))
_SHORT_LIVES = (timedelta(seconds=60), timedelta(minutes=5))
_ONE_KEY = 16


def _every_leaf_holds(arena: Arena, *rules: str) -> None:
    """Sign a leaf without names and one with some of each; hold both against ``rules``."""
    for facts in scene(arena).leaves():
        hold(facts, *rules)


@CHECKS.check(
    "leaf.type",
    Level.L1,
    why="PEM text at this place was split, joined and trimmed in five ways by five readers; an"
    " object cannot lose its last newline.",
    sources=("Consul GH-11449", "cert-manager GH-7037"),
    fix="Return what `x509.load_pem_x509_certificate` gives, with extensions that it can read.",
)
def leaf_type(arena: Arena) -> None:
    """A leaf is an `x509.Certificate` whose extensions can be read."""
    answer: object = scene(arena).mesh.leaf()
    require(
        isinstance(answer, x509.Certificate),
        f"sign_leaf() returned a {type(answer).__name__}, not an x509.Certificate",
    )
    if isinstance(answer, x509.Certificate):
        require(not isinstance(read_extensions(answer), str), "its extensions cannot be read")


@CHECKS.check(
    "leaf.key",
    Level.L1,
    why="A leaf for another key than the caller's is useless at best, an impersonation at worst.",
    sources=("RFC 2986 §3", "S21"),
    fix="Take the public key from `request.csr` and make none yourself.",
)
def leaf_key(arena: Arena) -> None:
    """A leaf carries the public key of the CSR."""
    _every_leaf_holds(arena, "leaf.4")


@CHECKS.check(
    "leaf.signature",
    Level.L1,
    why="Every peer walks from the leaf to the anchor; one wrong signature on that way and no"
    " connection opens.",
    sources=("RFC 5280 §6.1.3", "S10"),
    fix="Sign with the key of the signer named in `request.signer`, under that signer's subject.",
)
def leaf_signature(arena: Arena) -> None:
    """A leaf names its signer as issuer and verifies under the signer's key."""
    _every_leaf_holds(arena, "leaf.2")


@CHECKS.check(
    "leaf.authority-key-id",
    Level.L1,
    why="Consul showed signing key ids that no leaf carried; whoever picks a chain by key id found"
    " none.",
    sources=("S10", "Consul GH-11672", "RFC 5280 §4.2.1.1"),
    fix="Copy the signer's subject key identifier; do not compute it anew.",
)
def leaf_authority_key_id(arena: Arena) -> None:
    """A leaf's authority key identifier is its signer's subject key identifier."""
    _every_leaf_holds(arena, "leaf.3")


@CHECKS.check(
    "leaf.subject",
    Level.L1,
    why="A common name is a second, unchecked name that some verifiers still read.",
    sources=("SPIFFE X509-SVID §2", "Vault GH-3830"),
    fix="Leave the subject empty; the identity is the URI.",
)
def leaf_subject(arena: Arena) -> None:
    """A leaf's subject is empty."""
    _every_leaf_holds(arena, "leaf.8")


@CHECKS.check(
    "leaf.san-critical",
    Level.L1,
    why="With an empty subject the names stand only here, and strict verifiers refuse a leaf whose"
    " only names may be ignored.",
    sources=("RFC 5280 §4.2.1.6",),
    fix="Mark the subject alternative name critical.",
)
def leaf_san_critical(arena: Arena) -> None:
    """A leaf's subject alternative name is critical."""
    _every_leaf_holds(arena, "leaf.9")


@CHECKS.check(
    "leaf.not-a-ca",
    Level.L1,
    why="A leaf that may sign makes every service a certificate authority.",
    sources=("SPIFFE X509-SVID §4.1", "RFC 5280 §4.2.1.9"),
    fix="Add BasicConstraints with CA:FALSE and no path length.",
)
def leaf_not_a_ca(arena: Arena) -> None:
    """A leaf says BasicConstraints CA:FALSE."""
    _every_leaf_holds(arena, "leaf.10")


@CHECKS.check(
    "leaf.digital-signature",
    Level.L1,
    why="TLS 1.3 authenticates by signature alone; without this bit strict peers close.",
    sources=("SPIFFE X509-SVID §4.3", "RFC 8446 §4.4.2.2"),
    fix="Add a critical key usage with digitalSignature.",
)
def leaf_digital_signature(arena: Arena) -> None:
    """A leaf has a critical key usage with digitalSignature."""
    _every_leaf_holds(arena, "leaf.11")


@CHECKS.check(
    "leaf.key-usage",
    Level.L1,
    why="Consul's leaves carried dataEncipherment, and SPIRE's library refused them as SVIDs.",
    sources=("SPIFFE X509-SVID §4.3",),
    fix=_BY_TEMPLATE,
)
def leaf_key_usage(arena: Arena) -> None:
    """A leaf's key may do nothing but sign handshakes and, at most, encipher keys."""
    _every_leaf_holds(arena, "leaf.12")


@CHECKS.check(
    "leaf.purpose",
    Level.L1,
    why="Every service is server and client; a leaf for one end fails at the other end only, and"
    " so is found late.",
    sources=("SPIFFE X509-SVID §4.4", "RFC 5280 §4.2.1.12"),
    fix="Set extended key usage to serverAuth and clientAuth.",
)
def leaf_purpose(arena: Arena) -> None:
    """A leaf serves for exactly server and client authentication."""
    _every_leaf_holds(arena, "leaf.14")


@CHECKS.check(
    "leaf.profile",
    Level.L1,
    why="Whatever else stands in a leaf was decided by nobody: an address to phone, a policy, a"
    " constraint that one verifier knows and the next does not.",
    sources=("SPIFFE X509-SVID §4", "RFC 5280 §4.2"),
    fix="Switch off what the backend adds: authority information access, CRL points, policies.",
)
def leaf_profile(arena: Arena) -> None:
    """A leaf has no extension outside the profile."""
    _every_leaf_holds(arena, "leaf.19")


@CHECKS.check(
    "leaf.not-before",
    Level.L1,
    why="A leaf that begins in the future is refused by every peer until then; clocks of a fleet"
    " differ anyhow.",
    sources=("Istio GH-32176", "RFC 5280 §4.1.2.5"),
    fix="Use `request.not_before`, which is backdated already.",
)
def leaf_not_before(arena: Arena) -> None:
    """A leaf is valid from the moment it is given out."""
    _every_leaf_holds(arena, "leaf.18")


@CHECKS.check(
    "leaf.at-most",
    Level.L1,
    why="Backends that count whole days or have a default of their own give out leaves that"
    " outlive the operator's rule.",
    sources=("S33", "step-ca GH-1376"),
    fix="Pass `request.not_after` on as a moment, not as a rounded number of days.",
)
def leaf_at_most(arena: Arena) -> None:
    """A leaf ends at `not_after` or earlier, never later."""
    here = scene(arena)
    for ttl in _LIVES:
        hold(here.leaf(here.mesh.ask.leaf(here.signer.id, ttl=ttl)), "leaf.15")


@CHECKS.check(
    "leaf.life",
    Level.L1,
    why="One backend ignored the life asked for and gave its own; agents then renewed without end.",
    sources=("S33", "S32", "step-ca GH-1376", "cert-manager GH-3152"),
    fix="Honour the life asked for; raise the backend's maximum or its role's default.",
)
def leaf_life(arena: Arena) -> None:
    """A leaf lives at least half as long as was asked."""
    here = scene(arena)
    for ttl in _LIVES:
        hold(here.leaf(here.mesh.ask.leaf(here.signer.id, ttl=ttl)), "leaf.17")


@CHECKS.check(
    "leaf.short-life",
    Level.L1,
    why="A life under an hour was cut to zero hours; a rotation is rehearsed with a leaf of five"
    " minutes.",
    sources=("Consul GH-6325", "Consul GH-4400"),
    fix="Give spans to the backend in seconds.",
)
def leaf_short_life(arena: Arena) -> None:
    """A leaf of one minute lives for that minute."""
    here = scene(arena)
    for ttl in _SHORT_LIVES:
        hold(here.leaf(here.mesh.ask.leaf(here.signer.id, ttl=ttl)), "leaf.17")


@CHECKS.check(
    "leaf.within-signer",
    Level.L1,
    why="A leaf that outlives its signer fails before its own end, and renewing it gives the same"
    " again: an endless loop.",
    sources=("S31", "cert-manager GH-7741"),
    fix="End the leaf with its signer at the latest, and every certificate above.",
)
def leaf_within_signer(arena: Arena) -> None:
    """A leaf never outlives its signer, whatever was asked."""
    here = scene(arena, signer_ttl=timedelta(hours=2))
    for facts in here.leaves():
        hold(facts, "leaf.16")


@CHECKS.check(
    "leaf.serial-random",
    Level.L1,
    why="Counters and times repeat after a restore or on a second server, and can be guessed.",
    sources=("S22", "Consul GH-7011", "RFC 5280 §4.1.2.2"),
    fix="Draw at least 64 random bits, at most 20 octets, positive (`contract.new_serial`).",
)
def leaf_serial_random(arena: Arena) -> None:
    """A leaf's serial number can be a random one."""
    _every_leaf_holds(arena, "leaf.21")


@CHECKS.check(
    "leaf.serial-unique",
    Level.L1,
    why="Two leaves with one serial number cannot be told apart by a revocation list.",
    sources=("S22", "Consul GH-4463", "RFC 5280 §4.1.2.2"),
    fix="Draw a new serial number for each signature, never from the key or the name.",
)
def leaf_serial_unique(arena: Arena) -> None:
    """Leaves have different serial numbers, even for one key and one identity."""
    here = scene(arena)
    request = here.mesh.ask.leaf(here.signer.id)
    serials = {
        here.mesh.leaf(here.mesh.ask.leaf(here.signer.id, csr=request.csr)).serial_number
        for _ in range(_ONE_KEY)
    }
    require(len(serials) == _ONE_KEY, f"{_ONE_KEY} leaves have {len(serials)} serial numbers")
