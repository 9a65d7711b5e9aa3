"""Answers of a provider: chains, findings, health."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography import x509


@dataclass(frozen=True, slots=True)
class TrustChain:
    """An authority's certificates: the primary CA first, corporate issuers after it, root last.

    One certificate is a self-signed primary CA.

    Attributes:
        certificates: in that order.
        adopted: the CA existed before, named in the configuration; it keeps its own kind of key.
    """

    certificates: tuple[x509.Certificate, ...]
    adopted: bool = False

    @property
    def primary(self) -> x509.Certificate:
        """Return the primary CA: what the mesh trusts, and what signs signers."""
        return self.certificates[0]


@dataclass(frozen=True, slots=True)
class Signer:
    """What signs leaves: its id, and its chain, signer first, the authority's anchor last.

    A chain of one certificate says that the primary CA itself signs leaves.

    Attributes:
        id: as in the request.
        chain: the certificate whose key signs, then its issuers up to the primary CA.
    """

    id: str
    chain: tuple[x509.Certificate, ...]

    @property
    def certificate(self) -> x509.Certificate:
        """Return the certificate whose key signs."""
        return self.chain[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What ``probe`` saw; nothing was changed.

    Attributes:
        exists: whether the authority of this context exists already.
        missing_permissions: what the backend would refuse, in the backend's own terms.
        limits: facts with their unit in the name, for example
            ``{"max_leaf_ttl_seconds": "86400"}``.
        notes: sentences for the operator.
    """

    exists: bool = False
    missing_permissions: tuple[str, ...] = ()
    limits: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether the provider can work now, in one sentence an operator can act on.

    Attributes:
        ok: whether it can.
        message: why not, and what to do; may be empty if it can.
        details: facts (address, hours of credential left), never a secret.
    """

    ok: bool
    message: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
