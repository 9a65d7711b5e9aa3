"""Answers of a provider: chains, findings, health."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

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
class Credential:
    """How the credential stands with which a provider works at its backend; no secret.

    Attributes:
        ends: aware UTC; None if it never expires. A moment that has passed says that there is none
            that works.
        failures: how often it could not be renewed or replaced, in a row; 0 says that all is well.
            A credential that nothing renews counts one once little of its life is left.
        last_error: of the last failure, in one line without a secret; '' if there was none.
    """

    ends: datetime | None
    failures: int = 0
    last_error: str = ""

    def runway(self, now: datetime) -> timedelta | None:
        """Return how long it still lives, at least zero; None if it never expires."""
        return None if self.ends is None else max(self.ends - now, timedelta())


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether the provider can work now, in one sentence an operator can act on.

    Attributes:
        ok: whether it can.
        message: why not, and what to do; may be empty if it can.
        details: facts (address, login method), never a secret.
        credential: what it works with at its backend; None if it needs none, or has none yet.
    """

    ok: bool
    message: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    credential: Credential | None = None
