"""What is common to all providers, as a value the manager works with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ca_core.identity.keys import KeySpec


@dataclass(frozen=True, slots=True, kw_only=True)
class CASettings:
    """The ``[ca]`` section once it has been read and its TTL rules have been checked.

    Attributes:
        provider: entry point's name.
        config: the provider's own keys, raw; may hold secrets, so it is never shown.
        leaf_ttl: life asked for a leaf, 72 h by default.
        root_ttl: life of a primary CA made here.
        intermediate_ttl: life of a signer.
        key: key of primary CA and signers.
        csr_max_per_second: admission control; 0 switches it off.
        trust_corporate_root: publish the corporate root instead of the primary CA itself.
        strict_key_usage: refuse keyEncipherment in leaves instead of warning.
    """

    provider: str = "builtin"
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    leaf_ttl: timedelta = timedelta(hours=72)
    root_ttl: timedelta = timedelta(hours=87600)
    intermediate_ttl: timedelta = timedelta(hours=8760)
    key: KeySpec = field(default_factory=KeySpec)
    csr_max_per_second: float = 50
    trust_corporate_root: bool = False
    strict_key_usage: bool = False
