"""An authority that somebody else signs: a CSR, days of waiting, a chain with several issuers."""

from collections.abc import Callable
from datetime import timedelta

from cryptography import x509

from ca_core.contract import (
    AuthorityRetiredError,
    Capability,
    NotReadyError,
    PendingError,
    RequestError,
    load_csr,
)
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.mesh import Mesh
from ca_core.testing.conformance.misissuing import Chain, Misissuer
from ca_core.testing.conformance.verdict import Violation, refusal, require
from ca_core.testing.conformance.ways import below_primary, require_path, require_tls
from ca_core.testing.conformance.words import Level, Need
from ca_core.testing.corporate import CorporateCA

CHECKS = Catalogue()

_EXTERNAL = frozenset({Capability.EXTERNAL_ISSUER})
_DAY = timedelta(days=1)

Wrong = Callable[[Misissuer, x509.CertificateSigningRequest], Chain]


def _waiting(mesh: Mesh) -> x509.CertificateSigningRequest:
    """Ask for the authority and return the CSR with which it waits."""
    try:
        mesh.patiently(mesh.provider.ensure_authority, mesh.ask.authority())
    except PendingError as pending:
        return load_csr(pending.csr)
    raise Violation("ensure_authority() did not wait for the external issuer's signature")


def _signed(arena: Arena, csr: x509.CertificateSigningRequest) -> Chain:
    now = arena.tempo.clock.now()
    return arena.tempo.corporate.signed(csr, now=now, path_length=None)


@CHECKS.check(
    "external.days",
    Level.L2,
    why="A form, a ticket, an officer with a token: days pass. What was signed then has to fit"
    " the key that is still here.",
    sources=("S27", "SPIRE GH-6964", "Consul GH-11598"),
    fix="Keep the key and the CSR under the authority's id until it is installed or retired.",
    capabilities=_EXTERNAL,
    needs={Need.CLOCK},
)
def days(arena: Arena) -> None:
    """Asked every day, by restarted servers, a waiting authority keeps its key to the end."""
    mesh = arena.unmade()
    first = _waiting(mesh)
    for day in range(1, 15):
        arena.tempo.advance(_DAY)
        again = _waiting(mesh.another())
        require(again.public_key() == first.public_key(), f"after {day} days it has another key")
    made = mesh.another().install_authority(_signed(arena, first))
    require(made.primary.public_key() == first.public_key(), "another key was installed")


@CHECKS.check(
    "external.elsewhere",
    Level.L2,
    why="One server waits, an operator's call reaches another one: the first kept answering with"
    " its CSR although the certificate was there.",
    sources=("S15", "Consul GH-10630", "Consul GH-14598"),
    fix="Look into the state in every `ensure_authority`; remember no waiting.",
    capabilities=_EXTERNAL,
)
def elsewhere(arena: Arena) -> None:
    """What is installed on one server ends the waiting of another."""
    waiting = arena.unmade()
    csr = _waiting(waiting)
    chain = _signed(arena, csr)
    waiting.another().install_authority(chain)
    answered = waiting.patiently(waiting.provider.ensure_authority, waiting.ask.authority())
    require(answered.primary == chain[0], "the server that waited has another authority")


@CHECKS.check(
    "external.waits",
    Level.L2,
    why="A CA that helps itself with a self-signed root until the answer comes is trusted by agents"
    " that nobody will ever tell.",
    sources=("S15", "Consul GH-10630", "Consul GH-11598"),
    fix="Raise `NotReadyError` from everything but `ensure_authority` and `install_authority`.",
    capabilities=_EXTERNAL,
)
def waits(arena: Arena) -> None:
    """An authority that waits for its signature reports no chain and prepares no signer."""
    mesh = arena.unmade()
    _waiting(mesh)
    with refusal(NotReadyError, of="trust_chain() of an authority that waits"):
        mesh.provider.trust_chain()
    with refusal(NotReadyError, of="prepare_signer() of an authority that waits"):
        mesh.prepare()


@CHECKS.check(
    "external.issuers",
    Level.L2,
    why="Corporate CAs have levels; Consul published the middle of such a chain as its root, and"
    " verifiers that know only the top found no way.",
    sources=("S10", "Consul GH-11598", "RFC 5280 §6.1"),
    fix="Keep and report the whole chain that was installed, in its order.",
    capabilities=_EXTERNAL,
)
def issuers(arena: Arena) -> None:
    """A chain with several corporate issuers is reported whole, and leaves lead to its top."""
    mesh, now = arena.unmade(), arena.tempo.clock.now()
    issuing = CorporateCA(now=now, below=CorporateCA(now=now, below=arena.tempo.corporate))
    chain = issuing.signed(_waiting(mesh), now=now, path_length=None)
    mesh.install_authority(chain)
    authority = mesh.another().provider.trust_chain()
    require(tuple(authority.certificates) == chain, "a part of the installed chain is missing")
    signer = mesh.prepare()
    path = (*below_primary(signer, authority), *chain)
    require_path(path, mesh)
    require_tls(mesh, signer, path[:-1], path[-1])


@CHECKS.check(
    "external.life",
    Level.L2,
    why="The corporate CA above may end first: everything below it is dead on that day.",
    sources=("S31", "cert-manager GH-1038", "RFC 5280 §6.1.3"),
    fix="Clamp a signer to the first end in the whole chain, not to the primary CA's.",
    capabilities=_EXTERNAL,
)
def life(arena: Arena) -> None:
    """A signer ends before any corporate CA above its authority does."""
    mesh, now = arena.unmade(), arena.tempo.clock.now()
    short = CorporateCA(now=now, below=arena.tempo.corporate, ttl=30 * _DAY)
    issuing = CorporateCA(now=now, below=short)
    mesh.install_authority(issuing.signed(_waiting(mesh), now=now, path_length=None))
    ends, first = mesh.prepare().certificate.not_valid_after_utc, short.chain[0]
    last = first.not_valid_after_utc
    require(ends <= last, f"the signer ends at {ends}, a corporate CA above it at {last}")


@CHECKS.check(
    "external.retired",
    Level.L2,
    why="An operator gives up and rotates to something else; the answer that comes late must not"
    " bring the old authority back.",
    sources=("S16", "Consul GH-8576"),
    fix="Refuse an installation for an id that was retired.",
    capabilities=_EXTERNAL,
)
def retired(arena: Arena) -> None:
    """Nothing is installed for an authority that was retired while it waited."""
    mesh = arena.unmade()
    chain = _signed(arena, _waiting(mesh))
    mesh.retire()
    for server in (mesh, mesh.another()):
        with refusal(AuthorityRetiredError, RequestError, of="installing what was retired"):
            server.install_authority(chain)


def _refuses(arena: Arena, wrong: Wrong, of: str) -> None:
    """Try to install a wrong chain, and the right one afterwards."""
    mesh = arena.unmade()
    csr = _waiting(mesh)
    with refusal(RequestError, of=of):
        mesh.install_authority(wrong(Misissuer(arena.tempo, signs_cas=True), csr))
    mesh.install_authority(_signed(arena, csr))


@CHECKS.check(
    "external.not-a-ca",
    Level.L2,
    why="Corporate CAs sign what their template says, and the usual template is a server's.",
    sources=("S19", "RFC 5280 §6.1.4"),
    fix="Check that it is a CA that may sign (`contract.authority_faults`).",
    capabilities=_EXTERNAL,
)
def not_a_ca(arena: Arena) -> None:
    """A leaf is not installed as the primary CA, and the right answer still is."""
    _refuses(arena, Misissuer.leaf, "installing a leaf as the primary CA")


@CHECKS.check(
    "external.forged",
    Level.L2,
    why="Pasted by hand: the certificate of one issuer with the chain of another verifies nowhere.",
    sources=("S10", "RFC 5280 §6.1.3"),
    fix="Verify each signature of the chain (`contract.authority_faults`).",
    capabilities=_EXTERNAL,
)
def forged(arena: Arena) -> None:
    """A chain whose signatures do not hold is not installed, and the right answer still is."""
    _refuses(arena, Misissuer.forged, "installing a chain that does not verify")


@CHECKS.check(
    "external.expired",
    Level.L2,
    why="Days may pass, and so may months: an answer that is dead when it comes stops all signing.",
    sources=("S16", "Consul GH-8576", "RFC 5280 §6.1.3"),
    fix="Check every certificate's life against `context.clock` (`contract.authority_faults`).",
    capabilities=_EXTERNAL,
)
def expired(arena: Arena) -> None:
    """An expired answer is not installed, and the right one still is."""
    _refuses(arena, Misissuer.expired, "installing an expired primary CA")


@CHECKS.check(
    "external.other-domain",
    Level.L2,
    why="The certificate of another cluster and its trust domain mints identities of strangers.",
    sources=("S19", "Consul GH-6491", "SPIFFE X509-SVID §3"),
    fix="Refuse a SPIFFE ID that is not ours (`contract.authority_faults`).",
    capabilities=_EXTERNAL,
)
def other_domain(arena: Arena) -> None:
    """A primary CA of another trust domain is not installed, and the right answer still is."""
    _refuses(arena, Misissuer.other_domain, "installing another trust domain's primary CA")
