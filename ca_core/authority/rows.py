"""What the authority room keeps in the store: one small JSON row each, and how it is read.

Times are RFC 3339 with fractions, UTC. Certificates are PEM. No secret is in any of them.
"""

from datetime import datetime
from enum import StrEnum

import msgspec
from cryptography import x509

from ca_core.identity.certificates import parsed_chain, pem_chain
from ca_core.identity.keys import KeySpec, KeyType
from ca_core.identity.spiffe import TrustDomain
from ca_core.state.rows import decoded as decoded  # noqa: PLC0414 - taken from here by rooms above
from ca_core.state.rows import encoded as encoded  # noqa: PLC0414 - as above
from ca_core.state.rows import put as put  # noqa: PLC0414 - as above
from ca_core.state.rows import read as read  # noqa: PLC0414 - as above
from ca_core.state.view import View

CLUSTER = "cluster"
"""Table: one row ``identity``, made by the first server and never changed."""
AUTHORITIES = "authorities"
SIGNERS = "signers"
CURRENT = "current"
"""Table: one row ``signer``, naming what signs now."""
BOOTSTRAP = "bootstrap"
"""Table: ids drawn for the first authority, so that racing servers make one and the same."""
PENDING = "pending"
"""Table: tokens of backends that answer later, by request id."""
CONFIGURATION = "configuration"
"""Table: one row ``ca``, the configuration that stands."""
CONFIGURATIONS = "configurations"
"""Table: configurations by id; an authority that drains keeps the one that it is reached by."""
CROSSES = "crosses"
"""Table: cross-certificates, key ``<new authority>.<old authority>``."""

MOST_CROSSED = 4
"""Certificates of cross-signed CAs in a chain, whatever drains: with a leaf and what leads to its
own anchor they are eight, and an agent takes no more."""

ROOTS_TOPIC = "roots"
CONFIGURATION_TOPIC = "configuration"
SIGNERS_TOPIC = "signers"


class Phase(StrEnum):
    """Where an authority is in its life."""

    PREPARED = "prepared"
    """Made and rehearsed; in nobody's bundle yet."""
    TRUSTED = "trusted"
    """In the bundle; signs nothing yet."""
    SIGNING = "signing"
    """What signs now; exactly one."""
    DRAINING = "draining"
    """Signs no more; leaves that it signed may be alive."""
    RETIRED = "retired"
    """Out of the bundle; what its backend holds is removed, then forgotten."""


IN_BUNDLE = frozenset({Phase.TRUSTED, Phase.SIGNING, Phase.DRAINING})
"""The phases of an authority whose anchor everybody is to trust."""


class ClusterRow(msgspec.Struct, frozen=True, kw_only=True):
    """Who this cluster is: trust domain and datacenter, drawn once."""

    trust_domain: str
    datacenter: str
    created: datetime


class AuthorityRow(msgspec.Struct, frozen=True, kw_only=True):
    """One authority this cluster knows.

    Attributes:
        chain: PEM, primary CA first, corporate issuers after it.
        anchor: PEM of what the mesh trusts: the primary CA, or the corporate root if so configured.
        complete: False once a server died while this authority signed: its record may lack leaves.
        configuration: id of the configuration that reaches it; '' is the one that stands.
        phase_since: when it came into its phase; None in rows of older servers.
        tainted: compromised: it leaves the bundle without waiting for what it signed.
        leave_by: a tainted one leaves the bundle then at the latest, whoever is not ready.
        cleaned: retired, and what its backend held is gone, or was given up.
    """

    id: str
    provider: str
    key_type: str
    key_bits: int
    phase: Phase
    chain: str
    anchor: str
    created: datetime
    complete: bool = True
    configuration: str = ""
    phase_since: datetime | None = None
    tainted: bool = False
    leave_by: datetime | None = None
    cleaned: bool = False

    @property
    def certificates(self) -> tuple[x509.Certificate, ...]:
        """Return the chain, parsed: primary CA first."""
        return parsed_chain(self.chain)

    @property
    def anchor_certificate(self) -> x509.Certificate:
        """Return the anchor, parsed."""
        return parsed_chain(self.anchor)[0]

    @property
    def key(self) -> KeySpec:
        """Return the key of the primary CA."""
        return KeySpec(KeyType(self.key_type), self.key_bits)


class SignerRow(msgspec.Struct, frozen=True, kw_only=True):
    """One signer of an authority; ``chain`` is PEM, signer first, anchor last.

    ``replaced`` is when another one began to sign for this authority; None while it signs.
    """

    id: str
    authority: str
    chain: str
    created: datetime
    replaced: datetime | None = None

    @property
    def certificates(self) -> tuple[x509.Certificate, ...]:
        """Return the chain, parsed: signer first."""
        return parsed_chain(self.chain)


class CurrentRow(msgspec.Struct, frozen=True, kw_only=True):
    """Which signer signs now; one commit moves it."""

    authority: str
    signer: str


class CrossRow(msgspec.Struct, frozen=True, kw_only=True):
    """The primary CA of ``new``, signed by that of ``old``; ``certificate`` is PEM."""

    new: str
    old: str
    certificate: str

    @property
    def key(self) -> str:
        """Return its key in ``CROSSES``."""
        return f"{self.new}.{self.old}"


class BootstrapRow(msgspec.Struct, frozen=True, kw_only=True):
    """The ids of the first authority and signer, and the provider that makes them."""

    authority: str
    signer: str


class PendingRow(msgspec.Struct, frozen=True, kw_only=True):
    """A backend answers later: its token, and for an outside issuer the CSR to sign."""

    token: str
    since: datetime
    csr: str = ""


class ConfigurationRow(msgspec.Struct, frozen=True, kw_only=True):
    """The CA configuration that stands; secrets are in the secret store under ``secrets`` names.

    Attributes:
        provider: entry point's name.
        config: the provider's own keys; a secret's value is ``{"secret": NAME}``.
        settings: what is common to all providers, as text.
        file_digest: SHA-256 of the ``[ca]`` section last applied from a file.
        id: its key in ``CONFIGURATIONS``; '' in rows of older servers until they are numbered.
    """

    provider: str
    config: dict[str, object]
    settings: dict[str, object]
    file_digest: str
    id: str = ""


def authorities(view: View) -> tuple[AuthorityRow, ...]:
    """Return every authority, oldest first."""
    rows = (decoded(AuthorityRow, row.value) for row in view.table(AUTHORITIES).values())
    return tuple(sorted(rows, key=lambda row: (row.created, row.id)))


def current_signer(view: View) -> tuple[AuthorityRow, SignerRow] | None:
    """Return what signs now, or None before the first authority is ready."""
    current = read(view, CurrentRow, CURRENT, "signer")
    if current is None:
        return None
    authority = read(view, AuthorityRow, AUTHORITIES, current.authority)
    signer = read(view, SignerRow, SIGNERS, current.signer)
    return None if authority is None or signer is None else (authority, signer)


def trust_domain(view: View) -> TrustDomain | None:
    """Return the cluster's trust domain, or None before the first server wrote it."""
    cluster = read(view, ClusterRow, CLUSTER, "identity")
    return None if cluster is None else TrustDomain(cluster.trust_domain)


def bundle(view: View) -> tuple[x509.Certificate, ...]:
    """Return every anchor now trusted, oldest authority first."""
    return tuple(row.anchor_certificate for row in trusted_authorities(view))


def trusted_authorities(view: View) -> tuple[AuthorityRow, ...]:
    """Return the authorities whose anchors are in the bundle, oldest first."""
    return tuple(row for row in authorities(view) if row.phase in IN_BUNDLE)


def crosses_of(view: View, authority: str) -> tuple[CrossRow, ...]:
    """Return the cross-certificates that lead from an authority to older ones in the bundle.

    Those of its predecessors follow its own, so that a verifier which knows only an older root
    finds a path; the nearest first, and at most ``MOST_CROSSED`` certificates in all.
    """
    trusted = {row.id for row in trusted_authorities(view)}
    rows = [decoded(CrossRow, row.value) for row in view.table(CROSSES).values()]
    found: list[CrossRow] = []
    reached = [authority]
    for name in reached:
        up = sorted((r for r in rows if r.new == name and r.old in trusted), key=lambda r: r.key)
        found += [row for row in up if row not in found]
        reached += [row.old for row in up if row.old not in reached]
    return _bounded(found)


def _bounded(crosses: list[CrossRow]) -> tuple[CrossRow, ...]:
    """Return the first ones, as many as a chain may hold."""
    kept: list[CrossRow] = []
    length = 0
    for row in crosses:
        length += row.certificate.count("-----BEGIN CERTIFICATE-----")
        if length > MOST_CROSSED:
            break
        kept.append(row)
    return tuple(kept)


def issuing_chain(view: View, authority: AuthorityRow, signer: SignerRow) -> str:
    """Return PEM of what follows the leaf: signer and what leads to the anchor, anchor excluded.

    Cross-certificates follow, for verifiers that do not hold this anchor yet.
    """
    anchor = authority.anchor_certificate
    own = pem_chain(c for c in signer.certificates if c != anchor)
    return own + "".join(row.certificate for row in crosses_of(view, authority.id))


def configuration_of(view: View, authority: str) -> ConfigurationRow | None:
    """Return the configuration that reaches an authority; the one that stands for one not made."""
    row = read(view, AuthorityRow, AUTHORITIES, authority)
    if row is not None and row.configuration:
        return read(view, ConfigurationRow, CONFIGURATIONS, row.configuration)
    return read(view, ConfigurationRow, CONFIGURATION, "ca")
