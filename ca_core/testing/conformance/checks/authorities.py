"""What an authority must be: one primary CA per id, for ever, as it was asked for."""

from datetime import timedelta

from cryptography import x509

from ca_core.authority.authorityrules import unreadable_trust_chain
from ca_core.authority.documentrules import CsrFacts
from ca_core.contract import (
    Capability,
    NotReadyError,
    PendingError,
    RequestError,
    load_csr,
    uri_sans,
)
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.mesh import Mesh
from ca_core.testing.conformance.oracle import hold
from ca_core.testing.conformance.scenes import scene
from ca_core.testing.conformance.verdict import Violation, refusal, refuse, require
from ca_core.testing.conformance.words import Level
from ca_core.testing.lending import TRUST_DOMAIN

CHECKS = Catalogue()

_EXTERNAL = (Capability.EXTERNAL_ISSUER,)
_LIVES = (timedelta(days=400), timedelta(days=3650))
_TOLERANCE = timedelta(seconds=60)
_URI = f"spiffe://{TRUST_DOMAIN}"


@CHECKS.check(
    "authority.not-ready",
    Level.L1,
    why="A server that starts with an empty backend asks first what is there; an answer that is"
    " neither chain nor error stopped it for good.",
    sources=("S13", "S15", "Consul GH-15525"),
    fix="Raise NotReadyError while nothing was made for `context.authority_id`.",
)
def authority_not_ready(arena: Arena) -> None:
    """`trust_chain` raises NotReadyError before the authority exists."""
    with refusal(NotReadyError, of="trust_chain() before anything exists"):
        arena.unmade().provider.trust_chain()


@CHECKS.check(
    "authority.type",
    Level.L1,
    why="Chains that crossed as PEM text were glued together without a newline, or in the wrong"
    " order.",
    sources=("Consul GH-11449", "cert-manager GH-3433"),
    fix="Return `TrustChain` with a tuple of `x509.Certificate`, the primary CA first.",
)
def authority_type(arena: Arena) -> None:
    """An authority is a `TrustChain` that holds a tuple of certificates."""
    mesh = arena.unmade()
    refuse(unreadable_trust_chain(mesh.ensure()))
    refuse(unreadable_trust_chain(mesh.provider.trust_chain()))


@CHECKS.check(
    "authority.path",
    Level.L1,
    why="Every leaf's way ends here; a CA that may not sign, or issuers in the wrong order, break"
    " all of them at once.",
    sources=("RFC 5280 §6.1", "Consul GH-11598", "S19"),
    fix="Primary CA first, each issuer after what it issued: CA:TRUE, keyCertSign, a subject, a"
    " subject key identifier.",
)
def authority_path(arena: Arena) -> None:
    """From the primary CA up, each certificate is a CA and was issued by the next."""
    for ttl in _LIVES:
        hold(scene(arena, ttl=ttl).authority_facts(), "authority.2", "authority.3")


@CHECKS.check(
    "authority.own-root",
    Level.L1,
    why="A root that claims to have signed itself and did not was never made by its own key.",
    sources=("RFC 5280 §3.2", "RFC 5280 §6.1.1"),
    fix="Self-sign the root with its own key, or name the real issuer.",
)
def authority_own_root(arena: Arena) -> None:
    """A last certificate that names itself as issuer is signed by itself."""
    for ttl in _LIVES:
        hold(scene(arena, ttl=ttl).authority_facts(), "authority.4")


@CHECKS.check(
    "authority.key",
    Level.L1,
    why="An operator's change of the key type regenerated nothing, and nobody was told.",
    sources=("S18", "S03", "Consul GH-10330"),
    fix="Make the primary key of `request.key`, or raise RequestError for one you cannot make.",
)
def authority_key(arena: Arena) -> None:
    """A primary CA has the kind of key that was asked for, for each kind the backend can make."""
    for key in arena.keys:
        hold(scene(arena, key=key).authority_facts(key=key), "authority.5")


@CHECKS.check(
    "authority.trust-domain",
    Level.L1,
    why="A CA without the trust domain's URI was refused by strict verifiers, one with another's"
    " by all.",
    sources=("S19", "Consul GH-6491", "SPIRE GH-3971", "SPIFFE X509-SVID §3"),
    fix="Put `spiffe://<request.trust_domain>` into the primary CA as its one URI.",
)
def authority_trust_domain(arena: Arena) -> None:
    """A primary CA made here has exactly our trust domain as URI; an adopted one has no other."""
    here = scene(arena)
    hold(here.authority_facts(), "authority.6")
    found = uri_sans(here.authority.primary)
    require(here.authority.adopted or found == (_URI,), f"its URI names are {found}, not {_URI}")


@CHECKS.check(
    "authority.life",
    Level.L1,
    why="A backend's own default of ten years, or of one, took the place of what was configured.",
    sources=("S03", "S33", "Consul GH-14516"),
    fix="Give the life asked for to the backend; mounts and roles have maxima of their own.",
)
def authority_life(arena: Arena) -> None:
    """A primary CA that is made and signed here lives as long as was asked."""
    for ttl in _LIVES:
        mesh = arena.unmade()
        try:
            made = mesh.patiently(mesh.provider.ensure_authority, mesh.ask.authority(ttl=ttl))
        except PendingError:
            return  # somebody outside decides
        if made.adopted:
            return
        left = made.primary.not_valid_after_utc - mesh.cluster.tempo.clock.now()
        require(ttl / 2 < left <= ttl + _TOLERANCE, f"asked were {ttl}, it lives {left}")


@CHECKS.check(
    "authority.other-key",
    Level.L1,
    why="A CA silently kept its RSA key when EC was configured; the next rotation failed on it.",
    sources=("S18", "Consul GH-10331"),
    fix="Record the key with the id; raise RequestError when another is asked for.",
)
def authority_other_key(arena: Arena) -> None:
    """Another key for a known authority is refused."""
    mesh = arena.unmade()
    mesh.ensure()
    for key in arena.keys[1:2]:
        with refusal(RequestError, of=f"{key} for an authority that has {arena.keys[0]}"):
            mesh.ensure(key=key)


@CHECKS.check(
    "authority.again",
    Level.L1,
    why="A configuration written a second time made a new root; everybody had to trust anew.",
    sources=("Consul GH-14564", "S04"),
    fix="Look up the id first; `ttl` counts only for what does not exist yet.",
)
def authority_again(arena: Arena) -> None:
    """The same id gives the same authority, also when another life is asked for."""
    mesh = arena.unmade()
    first = mesh.ensure()
    request = mesh.ask.authority(ttl=timedelta(days=40))
    again = mesh.patiently(mesh.provider.ensure_authority, request)
    require(again.primary == first.primary, "another primary CA came back for the same id")


@CHECKS.check(
    "authority.chain-agrees",
    Level.L1,
    why="The roots that were shown lacked the issuer that leaves needed.",
    sources=("S10", "Consul GH-11671", "Consul GH-9428"),
    fix="Answer both from one record.",
)
def authority_chain_agrees(arena: Arena) -> None:
    """`trust_chain` answers what `ensure_authority` answers once the authority exists."""
    mesh = arena.unmade()
    mesh.ensure()
    made, read = mesh.ensure(), mesh.provider.trust_chain()
    require(tuple(read.certificates) == tuple(made.certificates), "the two chains differ")
    require(read.adopted == made.adopted, "only one of the two says that the CA was adopted")


@CHECKS.check(
    "authority.csr",
    Level.L1,
    why="A corporate CA signs what the CSR says; a CSR for another key or name wastes a day of"
    " somebody's approval.",
    sources=("RFC 2986 §3", "S19"),
    fix="Make the CSR by the primary key: `contract.ca_csr`.",
    capabilities=_EXTERNAL,
)
def authority_csr(arena: Arena) -> None:
    """The CSR for an external issuer is by the key asked for, and names the trust domain alone."""
    mesh = arena.unmade()
    facts = CsrFacts(csr=_csr_of(mesh), key=arena.keys[0], trust_domain=TRUST_DOMAIN)
    hold(facts, "csr.2", "csr.3", "csr.5")


@CHECKS.check(
    "authority.csr-again",
    Level.L1,
    why="Days pass until a corporate CA has signed; a new key meanwhile makes its answer useless.",
    sources=("S27", "ca_core.contract AuthorityRequest"),
    fix="Keep the key when you raise PendingError, and make the CSR by that key each time.",
    capabilities=_EXTERNAL,
)
def authority_csr_again(arena: Arena) -> None:
    """Asked again, an authority that waits for its signature has a CSR by the same key."""
    mesh = arena.unmade()
    first = _csr_of(mesh)
    hold(CsrFacts(csr=_csr_of(mesh), known=first), "csr.4")


@CHECKS.check(
    "authority.wrong-installation",
    Level.L1,
    why="An operator pastes the certificate of another request; from then on nothing verifies.",
    sources=("RFC 5280 §6.1", "S27"),
    fix="Compare the first certificate's key with yours (`contract.authority_faults`).",
    capabilities=_EXTERNAL,
)
def authority_wrong_installation(arena: Arena) -> None:
    """A chain for another key is not installed."""
    mesh, other = arena.unmade(), arena.unmade()
    _csr_of(mesh)
    foreign = _signed(arena, _csr_of(other))
    with refusal(RequestError, of="installing a chain for another key"):
        mesh.install_authority(foreign)


@CHECKS.check(
    "authority.second-installation",
    Level.L1,
    why="Leaves below the first certificate are in use; a second one under the same id replaces"
    " what everybody trusts, unannounced.",
    sources=("S04", "ca_core.contract Provider.install_authority"),
    fix="Keep the first chain; raise RequestError for a different one.",
    capabilities=_EXTERNAL,
)
def authority_second_installation(arena: Arena) -> None:
    """Another chain for an authority that has one is not installed."""
    mesh = arena.unmade()
    csr = _csr_of(mesh)
    mesh.install_authority(_signed(arena, csr))
    with refusal(RequestError, of="installing another chain for the same id"):
        mesh.install_authority(_signed(arena, csr))


@CHECKS.check(
    "authority.installed",
    Level.L1,
    why="What was installed is what leaves will end in; an answer of something else hides a loss.",
    sources=("S01", "ca_core.contract Provider.install_authority"),
    fix="Answer the chain that stands after the installation.",
    capabilities=_EXTERNAL,
)
def authority_installed(arena: Arena) -> None:
    """What was installed is the authority, its issuers included, also if it is installed again."""
    mesh = arena.unmade()
    chain = _signed(arena, _csr_of(mesh))
    for answer in (mesh.install_authority(chain), mesh.install_authority(chain)):
        require(tuple(answer.certificates) == chain, "the answer is not what was installed")


def _csr_of(mesh: Mesh) -> x509.CertificateSigningRequest:
    """Return the CSR by which the provider waits for an outside signature."""
    try:
        mesh.patiently(mesh.provider.ensure_authority, mesh.ask.authority())
    except PendingError as pending:
        return load_csr(pending.csr)
    raise Violation("ensure_authority() did not wait for the external issuer's signature")


def _signed(arena: Arena, csr: x509.CertificateSigningRequest) -> tuple[x509.Certificate, ...]:
    return arena.tempo.corporate.signed(csr, now=arena.tempo.clock.now())
