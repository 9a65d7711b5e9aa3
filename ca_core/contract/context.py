"""What the core lends to a provider: names that last, hidden secrets, a clock, a logger."""

import logging
from dataclasses import dataclass
from typing import Protocol

from ca_core.clock import Clock
from ca_core.contract.capabilities import Role
from ca_core.identity.spiffe import TrustDomain


class ProviderState(Protocol):
    """Small strings that outlive the process, shared by every server and shown to operators.

    No secrets. Reads go through to the store every time, so two servers see one truth. One
    namespace per provider name: put the authority's or signer's id into the key. Keys match
    ``[a-z0-9./_-]{1,200}``; values are at most 64 KiB. Thread-safe; never call it from the event
    loop.
    """

    def get(self, key: str) -> str | None:
        """Return the value, or None.

        Raises:
            RequestError: the key has a wrong shape.
        """
        ...

    def create(self, key: str, value: str) -> str:
        """Write ``value`` if the key is free; return the value that stands.

        The loser of a race gets the winner's value, and must go on with that.

        Raises:
            RequestError: the key or the value has a wrong shape.
            UnavailableError: the store cannot be written now.
        """
        ...

    def replace(self, key: str, old: str, new: str | None) -> bool:
        """Write ``new`` (None deletes) if the value is still ``old``; return whether it was.

        Raises:
            RequestError: the key or the value has a wrong shape.
            UnavailableError: the store cannot be written now.
        """
        ...

    def keys(self, prefix: str = "") -> tuple[str, ...]:
        """Return the keys that begin with ``prefix``, sorted."""
        ...


class SecretStore(Protocol):
    """Bytes that nobody sees: encrypted at rest, absent from every log, error, repr and answer.

    One namespace per provider name. Thread-safe; never call it from the event loop.
    """

    def get(self, name: str) -> bytes | None:
        """Return the secret, or None.

        Raises:
            UnavailableError: the key-encryption key with the id named in the message is missing.
        """
        ...

    def create(self, name: str, value: bytes) -> bytes:
        """Keep ``value`` if the name is free; return the secret that stands.

        Raises:
            UnavailableError: the store cannot be written, or no key-encryption key is live.
        """
        ...

    def delete(self, name: str) -> None:
        """Forget the secret; a name that is not there is fine."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderContext:
    """Lent to one provider object for one authority.

    Attributes:
        trust_domain: stands in every certificate.
        datacenter: this datacenter's name.
        role: ``PRIMARY`` owns the authority, ``SECONDARY`` signs below another datacenter's.
        authority_id: the authority this object serves; ``[a-z0-9-]{1,32}``.
        clock: the only source of time.
        state: durable, shared, visible.
        secrets: durable, shared, encrypted.
        logger: redacts secrets; use it instead of your own.
    """

    trust_domain: TrustDomain
    datacenter: str
    role: Role
    authority_id: str
    clock: Clock
    state: ProviderState
    secrets: SecretStore
    logger: logging.Logger
