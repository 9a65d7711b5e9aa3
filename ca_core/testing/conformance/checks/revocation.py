"""Revocation: what was revoked stands in its signer's next list, once, and nothing else does."""

from collections.abc import Collection

from cryptography import x509

from ca_core.authority.documentrules import unreadable_crl
from ca_core.contract import Capability, RequestError, SignerUnknownError
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.oracle import hold
from ca_core.testing.conformance.scenes import Scene, scene
from ca_core.testing.conformance.verdict import refusal, refuse, require
from ca_core.testing.conformance.words import Level

CHECKS = Catalogue()

_REVOKES = (Capability.REVOKE,)
_REASON = x509.ReasonFlags.key_compromise


def _every_list_holds(arena: Arena, rule: str) -> None:
    """Hold an empty list and one with an entry against ``rule``."""
    here = scene(arena)
    hold(here.crl(), rule)
    here.mesh.revoke(here.mesh.leaf())
    hold(here.crl(), rule)


def _serials(crl: x509.CertificateRevocationList) -> list[int]:
    return [entry.serial_number for entry in crl]


def _number(crl: x509.CertificateRevocationList) -> int:
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def _reasons(crl: x509.CertificateRevocationList, serials: Collection[int]) -> list[object]:
    """Return the reason of each entry among ``serials``, None where none is given."""
    found = [entry for entry in crl if entry.serial_number in serials]
    return [_reason(entry) for entry in found]


def _reason(entry: x509.RevokedCertificate) -> object:
    for extension in entry.extensions:
        if isinstance(extension.value, x509.CRLReason):
            return extension.value.reason
    return None


@CHECKS.check(
    "crl.type",
    Level.L1,
    why="A list as text or bytes is parsed by each reader in its own way.",
    sources=("Consul GH-11449",),
    fix="Return what `x509.load_pem_x509_crl` gives; also when nothing was revoked yet.",
    capabilities=_REVOKES,
)
def crl_type(arena: Arena) -> None:
    """A CRL is an `x509.CertificateRevocationList`, and there is one from the beginning."""
    refuse(unreadable_crl(scene(arena).mesh.crl()))


@CHECKS.check(
    "crl.signature",
    Level.L1,
    why="A list under another key is thrown away by verifiers, and the revoked leaf stays good.",
    sources=("RFC 5280 §5.1.1.3", "RFC 5280 §6.3.3"),
    fix="Sign the list with the key of the signer whose leaves it is about.",
    capabilities=_REVOKES,
)
def crl_signature(arena: Arena) -> None:
    """A CRL is issued by the signer it is asked of, with another signer there too."""
    here = scene(arena)
    here.mesh.prepare()
    here.mesh.signer = here.signer.id
    hold(here.crl(), "crl.2")


@CHECKS.check(
    "crl.authority-key-id",
    Level.L1,
    why="Verifiers find the list's issuer by this identifier, as they find a leaf's.",
    sources=("RFC 5280 §5.2.1",),
    fix="Copy the signer's subject key identifier.",
    capabilities=_REVOKES,
)
def crl_authority_key_id(arena: Arena) -> None:
    """A CRL's authority key identifier is its signer's subject key identifier."""
    _every_list_holds(arena, "crl.3")


@CHECKS.check(
    "crl.begins",
    Level.L1,
    why="Verifiers ignore a list from the future.",
    sources=("RFC 5280 §5.1.2.4",),
    fix="Set thisUpdate from `context.clock`.",
    capabilities=_REVOKES,
)
def crl_begins(arena: Arena) -> None:
    """A CRL's thisUpdate does not lie in the future."""
    _every_list_holds(arena, "crl.4")


@CHECKS.check(
    "crl.ends",
    Level.L1,
    why="Verifiers that check lists refuse every leaf once the list is stale.",
    sources=("RFC 5280 §5.1.2.5",),
    fix="Set nextUpdate some hours ahead, and make a new list before then.",
    capabilities=_REVOKES,
)
def crl_ends(arena: Arena) -> None:
    """A CRL's nextUpdate is there and lies in the future."""
    _every_list_holds(arena, "crl.5")


@CHECKS.check(
    "crl.complete",
    Level.L1,
    why="A delta or a partition lists some only; a reader that takes it for the whole lets the"
    " rest in.",
    sources=("RFC 5280 §5.2.4", "RFC 5280 §5.2.5"),
    fix="Answer the complete list, without critical extensions.",
    capabilities=_REVOKES,
)
def crl_complete(arena: Arena) -> None:
    """A CRL has no critical extension: it is the complete list."""
    _every_list_holds(arena, "crl.6")


@CHECKS.check(
    "crl.unknown-signer",
    Level.L1,
    why="A list of some other signer, taken for this one's, says that nothing is revoked.",
    sources=("ca_core.contract Provider.crl",),
    fix="Raise SignerUnknownError for an id that this authority has no signer of.",
    capabilities=_REVOKES,
)
def crl_unknown_signer(arena: Arena) -> None:
    """The CRL of a signer that does not exist is refused with SignerUnknownError."""
    here = scene(arena)
    request = here.mesh.ask.crl(arena.tempo.new_id("s"))
    with refusal(SignerUnknownError, of="crl() of an unknown signer"):
        here.mesh.patiently(here.mesh.provider.crl, request)


@CHECKS.check(
    "revoke.visible",
    Level.L1,
    why="A revocation that was accepted and never listed is worse than one refused.",
    sources=("RFC 5280 §5.3", "ca_core.contract Provider.revoke"),
    fix="Store the revocation before `revoke` returns; the next list is made from the store.",
    capabilities=_REVOKES,
)
def revoke_visible(arena: Arena) -> None:
    """A revoked leaf stands in its signer's next CRL."""
    here = scene(arena)
    here.mesh.crl()
    leaf = here.mesh.leaf()
    here.mesh.revoke(leaf)
    require(leaf.serial_number in _serials(here.mesh.crl()), "the next CRL does not list it")


@CHECKS.check(
    "revoke.nothing-else",
    Level.L1,
    why="One leaf too many on the list is an outage of that service.",
    sources=("RFC 5280 §5.3",),
    fix="Revoke by serial number, not by name.",
    capabilities=_REVOKES,
)
def revoke_nothing_else(arena: Arena) -> None:
    """Only what was revoked is listed, not other leaves of the same service."""
    here = scene(arena)
    kept, revoked = here.mesh.leaf(), here.mesh.leaf()
    here.mesh.revoke(revoked)
    require(kept.serial_number not in _serials(here.mesh.crl()), "another leaf is listed too")


@CHECKS.check(
    "revoke.twice",
    Level.L1,
    why="A lost answer is followed by a repeat; an error or a second entry then looks like a"
    " second incident.",
    sources=("S35", "ca_core.contract RevokeRequest"),
    fix="Accept a repeat and change nothing: the first date and reason stand.",
    capabilities=_REVOKES,
)
def revoke_twice(arena: Arena) -> None:
    """A leaf that is revoked twice stands in the CRL once."""
    here = scene(arena)
    leaf = here.mesh.leaf()
    here.mesh.revoke(leaf)
    here.mesh.revoke(leaf)
    found = _serials(here.mesh.crl()).count(leaf.serial_number)
    require(found <= 1, f"it is listed {found} times")


@CHECKS.check(
    "revoke.reason",
    Level.L1,
    why="A compromise listed as `superseded` wakes nobody.",
    sources=("RFC 5280 §5.3.1",),
    fix="Keep `request.reason`; leave the extension out for `unspecified`.",
    capabilities=_REVOKES,
)
def revoke_reason(arena: Arena) -> None:
    """The CRL gives the reason that was given, and none for `unspecified`."""
    here = scene(arena)
    for reason, listed in ((_REASON, _REASON), (x509.ReasonFlags.unspecified, None)):
        serial = _revoked(here, reason)
        found = _reasons(here.mesh.crl(), {serial})
        require(not found or found == [listed], f"asked was {reason.value}, listed {found}")


def _revoked(here: Scene, reason: x509.ReasonFlags) -> int:
    leaf, mesh = here.mesh.leaf(), here.mesh
    request = mesh.ask.revoke(leaf, here.signer.id, reason=reason)
    mesh.patiently(mesh.provider.revoke, request)
    return leaf.serial_number


@CHECKS.check(
    "revoke.number-grows",
    Level.L1,
    why="Verifiers keep the list with the highest number; one that falls behind is ignored.",
    sources=("RFC 5280 §5.2.3", "S22"),
    fix="Count the lists in `context.state`, not in memory and not from the clock's seconds.",
    capabilities=_REVOKES,
)
def revoke_number_grows(arena: Arena) -> None:
    """After each revocation the CRL has a higher number."""
    here = scene(arena)
    numbers = [_number(here.mesh.crl())]
    for _ in range(3):
        here.mesh.revoke(here.mesh.leaf())
        numbers.append(_number(here.mesh.crl()))
    require(numbers == sorted(set(numbers)), f"the numbers were {numbers}")


@CHECKS.check(
    "revoke.other-signer",
    Level.L1,
    why="A serial number on another signer's list means another certificate, or none.",
    sources=("RFC 5280 §5", "ca_core.contract RevokeRequest"),
    fix="Check that the certificate was issued by the named signer; else raise RequestError.",
    capabilities=_REVOKES,
)
def revoke_other_signer(arena: Arena) -> None:
    """A leaf of another signer is refused, and is not listed."""
    here = scene(arena)
    leaf = here.mesh.leaf()
    second = here.mesh.prepare()
    if second.certificate == here.signer.certificate:
        return  # the primary CA signs leaves itself: there is one signer only
    with refusal(RequestError, of="revoking another signer's leaf"):
        here.mesh.revoke(leaf)
    require(leaf.serial_number not in _serials(here.mesh.crl()), "it was listed all the same")


@CHECKS.check(
    "revoke.unknown-signer",
    Level.L1,
    why="A revocation that goes nowhere was believed to be done.",
    sources=("ca_core.contract Provider.revoke",),
    fix="Raise SignerUnknownError for an id that this authority has no signer of.",
    capabilities=_REVOKES,
)
def revoke_unknown_signer(arena: Arena) -> None:
    """Revoking under a signer that does not exist is refused with SignerUnknownError."""
    here = scene(arena)
    request = here.mesh.ask.revoke(here.mesh.leaf(), arena.tempo.new_id("s"))
    with refusal(SignerUnknownError, of="revoke() under an unknown signer"):
        here.mesh.patiently(here.mesh.provider.revoke, request)
