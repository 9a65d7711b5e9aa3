"""An issuer of the operator's: found and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509

from ca_core.contract import ConfigError, ProviderContext, authority_faults
from ca_provider_vault.answers import chain_in
from ca_provider_vault.roots import Roots

WHERE = "ca.config.root_issuer"


@dataclass(frozen=True, slots=True)
class ExistingIssuer:
    """An issuer with its key, as the server calls both; the chain is its own certificate first."""

    issuer: str
    key: str
    chain: tuple[x509.Certificate, ...]


def read_existing(
    roots: Roots, issuer: str, context: ProviderContext, *, deadline: datetime
) -> ExistingIssuer:
    """Return an issuer that fits as the primary CA.

    Raises:
        ConfigError: there is none of that name, it has no key, or ``authority_faults`` finds one.
    """
    found = roots.found(issuer, deadline=deadline)
    if found is None:
        raise ConfigError(f"the root mount has no issuer {issuer!r}", where=WHERE)
    existing = ExistingIssuer(_text(found, "issuer_id"), _text(found, "key_id"), chain_in(found))
    if not existing.key:
        raise ConfigError(f"the server has no key of issuer {issuer!r}", where=WHERE)
    faults = authority_faults(
        existing.chain,
        key=existing.chain[0].public_key(),
        trust_domain=context.trust_domain,
        now=context.clock.now(),
        signs_leaves=False,
    )
    if faults:
        raise ConfigError("; ".join(faults), where=WHERE)
    return existing


def _text(found: Mapping[str, Any], key: str) -> str:
    return str(found.get(key) or "")
