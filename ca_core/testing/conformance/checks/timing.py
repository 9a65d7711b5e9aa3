"""What must hold when time has passed: lives are moments, not spans, and nothing renews itself."""

from datetime import datetime, timedelta

from cryptography import x509

from ca_core.contract import Capability, Error
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.counting import objects
from ca_core.testing.conformance.mesh import Mesh
from ca_core.testing.conformance.oracle import hold
from ca_core.testing.conformance.scenes import scene
from ca_core.testing.conformance.verdict import require
from ca_core.testing.conformance.words import Level, Need

CHECKS = Catalogue()

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_MONTH = timedelta(days=30)
_BACKDATED = _DAY
"""No backend dates anything further back; the widest known is an hour."""


@CHECKS.check(
    "time.leaf-near-end",
    Level.L2,
    why="A leaf that outlives its signer is dead before its own end; one agent renewed it without"
    " end, because its own NotAfter was far away.",
    sources=("S31", "cert-manager GH-7741", "SPIRE GH-7199"),
    fix="Clamp to the moment at which the signer ends, not to the length of its life.",
    needs={Need.CLOCK},
)
def leaf_near_end(arena: Arena) -> None:
    """A leaf asked for near its signer's end is clamped to that end, or refused."""
    mesh = arena.mesh()
    ends = mesh.prepare(ttl=10 * _DAY).certificate.not_valid_after_utc
    arena.tempo.advance(ends - mesh.cluster.tempo.clock.now() - _HOUR)
    _ends_by(mesh, ends)


@CHECKS.check(
    "time.expired-signer",
    Level.L2,
    why="An expired intermediate kept the mesh in an endless loop of leaves that nobody accepts;"
    " refused in words, it is mended in a minute.",
    sources=("S16", "S31", "Consul GH-8576", "cert-manager GH-7741"),
    fix="Raise `ProviderError` when the signer has ended; the shipped `issue_leaf` does.",
    needs={Need.CLOCK},
)
def expired_signer(arena: Arena) -> None:
    """An expired signer signs nothing that is alive, and fails with an error of the contract."""
    mesh = arena.mesh()
    ends = mesh.prepare(ttl=10 * _DAY).certificate.not_valid_after_utc
    arena.tempo.advance(ends - mesh.cluster.tempo.clock.now() + 2 * _DAY)
    _ends_by(mesh, ends)


def _ends_by(mesh: Mesh, ends: datetime) -> None:
    try:
        found = mesh.leaf().not_valid_after_utc
    except Error:
        return
    require(found <= ends, f"a leaf ends at {found}, its signer at {ends}")


@CHECKS.check(
    "time.signer-near-end",
    Level.L2,
    why="Intermediates of a full life below an old root made chains that broke on the day the root"
    " ended.",
    sources=("S31", "cert-manager GH-1038"),
    fix="Clamp to the moment at which the first certificate above ends.",
    needs={Need.CLOCK},
)
def signer_near_end(arena: Arena) -> None:
    """A signer prepared near its authority's end lives within every certificate above it."""
    mesh = arena.unmade()
    mesh.ensure(ttl=_MONTH)
    arena.tempo.advance(20 * _DAY)
    found = mesh.prepare()
    last = min(link.not_valid_after_utc for link in found.chain)
    outlives = found.certificate.not_valid_after_utc > last
    require(not outlives, f"the signer outlives a certificate above it, which ends at {last}")


@CHECKS.check(
    "time.expired-authority",
    Level.L2,
    why="After a root had expired, nothing but a wall of stack traces said so, and the CA could not"
    " be brought back.",
    sources=("S16", "Consul GH-8576", "Consul GH-8681"),
    fix="Raise `ProviderError` when a certificate above has ended; `issue_intermediate` does.",
    needs={Need.CLOCK},
)
def expired_authority(arena: Arena) -> None:
    """An expired authority prepares no living signer, and says so with an error of the contract."""
    mesh = arena.unmade()
    ends = mesh.ensure(ttl=_MONTH).primary.not_valid_after_utc
    arena.tempo.advance(ends - mesh.cluster.tempo.clock.now() + 2 * _DAY)
    try:
        found = mesh.prepare().certificate.not_valid_after_utc
    except Error:
        return
    require(found <= ends, f"a signer ends at {found}, its authority at {ends}")


@CHECKS.check(
    "time.begins-now",
    Level.L2,
    why="A plugin read the time once, when it was imported, and dated everything by the day its"
    " process began.",
    sources=("S35",),
    fix="Ask `context.clock.now()` in every call; never in a default argument or at import.",
    needs={Need.CLOCK},
)
def begins_now(arena: Arena) -> None:
    """What is made long after the provider was opened begins when it is made."""
    mesh = arena.mesh()
    root = mesh.provider.trust_chain().primary
    arena.tempo.advance(3 * _MONTH)
    now = mesh.cluster.tempo.clock.now()
    signer = mesh.prepare().certificate
    for what, made in (("signer", signer), ("leaf", mesh.leaf())):
        begins = made.not_valid_before_utc
        require(made == root or begins >= now - _BACKDATED, f"a {what} begins at {begins}")


@CHECKS.check(
    "time.same-authority",
    Level.L2,
    why="Rotation waits until every agent holds the new root; a root that renews itself appears in"
    " no bundle.",
    sources=("S02", "S04", "Consul GH-18112"),
    fix="Renew nothing by yourself: the core rotates, by making another authority.",
    needs={Need.CLOCK},
)
def same_authority(arena: Arena) -> None:
    """An authority near its end is still returned and reported as it was made."""
    mesh = arena.unmade()
    made = mesh.ensure(ttl=_MONTH).primary
    arena.tempo.advance(25 * _DAY)
    again = mesh.another()
    require(again.ensure(ttl=_MONTH).primary == made, "the authority has renewed itself")
    require(again.provider.trust_chain().primary == made, "another authority is reported")


@CHECKS.check(
    "time.same-signer",
    Level.L2,
    why="Asked for an old signer, a provider made a new one because half its life was over: two"
    " certificates for one id, and renewal without end.",
    sources=("S32", "cert-manager GH-3152", "Consul GH-9428"),
    fix="Return what the id names, however old it is; the core prepares a new id when it is due.",
    needs={Need.CLOCK},
)
def same_signer(arena: Arena) -> None:
    """A signer near its end is returned as it was made."""
    mesh = arena.mesh()
    made = mesh.prepare(ttl=_MONTH)
    arena.tempo.advance(25 * _DAY)
    again = mesh.another().prepare(made.id, ttl=_MONTH)
    require(again.certificate == made.certificate, "the signer has renewed itself")


@CHECKS.check(
    "time.idle",
    Level.L2,
    why="A loop that looked after the CA made a new intermediate every hour, though nothing had"
    " changed.",
    sources=("S01", "S11", "Consul GH-15217", "Consul GH-12607"),
    fix="Let `probe`, `health` and `trust_chain` only read.",
    needs={Need.CLOCK, Need.COUNT_OBJECTS},
)
def idle(arena: Arena) -> None:
    """A day of looking at an authority every hour leaves no new object in the backend."""
    mesh = arena.mesh()
    before = objects(arena)
    for _ in range(24):
        arena.tempo.advance(_HOUR)
        mesh.probe()
        mesh.provider.health(deep=True)
        mesh.provider.trust_chain()
    after = objects(arena)
    require(after <= before, f"{before} objects became {after} within a day")


@CHECKS.check(
    "time.crl-fresh",
    Level.L2,
    why="Verifiers refuse every leaf of a signer whose CRL has passed its nextUpdate.",
    sources=("RFC 5280 §5.1.2.5", "RFC 5280 §6.3.3"),
    fix="Sign the CRL anew when it is asked for, or at half of its life.",
    capabilities={Capability.REVOKE},
    needs={Need.CLOCK},
)
def crl_fresh(arena: Arena) -> None:
    """However much time has passed, the CRL that is returned is current."""
    here = scene(arena)
    for _ in range(3):
        hold(here.crl(), "crl.4", "crl.5")
        arena.tempo.advance(20 * _DAY)


@CHECKS.check(
    "time.crl-keeps",
    Level.L2,
    why="A revoked leaf that drops out of the list before its own end is trusted again.",
    sources=("RFC 5280 §3.3",),
    fix="Keep an entry until one list after the certificate's NotAfter.",
    capabilities={Capability.REVOKE},
    needs={Need.CLOCK},
)
def crl_keeps(arena: Arena) -> None:
    """A revoked leaf stands in every CRL for as long as it would have lived."""
    mesh = arena.mesh()
    leaf = mesh.leaf(mesh.ask.leaf(mesh.signer, ttl=9 * _DAY))
    mesh.revoke(leaf)
    part = (
        leaf.not_valid_after_utc - arena.tempo.clock.now()
    ) / 5  # it may live shorter than asked
    for fifth in range(1, 5):
        arena.tempo.advance(part)
        require(
            _lists(mesh.crl(), leaf), f"after {fifth} fifths of its life it is no longer listed"
        )


@CHECKS.check(
    "time.crl-restart",
    Level.L2,
    why="Revocations held in memory are undone by the next restart, and a number that begins again"
    " makes clients keep the older list.",
    sources=("S27", "SPIRE GH-6964", "RFC 5280 §5.2.3"),
    fix="Keep revocations and the last CRL number in the backend or the state.",
    capabilities={Capability.REVOKE},
)
def crl_restart(arena: Arena) -> None:
    """After a restart every revocation is still listed, in CRLs whose numbers go on growing."""
    mesh = arena.mesh()
    first, second = mesh.leaf(), mesh.leaf()
    mesh.revoke(first)
    number = _number(mesh.crl())
    restarted = mesh.another()
    restarted.revoke(second)
    after = restarted.crl()
    require(_lists(after, first), "a restart undid a revocation")
    grown = _number(after)
    require(grown > number, f"CRL number {grown} follows {number}, with other entries")


def _lists(crl: x509.CertificateRevocationList, leaf: x509.Certificate) -> bool:
    return crl.get_revoked_certificate_by_serial_number(leaf.serial_number) is not None


def _number(crl: x509.CertificateRevocationList) -> int:
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
